"""How long a picture is waited for."""

from __future__ import annotations

import time

import pytest

from livematte.pipeline.stall_timing import LONGEST_STEP_SECONDS, AwakeClock, StallTimer


def test_time_asleep_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = AwakeClock()
    for step in (0.02, 3600.0, 0.02):
        now[0] += step
        clock.tick()
    assert clock.seconds == pytest.approx(0.04 + LONGEST_STEP_SECONDS)


def test_it_is_exhausted_until_the_first_picture_and_some_time_after_the_last() -> None:
    clock = AwakeClock()
    patience = StallTimer(clock)
    assert patience.is_exhausted(0.5)
    patience.shown()
    clock.seconds += 0.4
    assert not patience.is_exhausted(0.5)
    clock.seconds += 0.2
    assert patience.is_exhausted(0.5)
    patience.shown()
    assert not patience.is_exhausted(0.5)
    patience.lose()
    assert patience.is_exhausted(0.5)


def test_a_slow_computer_is_given_more_time_and_one_slow_picture_does_not_change_that() -> None:
    patience = StallTimer(AwakeClock())
    for seconds in (0.4, 0.4, 5.0, 0.4):
        patience.took(seconds)
    assert patience.stretched(0.5) == pytest.approx(1.2)
    assert patience.stretched(4.0) == 4.0
