"""Whether a live run keeps up with its camera.

What is compared is frames that came and frames that were shown: a camera that gives few in the dark
is not the computer's fault.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from livematte.render.processor import cores

SETTLING_SECONDS: Final = 2.0
"""After the start or a pause, before it is judged: caches are cold, drivers give what they kept."""

WINDOW_SECONDS: Final = 8.0
"""A shorter time of slowness is not worth a word."""

DROPPED_SHARE: Final = 0.15
"""Of the frames that came, as many must have been dropped for a run to be slow."""


class Slow(NamedTuple):
    """How a run was too slow, over some seconds.

    shown, came: frames a second.
    outputs_share: of the dropped frames, how many waited for an output and not for the renderer.
    processor_share: how much of the processor's cores this program used, 0 to 1.
    """

    shown: float
    came: float
    outputs_share: float
    processor_share: float


class Pace:
    """Watches a run, from one thread, and tells once if it has been too slow for long."""

    def __init__(self) -> None:
        self._told = False
        self._begins_seconds: float | None = None
        """When the present window begins; None before the first look after a pause."""
        self._frames = self._late = self._held_up = 0
        self._processor_seconds = 0.0
        self._counting = False

    def pause(self) -> None:
        """What was seen so far does not count: the run begins, or goes on after a pause."""
        self._begins_seconds = None
        self._counting = False

    def look(self, now_seconds: float, frames: int, late: int, held_up: int) -> Slow | None:
        """Not None once, when the run has been too slow for `WINDOW_SECONDS`.

        now_seconds: of a clock that stands still while the program sleeps.
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
