"""Checks whether a live run keeps up with its camera.

It compares frames that came with frames that were shown: a camera that delivers few frames in the
dark is not the computer's fault.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from livematte.render.processor import cores

SETTLING_SECONDS: Final = 2.0
"""Ignored after the start or a pause: caches are cold, and drivers deliver old frames."""

WINDOW_SECONDS: Final = 8.0
"""Shorter slowness is not reported."""

DROPPED_SHARE: Final = 0.15
"""A run is slow if more than this share of the frames that came was dropped."""


class Slow(NamedTuple):
    """A run that was too slow, over some seconds.

    shown, came: frames per second.
    outputs_share: share of the dropped frames that waited for an output, not for the renderer.
    processor_share: share of all CPU cores that this process used, 0 to 1.
    """

    shown: float
    came: float
    outputs_share: float
    processor_share: float


class Pace:
    """Watches a run, from one thread, and reports once if it is too slow for a while."""

    def __init__(self) -> None:
        self._told = False
        self._begins_seconds: float | None = None
        """When the current window begins; None before the first look after a pause."""
        self._frames = self._late = self._held_up = 0
        self._processor_seconds = 0.0
        self._counting = False

    def pause(self) -> None:
        """Discard the current window: the run starts, or continues after a pause."""
        self._begins_seconds = None
        self._counting = False

    def look(self, now_seconds: float, frames: int, late: int, held_up: int) -> Slow | None:
        """Not None once, when the run was too slow for `WINDOW_SECONDS`.

        now_seconds: by a clock that stops while the process is suspended.
        frames: pictures shown so far; late: frames dropped before the renderer; held_up: pictures
            dropped before the outputs.
        """
        if self._told:
            return None
        if self._begins_seconds is None:
            self._begins_seconds = now_seconds + SETTLING_SECONDS
        passed_seconds = now_seconds - self._begins_seconds
        if passed_seconds < 0:
            return None
        if not self._counting:
            self._start(now_seconds, frames, late, held_up)
            return None
        if passed_seconds < WINDOW_SECONDS:
            return None
        late_now, held_up_now = late - self._late, held_up - self._held_up
        shown, dropped = frames - self._frames, late_now + held_up_now
        used_seconds = time.process_time() - self._processor_seconds
        self._start(now_seconds, frames, late, held_up)
        if dropped <= DROPPED_SHARE * (shown + dropped):
            return None
        self._told = True
        return Slow(
            shown / passed_seconds,
            (shown + dropped) / passed_seconds,
            held_up_now / dropped,
            min(1.0, used_seconds / passed_seconds / cores()),
        )

    def _start(self, now_seconds: float, frames: int, late: int, held_up: int) -> None:
        self._counting = True
        self._begins_seconds = now_seconds
        self._frames, self._late, self._held_up = frames, late, held_up
        self._processor_seconds = time.process_time()
