"""Checks whether the process uses the CPU: the only sign of an encoder finishing a long file."""

from __future__ import annotations

import time
from typing import Final

from livematte.pipeline.stall_timing import AwakeClock

WORK_SECONDS: Final = 0.001
"""Less CPU time does not count as work."""


class WorkClock:
    """Measures how long the process has not used the CPU, apart from the calling thread."""

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
