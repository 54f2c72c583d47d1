"""The terminal that started the program, and whether it still exists. Not on Windows."""

from __future__ import annotations

import errno
import os
from typing import Final

_GONE: Final = (errno.ENXIO, errno.EIO, errno.ENODEV, errno.ENOTTY)


class ControllingTerminal:
    """A service has no terminal, so its terminal is never gone.

    The sender of a SIGHUP does not show whether the terminal was closed: shells and terminals send
    it with `kill`, and so does a person who wants a reload.
    """

    def __init__(self) -> None:
        self._was_there = _error() == 0

    def is_gone(self) -> bool:
        return self._was_there and _error() in _GONE


def _error() -> int:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno or -1
    return 0
