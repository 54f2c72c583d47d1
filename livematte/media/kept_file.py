"""Files that are read for as long as a run goes on, whatever becomes of their names."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from livematte.regular_file import open_regular

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Files up to this size are read into memory at the start; nothing can be lost of them then."""


def keep_file(path: Path, most_bytes: int = KEPT_BYTES) -> BinaryIO:
    """What is in a file, for the caller to close: in memory, or as an open file where it is large.

    Raises `OSError` if it cannot be read or is not a regular file.
    """
    file = open_regular(path)
    if os.fstat(file.fileno()).st_size > most_bytes:
        return file
    with file:
        return io.BytesIO(file.read(most_bytes))
