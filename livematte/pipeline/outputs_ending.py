"""The end of all sinks: each is given the time that it needs, and what hangs is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from livematte.pipeline.outlet import STALLED_SECONDS, Outlet, Stage
from livematte.pipeline.stall_timing import AwakeClock
from livematte.pipeline.work_clock import WorkClock

POLL_SECONDS: Final = 0.02

STUCK_SECONDS: Final = 5.0
"""At the end of a run, a sink that has been busy with one picture for so long is left behind."""

STUCK_IDLE_SECONDS: Final = 1.0
"""The same for one that was reported already, or works: without use of the processor."""

FINISHING_SECONDS: Final = 30.0
"""A sink that is being closed is waited for while the process works, and for so long while it does
not: to move the index of a long recording to its beginning takes its time."""

INTERRUPT_SECONDS: Final = 0.3
"""A sink that waits for something is told after so long that the run ends."""


def wait_for_ends(
    outlets: Sequence[Outlet],
    clock: AwakeClock,
    changed: threading.Condition,
    on_trouble: Callable[[str], None],
) -> list[Outlet]:
    """Wait for sinks that were told to finish; returns those that are left behind.

    clock: of the thread that calls, which this ticks.
    """
    ending = _Ending(outlets, clock, on_trouble)
    while waiting := ending.waiting:
        clock.tick()
        ending.look(waiting)
        with changed:
            if not any(each.ended for each in waiting):
                changed.wait(POLL_SECONDS)
    for each in outlets:
        if each not in ending.left:
            each.join()
    return ending.left


class _Ending:
    """left: those that are left behind."""

    def __init__(
        self, outlets: Sequence[Outlet], clock: AwakeClock, on_trouble: Callable[[str], None]
    ) -> None:
        self.left: list[Outlet] = []
        self._outlets = outlets
        self._clock = clock
        self._on_trouble = on_trouble
        self._work = WorkClock(clock)
        self._began_seconds = clock.seconds
        self._stalled = [each for each in outlets if each.told]
        self._told: list[Outlet] = []

    @property
    def waiting(self) -> list[Outlet]:
        return [each for each in self._outlets if each not in self.left and not each.ended]

    def look(self, waiting: Sequence[Outlet]) -> None:
        self._work.look()
        waited_seconds = self._clock.seconds - self._began_seconds
        for each in waiting:
            busy_seconds = min(each.busy_seconds, waited_seconds)
            if busy_seconds > INTERRUPT_SECONDS:
                each.interrupt()
            if self._hangs(each, busy_seconds):
                self.left.append(each)

    def _hangs(self, outlet: Outlet, busy_seconds: float) -> bool:
        idle_seconds = self._work.idle_seconds
        if outlet.stage is Stage.FINISHING:
            if busy_seconds > STALLED_SECONDS and outlet not in self._told:
                self._told.append(outlet)
                self._on_trouble(f"{outlet.description} is being finished.")
            return min(busy_seconds, idle_seconds) > FINISHING_SECONDS
        longest_seconds = STUCK_IDLE_SECONDS if outlet in self._stalled else STUCK_SECONDS
        return busy_seconds > longest_seconds and idle_seconds > STUCK_IDLE_SECONDS
