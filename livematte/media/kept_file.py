"""Background files that stay readable during a run, even if they are moved or deleted."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from livematte.errors import BackgroundError
from livematte.media.regular_file import open_regular

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Files up to this size are read into memory at the start, so that nothing of them can be lost."""


def keep_file(path: Path) -> BinaryIO:
    """A background's content, for the caller to close: in memory, or an open file if it is large.

    Raises `BackgroundError` if it cannot be read or is not a regular file.
    """
    try:
        file = open_regular(path)
        if os.fstat(file.fileno()).st_size > KEPT_BYTES:
            return file
        with file:
            return io.BytesIO(file.read(KEPT_BYTES))
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> BackgroundError:
    """The error for a background that cannot be read."""
    return BackgroundError(
        f"Background {path} cannot be read: {error.strerror or error}.",
        "Check that it is there, and its permissions.",
    )
