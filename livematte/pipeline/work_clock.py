"""Whether the process works: the one sign of life of an encoder that is finishing a long file."""

from __future__ import annotations

import time
from typing import Final

from livematte.pipeline.stall_timing import AwakeClock

WORK_SECONDS: Final = 0.001
"""Less use of the processor is no sign of work."""


class WorkClock:
    """Knows for how long the process has not used the processor, but for the thread that asks."""

    def __init__(self, clock: AwakeClock) -> None:
        self._clock = clock
        self._last_seconds = clock.seconds
        self._used_seconds = _used_by_others()

    def look(self) -> None:
        used_seconds = _used_by_others()
        if used_seconds - self._used_seconds > WORK_SECONDS:
            self._used_seconds = used_seconds
            self._last_seconds = self._clock.seconds

    @property
    def idle_seconds(self) -> float:
        return self._clock.seconds - self._last_seconds


def _used_by_others() -> float:
    return time.process_time() - time.thread_time()
