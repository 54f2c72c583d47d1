"""Opens regular files only: never a pipe, which might never end, or a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read; it is checked after opening, so that nothing can take its place.

    Raises `OSError` if it cannot be opened or is not a regular file.
    """
    _require_regular(os.stat(path).st_mode)  # to open a device may already do something
    with_nothing_to_wait_for = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, with_nothing_to_wait_for | getattr(os, "O_BINARY", 0))
    try:
        _require_regular(os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_small(path: Path, most_bytes: int) -> bytes:
    """The content of a file of no more than `most_bytes`.

    Raises OSError if it cannot be read, is larger, or is not a regular file.
    """
    with open_regular(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes // 1024} KiB")
    return data


def _require_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
