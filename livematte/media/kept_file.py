"""Backgrounds that are read for as long as a run goes on, whatever becomes of their names."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from livematte.errors import BackgroundError
from livematte.media.regular_file import open_regular

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Files up to this size are read into memory at the start; nothing can be lost of them then."""


def keep_file(path: Path) -> BinaryIO:
    """What is in a background, for the caller to close: in memory, or an open file if it is large.

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
    """What to tell of a background that cannot be read."""
    return BackgroundError(
        f"Background {path} cannot be read: {error.strerror or error}.",
        "Check that it is there, and its permissions.",
    )
