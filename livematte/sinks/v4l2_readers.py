"""Whether a program has a virtual camera open to read from it. Linux only.

The kernel is asked to tell of each opening and closing of the device (inotify). Version 0.13 of
v4l2loopback could tell of its readers by itself; this goes for older ones too.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from inotify_simple import INotify, flags  # type: ignore[import-untyped]  # it ships no types

GLANCE_SECONDS: Final = 0.2
"""Who has the device open for less only asks what it is, as browsers do when they list cameras."""


class Readers:
    """Counts who has a device open, from its making on, without whoever opened it in this program.

    Make it when this program has opened the device, and close it before that is closed.
    """

    def __init__(self, device: str) -> None:
        """Raises OSError if the kernel has no more watches to give."""
        path = os.path.realpath(device)
        self._inotify = INotify(nonblocking=True)
        self._inotify.add_watch(path, flags.OPEN | flags.CLOSE_WRITE | flags.CLOSE_NOWRITE)
        self._count = _open_elsewhere(path)
        self._since_seconds: float | None = time.monotonic() if self._count else None

    def are_there(self) -> bool:
        """Whether a program has had the device open for longer than a glance."""
        for event in self._inotify.read(timeout=0):
            self._count = max(0, self._count + (1 if event.mask & flags.OPEN else -1))
        now = time.monotonic()
        if not self._count:
            self._since_seconds = None
        elif self._since_seconds is None:
            self._since_seconds = now
        return self._since_seconds is not None and now - self._since_seconds >= GLANCE_SECONDS

    def close(self) -> None:
        self._inotify.close()


def _open_elsewhere(path: str) -> int:
    """How often other programs have the device open; of those that this one may look into."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            count += sum(os.path.realpath(each) == path for each in (process / "fd").iterdir())
    return count
