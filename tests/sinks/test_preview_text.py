from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from livematte.options.changes import Change, NextBackground, SetBlur, SetRefinement, StartRecording
from livematte.options.settings import LiveSettings, LiveSnapshot
from livematte.sinks.preview.text import announcement, statistics
from tests.sinks.show import STATE

BEFORE = LiveSettings(("green", "/home/me/beach.jpg", "blur:40"))
RECORDING = replace(BEFORE, recording=Path("/home/me/talk.mp4"))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (BEFORE, ""),
        (replace(BEFORE, background_index=1), "Background beach.jpg (2 of 3)"),
        (replace(BEFORE, backgrounds=("navy",)), "Background navy"),
        (replace(BEFORE, edge=-2), "Edge -2"),
        (replace(BEFORE, edge=3), "Edge +3"),
        (replace(BEFORE, quality="best"), "Quality best"),
        (RECORDING, "Recording talk.mp4"),
        (replace(BEFORE, paused=True), "Paused: others see the background alone"),
        (replace(BEFORE, frozen=True), "Frozen: others see this picture"),
        (replace(BEFORE, mirrored=True), "Others see you mirrored"),
        (replace(BEFORE, camera="1"), "Camera 1"),
        (replace(BEFORE, device="cuda"), "Device cuda, precision auto"),
        (replace(BEFORE, light_wrap=0.3), "Light wrap 0.3"),
        (replace(BEFORE, without=frozenset(("edges",))), "Without edges"),
    ],
)
def test_changes_are_said_whoever_made_them(now: LiveSettings, said: str) -> None:
    assert announcement(BEFORE, now) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (RECORDING, "Recorded talk.mp4"),
        (replace(BEFORE, paused=True), "Others see you again"),
        (replace(BEFORE, frozen=True), "The picture moves again"),
        (replace(BEFORE, mirrored=True), "Others see you as you are"),
        (replace(BEFORE, edge=1), "Edge 0"),
        (replace(BEFORE, light_wrap=0.3), "Light wrap 0"),
        (replace(BEFORE, without=frozenset(("edges",))), "Without nothing"),
    ],
)
def test_so_is_their_end(before: LiveSettings, said: str) -> None:
    assert announcement(before, BEFORE) == said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (NextBackground(), "Background green (1 of 3)"),
        (SetBlur(100), "Background green (1 of 3)"),
        (SetRefinement(edge=0), "Edge 0"),
        (StartRecording(), ""),
    ],
)
def test_a_key_that_changes_nothing_shows_how_it_is(asked: Change, said: str) -> None:
    assert announcement(BEFORE, BEFORE, asked) == said


def test_every_setting_is_said() -> None:
    """A setting that is added is not forgotten."""
    others = {
        "backgrounds": ("navy",),
        "background_index": 1,
        "quality": "fast",
        "edge": 1,
        "without": frozenset(("steady",)),
        "light_wrap": 0.5,
        "camera": "2",
        "device": "cpu",
        "precision": "fp32",
        "mirrored": True,
        "frozen": True,
        "paused": True,
        "recording": Path("r.mp4"),
    }
    assert set(others) == set(LiveSettings.__dataclass_fields__)
    for name, value in others.items():
        assert announcement(BEFORE, replace(BEFORE, **{name: value})), name  # type: ignore[arg-type]


def test_statistics_leave_out_what_is_not_known() -> None:
    known = statistics(LiveSnapshot(BEFORE, STATE))
    assert known == (
        ("Rate", "25.0 frames/s"),
        ("Latency", "61 ms"),
        ("Dropped", "2 of 1002"),
        ("CPU", "30% of all cores"),
        ("Device", STATE.device),
        ("Camera", STATE.camera),
        ("Background", "green"),
    )
    early = replace(STATE, latency_seconds=None, cpu_share=None, device="", notice="Starting")
    names = [name for name, _ in statistics(LiveSnapshot(BEFORE, early))]
    assert names == ["Notice", "Rate", "Dropped", "Camera", "Background"]
