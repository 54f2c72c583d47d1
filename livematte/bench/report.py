"""The results of a benchmark: as data, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from livematte.text.counted import counted

if TYPE_CHECKING:
    from livematte.bench.machine import Machine
    from livematte.bench.speed import Candidate, Round

STAGES: Final = ("capture", "resize", "network", "refine", "composite", "sink")


class Spread(NamedTuple):
    """The median and the 95th percentile of durations."""

    median_seconds: float
    p95_seconds: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread | None:
        """Percentiles between two durations are interpolated; None without durations."""
        if not seconds:
            return None
        return cls(median(seconds), float(np.percentile(seconds, 95)))


@dataclass(frozen=True)
class Measurement:
    """The results of one candidate; all but the first four are None or empty if it cannot be used.

    candidate: what was requested. description: what it is. reason: why livematte chose it.
    problem: why it cannot be used or failed.
    frames: how many periods were measured, over all rounds; `latency_frames` counts latencies.
    frames_per_second: at full speed; the median of the rounds, so that one disturbed round does not
        count.
    period: at full speed, from one picture to the next.
    latency: one frame at a time, from before its capture until the sink has it.
    stages: of the frames in `latency`; without the time that threads wait for each other.
    outside_network_seconds: the median of each frame's latency minus its time in the network.
    times_official: frames a second divided by the official demo's.
    peak_memory_bytes: of its process, with a few frames to work on.
    memory_growth_bytes: from the 200th frame to the frame `memory_frames`.
    """

    candidate: str
    description: str = ""
    reason: str = ""
    problem: str | None = None
    frames: int = 0
    frames_per_second: float | None = None
    times_official: float | None = None
    period: Spread | None = None
    latency_frames: int = 0
    latency: Spread | None = None
    stages: dict[str, Spread] | None = None
    outside_network_seconds: float | None = None
    peak_memory_bytes: int | None = None
    memory_growth_bytes: int | None = None
    memory_frames: int = 0


@dataclass(frozen=True)
class Comparison:
    """Candidates side by side on frames of one size. frame_size: "1280x720"."""

    frame_size: str
    background: str
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Report:
    """The results of `run_bench`, and the machine that they were measured on."""

    machine: Machine
    comparisons: tuple[Comparison, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: in seconds and bytes; names end in their unit."""
        found = asdict(self)
        for measurement in chain.from_iterable(
            comparison["measurements"] for comparison in found["comparisons"]
        ):
            for name in ("period", "latency"):
                measurement[name] = measurement[name] and measurement[name]._asdict()
            stages = measurement["stages"] or {}
            measurement["stages"] = {name: each._asdict() for name, each in stages.items()}
        return found


def measured(
    candidate: Candidate, reason: str, rounds: Sequence[Round], endured: Round | None
) -> Measurement:
    """The results of all of a candidate's rounds together.

    rounds: at least one. endured: the long run for its memory, whose times are not used.
    """
    periods = [each for done in rounds for each in done.period_seconds]
    latencies = [each for done in rounds for each in done.latency_seconds]
    stages = {
        name: [each for done in rounds for each in done.stage_seconds.get(name, [])]
        for name in STAGES
    }
    rates = [
        len(done.period_seconds) / sum(done.period_seconds)
        for done in rounds
        if done.period_seconds
    ]
    outside = None
    if len(stages["network"]) == len(latencies) > 0:
        outside = median(
            whole - network for whole, network in zip(latencies, stages["network"], strict=True)
        )
    last = endured or rounds[-1]
    growth = None
    if endured and endured.settled_bytes is not None and endured.memory.present_bytes is not None:
        growth = endured.memory.present_bytes - endured.settled_bytes
    return Measurement(
        candidate=candidate.name,
        description=rounds[-1].description,
        reason=reason,
        frames=len(periods),
        frames_per_second=median(rates) if rates else None,
        period=Spread.of(periods),
        latency_frames=len(latencies),
        latency=Spread.of(latencies),
        stages={name: spread for name in STAGES if (spread := Spread.of(stages[name]))},
        outside_network_seconds=outside,
        peak_memory_bytes=last.memory.peak_bytes,
        memory_growth_bytes=growth,
        memory_frames=last.frames,
    )


def against(yardstick: Measurement | None, measurement: Measurement) -> Measurement:
    """The measurement with its ratio to the yardstick, if both have a speed."""
    if yardstick is None or not yardstick.frames_per_second or not measurement.frames_per_second:
        return measurement
    ratio = measurement.frames_per_second / yardstick.frames_per_second
    return replace(measurement, times_official=ratio)


def tables(report: Report) -> Group:
    """The report for people, in milliseconds and megabytes (10^6 bytes)."""
    machine = report.machine
    int8 = "with" if machine.int8_dot_product else "without"
    installed = ", ".join(f"{name} {which or '-'}" for name, which in machine.versions.items())
    cores = counted(machine.cores, "core")
    lines: list[str | Table] = [
        f"{escape(machine.processor)}, {cores}, {int8} instructions for int8; "
        f"{escape(machine.system)}",
        escape(installed),
    ]
    for comparison in report.comparisons:
        usable = [each for each in comparison.measurements if each.problem is None]
        where = f"{comparison.frame_size} on {escape(comparison.background)}"
        lines += ["", _speeds(usable, where), "", _stages(usable)]
        lines += [
            f"{escape(each.candidate)}: {escape(each.problem)}"
            for each in comparison.measurements
            if each.problem is not None
        ]
    return Group(*lines)


def _speeds(measurements: Sequence[Measurement], where: str) -> Table:
    table = Table(box=None, title=f"{where}; ms as median / 95th percentile", title_justify="left")
    table.add_column("Renderer")
    for heading in ("frames/s", "x official", "period", "latency", "outside", "MB", "growth"):
        table.add_column(heading, justify="right")
    for each in measurements:
        table.add_row(
            escape(_told(each)),
            _number(each.frames_per_second, 1),
            _number(each.times_official, 1),
            _milliseconds(each.period),
            _milliseconds(each.latency),
            _number(each.outside_network_seconds, 1, 1e3),
            _number(each.peak_memory_bytes, 0, 1e-6),
            _number(each.memory_growth_bytes, 1, 1e-6),
        )
    return table


def _stages(measurements: Sequence[Measurement]) -> Table:
    table = Table(box=None, title="Stages, one frame at a time, ms", title_justify="left")
    table.add_column("Renderer")
    for stage in STAGES:
        table.add_column(stage, justify="right")
    for each in measurements:
        stages = each.stages or {}
        table.add_row(escape(_told(each)), *(_milliseconds(stages.get(name)) for name in STAGES))
    return table


def _told(measurement: Measurement) -> str:
    reason = f" ({measurement.reason})" if measurement.reason else ""
    return f"{measurement.description}{reason}"


def _milliseconds(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return f"{1e3 * spread.median_seconds:.1f} / {1e3 * spread.p95_seconds:.1f}"


def _number(value: float | None, decimals: int, scale: float = 1.0) -> str:
    return "-" if value is None else f"{scale * value:.{decimals}f}"
