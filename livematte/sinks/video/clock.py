"""Converts the times of pictures to ticks of the video's clock."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from livematte.media.video.source import SourceVideo

SNAP_SECONDS: Final = 0.002
"""Containers round times to a millisecond, twice when a clip is copied: a picture this close to a
multiple of the frame duration belongs exactly there."""

SHORTEST_TICK_SECONDS: Final = Fraction(1, 1000)
"""Matroska's tick. Two times closer than this would become the same."""

FINEST_TICK_SECONDS: Final = Fraction(1, 1_000_000)
"""Some containers count in nanoseconds, but 32 bits cannot hold an hour of them."""

COARSEST_TICK_SECONDS: Final = Fraction(1, 5000)
"""A start between two ticks is rounded by at most half of this."""


class Clock(Protocol):
    """Gives each picture its time in a video; strictly increasing."""

    tick_seconds: Fraction

    def ticks(self, media_seconds: float) -> int:
        """When to show the picture of `media_seconds`."""
        ...


class LiveClock:
    """Counts from the first picture, and snaps times close to the frame rate to it."""

    def __init__(self, frames_per_second: Fraction) -> None:
        # A whole number of ticks per frame, so that a constant rate is written exactly.
        rate = frames_per_second
        self.ticks_per_frame = rate.denominator * max(1, 1000 // rate.numerator)
        self.tick_seconds = 1 / (rate * self.ticks_per_frame)
        self._seconds_per_frame = float(1 / rate)
        self._shortest_step = math.ceil(SHORTEST_TICK_SECONDS / self.tick_seconds)
        self._first_seconds: float | None = None
        self._last_ticks = -self._shortest_step

    def ticks(self, media_seconds: float) -> int:
        if self._first_seconds is None:
            self._first_seconds = media_seconds
        seconds = media_seconds - self._first_seconds
        frames = round(seconds / self._seconds_per_frame)
        if abs(frames * self._seconds_per_frame - seconds) <= SNAP_SECONDS:
            ticks = frames * self.ticks_per_frame
        else:
            ticks = round(seconds / float(self.tick_seconds))
        self._last_ticks = max(ticks, self._last_ticks + self._shortest_step)
        return self._last_ticks


class FileClock:
    """Gives each picture its time in the recording, in the recording's own ticks."""

    def __init__(self, recording: SourceVideo, shortest_step_seconds: Fraction) -> None:
        """shortest_step_seconds: the container's resolution; closer times are moved apart."""
        tick = max(recording.tick_seconds, FINEST_TICK_SECONDS)
        self.tick_seconds = tick / math.ceil(tick / COARSEST_TICK_SECONDS)
        self._first_ticks = float(
            (recording.first_seconds - recording.zero_seconds) / self.tick_seconds
        )
        self._shortest_step = max(1, math.ceil(shortest_step_seconds / self.tick_seconds))
        self._last_ticks: int | None = None

    def ticks(self, media_seconds: float) -> int:
        ticks = round(self._first_ticks + media_seconds / float(self.tick_seconds))
        if self._last_ticks is not None:
            ticks = max(ticks, self._last_ticks + self._shortest_step)
        self._last_ticks = ticks
        return ticks
