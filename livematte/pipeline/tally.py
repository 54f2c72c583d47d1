"""Counts pictures taken and frames dropped, and checks whether a run keeps up."""

from __future__ import annotations

from typing import Final

from livematte.pipeline.frame_queue import FrameQueue
from livematte.pipeline.outputs import Outputs
from livematte.pipeline.pace import Pace, Slow
from livematte.pipeline.stall_timing import SLEPT_SECONDS, AwakeClock
from livematte.pipeline.statistics import Statistics

PAUSE_SECONDS: Final = 1.0
"""Frames dropped this soon after a pause are old ones from the driver."""


class Tally:
    """Counts for one run; main thread only.

    handed: how many pictures were sent to the outputs.
    """

    def __init__(self, clock: AwakeClock, waiting: FrameQueue, outputs: Outputs) -> None:
        self.statistics = Statistics()
        self.handed = 0
        self._clock = clock
        self._waiting = waiting
        self._outputs = outputs
        self._late = self._held_up = 0
        """Frames dropped before the renderer and before the outputs, counted or not."""
        self._slept = 0
        self._counting_from_seconds = 0.0
        self._pace = Pace()

    def count(self) -> None:
        """Count what happened since the last call."""
        self._clock.tick()
        has_slept = self._clock.slept > self._slept
        for each in self._outputs.taken():
            if has_slept and each.taken_seconds - self.statistics.last_seconds > SLEPT_SECONDS:
                self.statistics.pause()
            self.statistics.sent(each.captured_seconds, each.taken_seconds, each.is_shown)
        late, held_up = self._waiting.dropped, self._outputs.dropped
        dropped = late + held_up - self._late - self._held_up
        self._late, self._held_up = late, held_up
        if has_slept:
            self._slept = self._clock.slept
            self.pause()
        # Frames that come while the network is compiled, or are left in a driver after a pause, are
        # not dropped for lack of speed.
        if self.handed and self._clock.seconds >= self._counting_from_seconds:
            self.statistics.dropped += dropped

    def pause(self, seconds: float = PAUSE_SECONDS) -> None:
        """Pictures continue after a pause, or are about to stop; dropped frames do not count."""
        self.statistics.pause()
        self._pace.pause()
        self._counting_from_seconds = self._clock.seconds + seconds

    def slow(self, *, is_whole: bool) -> Slow | None:
        """Not None once, when a live run was too slow for a while.

        is_whole: camera and network both work; otherwise the speed means nothing.
        """
        if not self.handed:
            return None
        if not is_whole:
            self._pace.pause()
            return None
        frames = self.statistics.frames
        return self._pace.look(self._clock.seconds, frames, self._late, self._held_up)
