from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from livematte.pipeline.statistics import KEPT_LATENCIES, Statistics


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time of the monotonic clock."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


def test_before_the_first_frame_there_is_nothing_to_tell() -> None:
    statistics = Statistics()
    assert statistics.recent_frames_per_second == 0
    assert statistics.recent_latency_seconds is None
    assert statistics.summary().median_latency_seconds is None


def test_rate_and_latency(clock: Callable[[float], None]) -> None:
    statistics = Statistics()
    for frame in range(101):
        clock(frame / 10)
        statistics.sent(frame / 10 - (0.5 if frame % 10 == 0 else 0.05))
    statistics.dropped = 7
    summary = statistics.summary()
    assert (summary.frames, summary.dropped) == (101, 7)
    assert summary.frames_per_second == pytest.approx(10)
    assert summary.median_latency_seconds == pytest.approx(0.05)
    assert summary.p95_latency_seconds == pytest.approx(0.5)


def test_the_recent_rate_follows_a_change(clock: Callable[[float], None]) -> None:
    statistics = Statistics()
    for frame in range(100):
        clock(frame / 10)
        statistics.sent(0.0)
    for frame in range(150):
        clock(10 + frame / 30)
        statistics.sent(10 + frame / 30 - 0.02)
    assert statistics.recent_frames_per_second == pytest.approx(30)
    assert statistics.recent_latency_seconds == pytest.approx(0.02)


def test_a_long_run_keeps_no_more_than_a_short_one() -> None:
    statistics = Statistics()
    for _ in range(KEPT_LATENCIES + 10):
        statistics.sent(0.0)
    assert len(statistics._latencies) == KEPT_LATENCIES
