"""Whether a program is reading from a virtual camera. Linux only.

The kernel reports each opening and closing of the device (inotify), and /proc shows who has it
open, but both are incomplete. The kernel merges events that are alike, or loses them, and /proc
hides the open files of other users' programs. Version 0.13 of v4l2loopback could report its readers
itself; this also works with older versions. In doubt, the answer is that somebody is watching.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Final

from inotify_simple import INotify, flags  # type: ignore[import-untyped]  # it ships no types

from livematte.linux.open_files import holders

GLANCE_SECONDS: Final = 0.2
"""A program that opens the device for less only queries it, as browsers do to list cameras."""

RECOUNT_SECONDS: Final = 30.0
"""How often /proc is checked even if there was no event."""


class Readers:
    """Counts the other programs that have a device open, from the moment it is made.

    Make it after this program has opened the device, and close it before closing the device.
    """

    def __init__(self, device: str, *, was_held: bool = False) -> None:
        """was_held: whether a program had it open before, according to the driver.

        Raises OSError if the kernel has no more watches.
        """
        self._path = os.path.realpath(device)
        self._inotify = INotify(nonblocking=True)
        try:
            self._watch()
        except OSError:
            self._inotify.close()
            raise
        now = time.monotonic()
        self._seen, is_all = self._count()
        self._hidden = int(was_held and not self._seen and not is_all)
        """Readers that events report but /proc hides."""
        self._counted_seconds = now
        self._is_lost = False
        self._since_seconds: float | None = now if self._seen + self._hidden else None

    def are_there(self) -> bool:
        """Whether a program has had the device open for longer than a glance."""
        now = time.monotonic()
        events = self._inotify.read(timeout=0)
        if events or self._is_lost or now - self._counted_seconds >= RECOUNT_SECONDS:
            self._recount([each.mask for each in events])
            self._counted_seconds = now
        if not self._is_lost and not self._seen + self._hidden:
            self._since_seconds = None
        elif self._since_seconds is None:
            self._since_seconds = now
        return self._since_seconds is not None and now - self._since_seconds >= GLANCE_SECONDS

    def close(self) -> None:
        self._inotify.close()

    def _watch(self) -> None:
        self._inotify.add_watch(self._path, flags.OPEN | flags.CLOSE_WRITE | flags.CLOSE_NOWRITE)

    def _count(self) -> tuple[int, bool]:
        """How many times other programs have the device open, and whether that is all of them."""
        found = holders(self._path)
        return sum(each.openings for each in found.seen), found.is_all

    def _recount(self, masks: list[int]) -> None:
        opened = sum(bool(mask & flags.OPEN) for mask in masks)
        closed = sum(bool(mask & (flags.CLOSE_WRITE | flags.CLOSE_NOWRITE)) for mask in masks)
        before, (self._seen, is_all) = self._seen, self._count()
        if is_all:
            self._hidden = 0
        elif any(mask & flags.Q_OVERFLOW for mask in masks):
            self._hidden = max(1, self._hidden)
        elif self._seen == before:  # otherwise, the readers in /proc explain the events
            self._hidden = max(0, self._hidden + opened - closed)
        if self._is_lost or any(mask & (flags.IGNORED | flags.UNMOUNT) for mask in masks):
            # The device file is gone, and the watch with it; the file may exist again.
            self._is_lost = True
            with suppress(OSError):
                self._watch()
                self._is_lost = False
