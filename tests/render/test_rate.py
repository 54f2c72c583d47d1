"""Which size is taken when, as the machine gets busy and idle again."""

from __future__ import annotations

from itertools import pairwise

from livematte.render.rate import FRAMES, PATIENCE_SECONDS, RateKeeper

PERIOD_SECONDS = 1 / 30
PIXELS = {256: 448 * 256, 288: 512 * 288, 320: 576 * 320}


class Machine:
    """A clock, and a network whose time is proportional to its pixels."""

    def __init__(self, milliseconds_at_256: float) -> None:
        self.milliseconds_at_256 = milliseconds_at_256
        self.keeper = RateKeeper(PIXELS, PERIOD_SECONDS)
        self.now_seconds = 0.0
        self.keeper.take(self.keeper.fitting(256, self._seconds(256)))

    def run(self, seconds: float) -> list[int]:
        """Let frames pass for so long; returns the sizes that were changed to."""
        changes = []
        end_seconds = self.now_seconds + seconds
        while self.now_seconds < end_seconds:
            taken_seconds = self._seconds(self.keeper.short_side)
            self.now_seconds += max(taken_seconds, PERIOD_SECONDS)
            if change := self.keeper.note(taken_seconds, self.now_seconds):
                changes.append(change)
        return changes

    def _seconds(self, short_side: int) -> float:
        return self.milliseconds_at_256 / 1000 * PIXELS[short_side] / PIXELS[256]


def test_it_begins_with_the_largest_size_that_leaves_some_time() -> None:
    assert Machine(10).keeper.short_side == 320
    assert Machine(20).keeper.short_side == 288
    assert Machine(27).keeper.short_side == 256


def test_it_takes_the_smallest_size_where_none_is_fast_enough() -> None:
    machine = Machine(70)
    assert machine.keeper.short_side == 256
    assert machine.run(60) == []


def test_nothing_changes_while_nothing_changes() -> None:
    for milliseconds in (5, 15, 17, 20, 22, 25, 30, 33, 50):
        assert Machine(milliseconds).run(120) == []


def test_it_shrinks_soon_when_the_machine_gets_busy() -> None:
    machine = Machine(15)
    machine.run(10)
    machine.milliseconds_at_256 = 25
    assert machine.run(3) == [256]


def test_a_single_slow_frame_changes_nothing() -> None:
    machine = Machine(15)
    machine.run(10)
    for _ in range(FRAMES // 2 - 1):
        assert machine.keeper.note(0.5, machine.now_seconds) is None
    assert machine.run(10) == []


def test_it_grows_again_step_by_step_after_a_while() -> None:
    machine = Machine(15)
    machine.milliseconds_at_256 = 30
    machine.run(5)
    machine.milliseconds_at_256 = 15
    assert machine.run(PATIENCE_SECONDS - 1) == []
    assert machine.run(4) == [288]
    assert machine.run(PATIENCE_SECONDS + 4) == [320]


def test_it_tries_less_and_less_often_what_does_not_work() -> None:
    """Larger sizes here cost more than their pixels say, as beyond the edge of a cache."""
    machine = Machine(20)
    machine.run(1)
    keeper = machine.keeper
    changes = []
    while machine.now_seconds < 600:
        taken_seconds = 0.020 if keeper.short_side == 256 else 0.040
        machine.now_seconds += max(taken_seconds, PERIOD_SECONDS)
        if keeper.note(taken_seconds, machine.now_seconds):
            changes.append((keeper.short_side, machine.now_seconds))
    grown_at = [seconds for side, seconds in changes if side == 288]
    waits = [after - before for before, after in pairwise(grown_at)]
    assert 3 <= len(grown_at) <= 7
    assert waits == sorted(waits)
    assert waits[-1] > 5 * waits[0]
