from __future__ import annotations

import io
import json
import mmap

import pytest
from rich.console import Console

from livematte.bench.machine import Machine, this_machine
from livematte.bench.memory import Memory, memory_of_this_process
from livematte.bench.report import (
    STAGES,
    Comparison,
    Measurement,
    Report,
    Spread,
    against,
    measured,
    tables,
)
from livematte.bench.speed import Candidate, Round
from livematte.options.rendering import CPU, CUDA, RenderOptions

MEGABYTE = 1_000_000

MACHINE = Machine("Some Processor", 2, None, True, "Some System", {"python": "3.11", "torch": None})


def round_of(
    periods: list[float], latencies: list[float], networks: list[float], frames: int = 10
) -> Round:
    stages = {"capture": [0.001] * len(latencies), "network": networks}
    memory = Memory(300 * MEGABYTE, 250 * MEGABYTE)
    return Round("Some Renderer", periods, latencies, stages, frames, memory, None)


ROUNDS = [
    round_of([0.1, 0.1], [0.12, 0.15], [0.10, 0.11]),
    round_of([0.2, 0.2], [0.19], [0.12]),
    round_of([0.125], [0.14], [0.13]),
]


def test_a_spread_is_the_median_and_the_95th_percentile() -> None:
    assert Spread.of([i / 1000 for i in range(101)]) == pytest.approx((0.05, 0.095))
    assert Spread.of([3.0, 1.0, 2.0]) == pytest.approx((2.0, 2.9))
    assert Spread.of([]) is None


def test_rounds_are_taken_together() -> None:
    found = measured(Candidate(RenderOptions(CPU, "int8", 288)), "because", ROUNDS, None)
    assert (found.candidate, found.description) == ("cpu, int8, 288", "Some Renderer")
    assert (found.reason, found.problem) == ("because", None)
    assert (found.frames, found.latency_frames) == (5, 4)
    assert found.frames_per_second == pytest.approx(8)  # the rounds: 10, 5 and 8
    assert found.period == Spread.of([0.1, 0.1, 0.2, 0.2, 0.125])
    assert found.latency == Spread.of([0.12, 0.15, 0.19, 0.14])
    # 20, 40, 70 and 10 ms; the difference of the medians would be 30.
    assert found.outside_network_seconds == pytest.approx(0.03)
    assert found.stages == {
        "capture": Spread.of([0.001]),
        "network": Spread.of([0.10, 0.11, 0.12, 0.13]),
    }
    assert found.peak_memory_bytes == 300 * MEGABYTE
    assert found.memory_growth_bytes is None


def test_each_frame_s_network_is_taken_from_its_own_latency() -> None:
    crossed = [round_of([0.1], [0.1, 0.5, 0.3], [0.09, 0.2, 0.1])]
    assert measured(
        Candidate(RenderOptions(CPU)), "", crossed, None
    ).outside_network_seconds == pytest.approx(0.2)


def test_without_the_network_s_time_nothing_is_said_of_the_rest() -> None:
    found = measured(Candidate(RenderOptions(CUDA)), "", [round_of([0.1], [0.1], [])], None)
    assert found.outside_network_seconds is None


def test_memory_is_that_of_the_long_run() -> None:
    endured = Round(
        "Some Renderer", [], [], {}, 1000, Memory(420 * MEGABYTE, 402 * MEGABYTE), 400 * MEGABYTE
    )
    found = measured(Candidate(RenderOptions(CPU)), "", ROUNDS, endured)
    assert found.peak_memory_bytes == 420 * MEGABYTE
    assert found.memory_growth_bytes == 2 * MEGABYTE
    assert found.memory_frames == 1000
    assert found.frames == 5


def test_the_ratio_is_of_frames_a_second() -> None:
    official = Measurement("official demo", frames_per_second=2.0)
    assert against(official, Measurement("a", frames_per_second=18.0)).times_official == 9
    assert against(None, Measurement("a", frames_per_second=18.0)).times_official is None
    assert against(official, Measurement("a")).times_official is None


def report() -> Report:
    usable = measured(Candidate(RenderOptions(CPU, "int8", 288)), "the [largest]", ROUNDS, None)
    refused = Measurement("cuda, auto, 288", problem="No [NVIDIA] driver was found.")
    return Report(MACHINE, (Comparison("1280x720", "green", (usable, refused)),))


def test_json_holds_all_of_it_in_seconds_and_bytes() -> None:
    found = json.loads(json.dumps(report().as_dict()))
    assert found["machine"]["processor"] == "Some Processor"
    (comparison,) = found["comparisons"]
    usable, refused = comparison["measurements"]
    assert usable["period"]["median_seconds"] == pytest.approx(0.125)
    assert usable["stages"]["network"]["median_seconds"] == pytest.approx(0.115)
    assert refused["problem"] == "No [NVIDIA] driver was found."
    assert (refused["frames_per_second"], refused["stages"]) == (None, {})


def test_the_tables_tell_the_machine_the_speeds_and_who_could_not() -> None:
    out = io.StringIO()
    Console(file=out, width=160).print(tables(report()))
    told = out.getvalue()
    for part in (
        *("Some Processor", "2 cores", "python 3.11", "torch -", "1280x720 on green"),
        *("Some Renderer (the [largest])", "8.0", "125.0 / 200.0", "145.0 / 184.0", "30.0", "300"),
        "cuda, auto, 288: No [NVIDIA] driver was found.",
        *STAGES,
    ):
        assert part in told


def test_this_machine_is_named() -> None:
    machine = this_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert machine.versions["openvino"]
    json.dumps(Report(machine, ()).as_dict())


def test_memory_is_told_in_bytes() -> None:
    before = memory_of_this_process()
    if before.present_bytes is None:
        pytest.skip("this system does not tell")
    # Not from the heap, which may have so much left of earlier tests.
    ballast = mmap.mmap(-1, 64 * MEGABYTE)
    for page in range(0, len(ballast), mmap.PAGESIZE):
        ballast[page] = 1
    during = memory_of_this_process()
    assert during.present_bytes is not None
    assert during.peak_bytes is not None
    assert 50 * MEGABYTE < during.present_bytes - before.present_bytes < 80 * MEGABYTE
    ballast.close()
    after = memory_of_this_process()
    assert after.present_bytes is not None
    assert after.peak_bytes is not None
    # Linux counts pages in batches, so that the peak may lag behind a little.
    assert after.peak_bytes >= during.present_bytes - MEGABYTE
    assert during.present_bytes > after.present_bytes + 50 * MEGABYTE
