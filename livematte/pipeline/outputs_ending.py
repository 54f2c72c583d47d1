"""Ends all sinks: each gets the time that it needs, and those that hang are abandoned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from livematte.pipeline.outlet import STALLED_SECONDS, Outlet, Stage
from livematte.pipeline.stall_timing import AwakeClock
from livematte.pipeline.work_clock import WorkClock

POLL_SECONDS: Final = 0.02

STUCK_SECONDS: Final = 5.0
"""At the end of a run, a sink that is busy with one picture for this long is abandoned."""

STUCK_IDLE_SECONDS: Final = 1.0
"""The same for a sink that was already reported; also the least time without CPU use."""

FINISHING_SECONDS: Final = 30.0
"""How long to wait for a sink that is closing while the process uses no CPU; while it does, without
limit: moving the index of a long recording to its beginning takes time."""

INTERRUPT_SECONDS: Final = 0.3
"""A sink that waits for something is interrupted after this long."""


def wait_for_ends(
    outlets: Sequence[Outlet],
    clock: AwakeClock,
    changed: threading.Condition,
    on_trouble: Callable[[str], None],
) -> list[Outlet]:
    """Wait for sinks that were told to finish; returns those that were abandoned.

    clock: the calling thread's; ticked here.
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
    """left: the abandoned sinks."""

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
                self._on_trouble(f"Finishing {outlet.description}.")
            return min(busy_seconds, idle_seconds) > FINISHING_SECONDS
        longest_seconds = STUCK_IDLE_SECONDS if outlet in self._stalled else STUCK_SECONDS
        return busy_seconds > longest_seconds and idle_seconds > STUCK_IDLE_SECONDS
