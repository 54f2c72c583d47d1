"""The terminal that a program was started in, and whether it is still there. Not on Windows."""

from __future__ import annotations

import errno
import os
from typing import Final

_GONE: Final = (errno.ENXIO, errno.EIO, errno.ENODEV, errno.ENOTTY)


class ControllingTerminal:
    """A service has none, and none is gone then.

    Who sent a SIGHUP does not tell whether the terminal was closed: shells and terminals pass it on
    with `kill`, as a person sends it who wants a reload.
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
