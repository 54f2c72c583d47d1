"""`livematte bench`: compares candidates, each in its own process, taking turns."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from livematte.backgrounds.parse import parse
from livematte.bench.machine import this_machine
from livematte.bench.report import Comparison, Measurement, Report, against, measured
from livematte.bench.speed import (
    Candidate,
    Opened,
    Round,
    Wish,
    serve_in_process,
)
from livematte.errors import LivematteError, UsageError
from livematte.frame import Size
from livematte.network.size import DEFAULT_SHORT_SIDE
from livematte.options.rendering import (
    CPU,
    CUDA,
    SHIPPED_WEIGHTS,
    TORCH_CPU,
    Device,
    RenderOptions,
)

FRAMES: Final = 140
ROUNDS: Final = 7
"""Many and short, because shared machines are slow for seconds at a time."""
MEMORY_FRAMES: Final = 1000

SIZE: Final = Size(1280, 720)

BACKGROUND: Final = "green"
"""The compositor treats a colour like any other picture."""

ROUND_SECONDS: Final = 1.2
SINGLE_SECONDS: Final = 0.8
"""The most time that a slow candidate gets for a round at full speed, and one frame at a time."""

CLOSE_SECONDS: Final = 5.0

CANDIDATES: Final = (
    Candidate(RenderOptions(TORCH_CPU, "fp32", DEFAULT_SHORT_SIDE)),
    Candidate(RenderOptions(CPU, "fp32", DEFAULT_SHORT_SIDE)),
    Candidate(RenderOptions(CPU, "int8", DEFAULT_SHORT_SIDE)),
    Candidate(RenderOptions(CPU)),
    Candidate(RenderOptions(CUDA, matte_short_side=DEFAULT_SHORT_SIDE)),
)
"""The candidates that are compared by default."""


def run_bench(
    sizes: Sequence[Size] = (SIZE,),
    *,
    frames: int = FRAMES,
    rounds: int = ROUNDS,
    background: str = BACKGROUND,
    devices: Sequence[Device] = (),
    matte_short_sides: Sequence[int | None] = (),
    precisions: Sequence[str] = (),
    threads: int | None = None,
    weights: str = SHIPPED_WEIGHTS,
    official: bool = True,
    memory: bool = True,
    on_progress: Callable[[str], None] = lambda _sentence: None,
) -> Report:
    """Measure candidates side by side, on each of the frame `sizes`.

    frames: at full speed, for each candidate, over all rounds; slow ones do fewer. Then half as
        many are sent one at a time.
    background: as `backgrounds.parse.parse` takes it.
    devices: only these, instead of those in `CANDIDATES`.
    matte_short_sides, precisions: for every candidate, instead of its own; in pixels, None for
        livematte's choice.
    threads: how many of the CPU's cores each may use; None for its own choice.
    official: also compare with the official demo's method.
    memory: let one candidate, OpenVINO in int8 if available, run on to `MEMORY_FRAMES`.
    on_progress: called with a sentence that says what is being measured.

    A candidate that cannot be used is in the report with the reason.

    Raises `UsageError` if a device, precision or background has no known form, or if there is
    nothing to measure, and `BackgroundError` if the background cannot be read.
    """
    if frames < 1 or rounds < 1 or not sizes:
        raise UsageError("There is nothing to measure.", "Use at least one frame and one round.")
    behind = parse(background).description
    candidates = choose_candidates(devices, matte_short_sides, precisions)
    if official:
        candidates.insert(0, Candidate(RenderOptions(precision="fp32"), is_official_demo=True))
    candidates = [_with(each, threads=threads, weights=weights) for each in candidates]
    wish = Wish(-(-frames // rounds), -(-frames // (2 * rounds)), ROUND_SECONDS, SINGLE_SECONDS)
    comparisons = []
    for size in sizes:
        measurements = _compare(candidates, size, background, rounds, wish, memory, on_progress)
        comparisons.append(Comparison(str(size), behind, measurements))
    return Report(this_machine(), tuple(comparisons))


def choose_candidates(
    devices: Sequence[Device], matte_short_sides: Sequence[int | None], precisions: Sequence[str]
) -> list[Candidate]:
    """The `CANDIDATES` that fit, and one for each other device; see `run_bench`."""
    chosen = list(CANDIDATES)
    if devices:
        chosen = []
        for device in devices:
            known = [each for each in CANDIDATES if each.options.device == device]
            chosen += known or [
                Candidate(RenderOptions(device, matte_short_side=DEFAULT_SHORT_SIDE))
            ]
    if matte_short_sides:
        chosen = [
            _with(each, matte_short_side=short_side)
            for each in chosen
            if each.options.matte_short_side is not None
            for short_side in matte_short_sides
        ]
    if precisions:
        chosen = [_with(each, precision=precision) for each in chosen for precision in precisions]
    return list(dict.fromkeys(chosen))


def _with(candidate: Candidate, **changes: Any) -> Candidate:
    return replace(candidate, options=replace(candidate.options, **changes))


class _CandidateError(Exception):
    """Why a candidate cannot continue, as a sentence."""


class _Running:
    """A candidate whose renderer is open in its own process, and its results so far."""

    def __init__(self, candidate: Candidate, connection: Connection, process: BaseProcess) -> None:
        self.candidate = candidate
        self.rounds: list[Round] = []
        self.endured: Round | None = None
        self._connection = connection
        self._process = process
        answer = self._answer()
        assert isinstance(answer, Opened)
        self.reason = answer.reason

    def run(self, wish: Wish) -> Round:
        """Raises `_CandidateError` if it fails."""
        try:
            self._connection.send(wish)
        except OSError:
            self._answer()
        answer = self._answer()
        assert isinstance(answer, Round)
        return answer

    def _answer(self) -> Opened | Round:
        try:
            answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(CLOSE_SECONDS)
            code = self._process.exitcode
            raise _CandidateError(f"Its process exited with code {code}.") from None
        if isinstance(answer, LivematteError):
            raise _CandidateError(answer.problem)
        if isinstance(answer, str):
            raise RuntimeError(f"A candidate failed:\n{answer}")
        assert isinstance(answer, Opened | Round)
        return answer


@contextmanager
def _started(candidate: Candidate, size: Size, background: str) -> Iterator[_Running]:
    # Spawned, not forked, so that it does not start with what this process has loaded.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=serve_in_process, args=(theirs, candidate, size, background), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield _Running(candidate, ours, process)
    finally:
        ours.close()
        process.join(CLOSE_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def _compare(
    candidates: Sequence[Candidate],
    size: Size,
    background: str,
    rounds: int,
    wish: Wish,
    memory: bool,
    on_progress: Callable[[str], None],
) -> tuple[Measurement, ...]:
    problems: dict[Candidate, str] = {}
    running: dict[Candidate, _Running] = {}

    def run(each: _Running, wish: Wish) -> Round | None:
        try:
            return each.run(wish)
        except _CandidateError as error:
            problems[each.candidate] = str(error)
            del running[each.candidate]
            return None

    with ExitStack() as closing:
        for candidate in candidates:
            on_progress(f"{size}: opening {candidate.name}")
            try:
                running[candidate] = closing.enter_context(_started(candidate, size, background))
            except _CandidateError as error:
                problems[candidate] = str(error)
        for number in range(rounds):
            for each in list(running.values()):
                on_progress(f"{size}: round {number + 1} of {rounds}, {each.candidate.name}")
                if done := run(each, wish):
                    each.rounds.append(done)
        enduring = _memory_candidate(list(running.values())) if memory else None
        if enduring is not None:
            left = max(1, MEMORY_FRAMES - enduring.rounds[-1].frames)
            on_progress(f"{size}: memory over {MEMORY_FRAMES} frames, {enduring.candidate.name}")
            enduring.endured = run(enduring, Wish(left, 0))

    found = {
        each.candidate: measured(each.candidate, each.reason, each.rounds, each.endured)
        for each in running.values()
    }
    yardstick = next((found[each] for each in found if each.is_official_demo), None)
    return tuple(
        against(yardstick, found[each])
        if each in found
        else Measurement(each.name, problem=problems[each])
        for each in candidates
    )


def _memory_candidate(running: Sequence[_Running]) -> _Running | None:
    """OpenVINO on the CPU, in int8 if available; otherwise the first of livematte's own."""
    ours = [each for each in running if not each.candidate.is_official_demo]
    return min(
        ours,
        key=lambda each: (
            each.candidate.options.device != CPU,
            each.candidate.options.precision != "int8",
        ),
        default=None,
    )
