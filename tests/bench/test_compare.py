"""Whole runs, with real processes, on few and tiny frames."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

import pytest
from rich.console import Console

from livematte.bench import compare
from livematte.bench.compare import CANDIDATES, choose_candidates, run_bench
from livematte.bench.report import STAGES, Report, tables
from livematte.bench.speed import Candidate
from livematte.errors import UsageError
from livematte.frame import Size
from livematte.options.rendering import CPU, Device, RenderOptions

SIZE = Size(320, 180)


def test_a_run_measures_who_can_be_used_and_says_why_others_cannot() -> None:
    steps: list[str] = []
    report = run_bench(
        [SIZE],
        frames=2,
        rounds=1,
        devices=[CPU, Device.parse("openvino:XPU")],
        matte_short_sides=[224],
        precisions=["fp32"],
        threads=1,  # two that share a busy core with others would wait for each other
        memory=False,
        on_progress=steps.append,
    )
    (comparison,) = report.comparisons
    assert (comparison.frame_size, comparison.background) == ("320x180", "green")
    official, openvino, refused = comparison.measurements

    assert official.candidate == "official demo"
    assert "672x512" in official.description
    assert official.times_official == 1
    assert openvino.candidate == "cpu, fp32, 224"
    assert openvino.description == "OpenVINO fp32 on the CPU, matte at 384x224"
    assert openvino.times_official is not None
    assert openvino.times_official > 1
    for each in (official, openvino):
        assert each.problem is None
        assert (each.frames, each.latency_frames) == (1, 1)
        assert each.latency is not None
        assert each.stages is not None
        assert each.outside_network_seconds is not None
        inside = sum(stage.median_seconds for stage in each.stages.values())
        assert 0.9 * inside < each.latency.median_seconds < 1.5 * inside + 0.05
        assert 0 < each.outside_network_seconds < each.latency.median_seconds
    assert openvino.stages is not None
    assert set(openvino.stages) == set(STAGES)

    assert refused.candidate == "openvino:XPU, fp32, 224"
    assert refused.problem is not None
    assert "XPU" in refused.problem

    json.dumps(report.as_dict())
    out = io.StringIO()
    Console(file=out, width=160).print(tables(report))
    assert "OpenVINO fp32 on the CPU, matte at 384x224" in out.getvalue()
    assert any("round 1 of 1" in step for step in steps)


def test_the_memory_is_watched_over_a_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "MEMORY_FRAMES", 230)
    report = run_bench(
        [Size(64, 64)],
        frames=4,
        rounds=2,
        devices=[CPU],
        matte_short_sides=[32],
        precisions=["fp32"],
        official=False,
    )
    (openvino,) = report.comparisons[0].measurements
    assert openvino.problem is None
    assert openvino.times_official is None
    # The long run has a warm-up, too, but is none of the frames that were timed.
    assert openvino.memory_frames >= 230
    assert openvino.frames == 2
    if openvino.peak_memory_bytes is None:
        pytest.skip("this system does not tell")
    assert 50e6 < openvino.peak_memory_bytes < 1e9
    assert openvino.memory_growth_bytes is not None
    assert abs(openvino.memory_growth_bytes) < 50e6


def die(_connection: Connection, _candidate: Candidate, _size: Size, _background: str) -> None:
    os._exit(3)


def test_a_candidate_whose_process_dies_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare, "serve_in_process", die)
    report = run_bench([SIZE], frames=1, rounds=1, devices=[CPU], official=False)
    problems = [each.problem for each in report.comparisons[0].measurements]
    assert problems == ["Its process exited with code 3."] * 3


def names(candidates: Sequence[Candidate]) -> list[str]:
    return [each.name for each in candidates]


def test_candidates_are_chosen_by_device_size_and_precision() -> None:
    graphics = Device.parse("openvino:GPU")
    assert choose_candidates([], [], []) == list(CANDIDATES)
    assert names(choose_candidates([CPU], [], [])) == [
        "cpu, fp32, 288",
        "cpu, int8, 288",
        "cpu, auto, auto",
    ]
    assert names(choose_candidates([CPU, graphics], [224, None], ["int8"])) == [
        "cpu, int8, 224",
        "cpu, int8, auto",
        "openvino:GPU, int8, 224",
        "openvino:GPU, int8, auto",
    ]
    (automatic,) = choose_candidates([graphics], [None], [])
    assert automatic.options == RenderOptions(graphics)


def test_what_cannot_be_is_a_usage_error_before_anything_is_started() -> None:
    wrongs: list[Callable[[], Report]] = [
        lambda: run_bench(precisions=["int3"]),
        lambda: run_bench(background="bleu"),
        lambda: run_bench(frames=0),
        lambda: run_bench(rounds=0),
        lambda: run_bench([]),
    ]
    for wrong in wrongs:
        with pytest.raises(UsageError):
            wrong()
