"""How fast a renderer is in the real pipeline, measured in its own process.

    process that compares          process of one candidate
                                   capture thread        render thread     main thread
    Wish  ───────── pipe ───────>  Rounds: frames  ───>  the renderer ───> Nowhere: pictures
          <──────── pipe ────────  Round: times                                  │
                                          ^──────────── when each came ──────────┘

Separate processes keep what one candidate loads, and how much memory it takes, from affecting the
others. Between rounds a process waits, so that candidates can take turns.
"""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from livematte.backgrounds.parse import parse
from livematte.bench.memory import Memory, memory_of_this_process
from livematte.errors import LivematteError
from livematte.frame import Frame, Image, Rendered, Size
from livematte.options.rendering import RenderOptions
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.pipeline.slate import SLATE_INDEX
from livematte.sinks.null import NullSink
from livematte.sources import Demo
from livematte.sources.source import FrameBuffers

if TYPE_CHECKING:
    from livematte.render.renderer import OpenedRenderer

OFFICIAL_DEMO: Final = "official demo"

DIFFERENT_FRAMES: Final = 12
"""Made beforehand and used in turn; few, because they count as the candidate's memory."""

WARM_UP_FRAMES: Final = 2
"""At full speed, before measuring; one at a time needs only one more."""

FEWEST_FRAMES: Final = 2
"""The least that are measured, even if a round's time is over."""

SETTLED_FRAMES: Final = 200
"""After this many frames a renderer should have all the memory that it will ever need."""

POLL_SECONDS: Final = 0.1
"""The longest single wait for a wish; a request to stop is noticed after it."""


@dataclass(frozen=True)
class Candidate:
    """What is measured: livematte with its options.

    is_official_demo: instead, with the same weights and threads, the method of MODNet's own webcam
        demo; see `official_demo`.
    """

    options: RenderOptions
    is_official_demo: bool = False

    @property
    def name(self) -> str:
        """The requested options, even if they are not available: "cpu, int8, 288"."""
        if self.is_official_demo:
            return OFFICIAL_DEMO
        options = self.options
        return f"{options.device}, {options.precision}, {options.matte_short_side or 'auto'}"


class Opened(NamedTuple):
    """The first answer: the renderer is open. reason: why livematte chose it."""

    reason: str


@dataclass(frozen=True)
class Wish:
    """A round to run: frames at full speed, then frames one at a time.

    seconds, single_seconds: a slow candidate stops after this time, before it has done all.
    """

    frames: int
    single_frames: int
    seconds: float = float("inf")
    single_seconds: float = float("inf")


@dataclass(frozen=True)
class Round:
    """The answer to a `Wish`, without the warm-up.

    period_seconds: at full speed, from one picture to the next.
    latency_seconds: one frame at a time, from before its capture until the sink has the picture.
    stage_seconds: for those same frames, by stage, the times that make up most of the latency.
    frames: how many were rendered since the renderer was opened.
    settled_bytes: memory after `SETTLED_FRAMES`; None before, or if the system does not tell.
    """

    description: str
    period_seconds: list[float]
    latency_seconds: list[float]
    stage_seconds: dict[str, list[float]]
    frames: int
    memory: Memory
    settled_bytes: int | None


class Nowhere(NullSink):
    """Copies pictures into its own memory, as drivers do, and notes the times."""

    def __init__(self, *, any_size: bool = False) -> None:
        """any_size: for the official demo, whose pictures have another size than the frames."""
        super().__init__()
        self._any_size = any_size
        self.sent = 0
        self.settled_bytes: int | None = None
        self.copy_seconds: list[float] = []
        self.done_seconds: list[float] = []
        self._copy: Image | None = None
        self._changed = threading.Condition()
        self._stopped = False

    def send(self, picture: Rendered) -> None:
        if not self._any_size:
            super().send(picture)
        if picture.index == SLATE_INDEX:
            return
        came_seconds = time.perf_counter()
        if self._copy is None:
            self._copy = np.empty_like(picture.image)
        np.copyto(self._copy, picture.image)
        done_seconds = time.perf_counter()
        with self._changed:
            self.copy_seconds.append(done_seconds - came_seconds)
            self.done_seconds.append(done_seconds)
            self.sent += 1
            self._changed.notify_all()
        if self.sent == SETTLED_FRAMES:
            self.settled_bytes = memory_of_this_process().present_bytes

    def wait_until_sent(self, count: int) -> None:
        """Wait until `count` pictures have come in total, or until `stop`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self.sent >= count)

    def stop(self) -> None:
        """End every wait; from any thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def forget_times(self) -> None:
        self.copy_seconds.clear()
        self.done_seconds.clear()


@dataclass
class _Phase:
    """The frames of a phase: when each began, and how long its capture took."""

    begun_seconds: list[float] = field(default_factory=list)
    capture_seconds: list[float] = field(default_factory=list)


class Rounds:
    """A source that gives frames when the other process asks, and answers with the times.

    The frames are the demo's, made beforehand. "Capturing" one means copying it into a buffer, as
    `cv2.VideoCapture.retrieve` does at best; it does not include the work of a camera's driver and
    decoder.
    """

    live = False
    trouble = ""
    frames_per_second = Fraction(30)
    description = "frames made beforehand"
    remarks = ()

    def __init__(self, size: Size, sink: Nowhere, connection: Connection) -> None:
        self.size = size
        self.choice: OpenedRenderer | None = None
        """The renderer; set it when it is open and before the first wish."""
        self._sink = sink
        self._connection = connection
        self._interrupted = threading.Event()
        self._buffers = FrameBuffers()
        self._given = 0

    def __enter__(self) -> Rounds:
        with Demo(self.size, realtime=False) as demo:
            self._images = [frame.image for frame in islice(demo.frames(), DIFFERENT_FRAMES)]
        self._buffers = FrameBuffers(self.size)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is nothing to release."""

    def frames(self) -> Iterator[Frame]:
        while not self._interrupted.is_set():
            try:
                if not self._connection.poll(POLL_SECONDS):
                    continue
                wish: Wish = self._connection.recv()
            except (EOFError, OSError):
                return
            answer = yield from self._round(wish)
            if self._interrupted.is_set():
                return
            self._connection.send(answer)

    def recycle(self, frame: Frame) -> None:
        self._buffers.give_back(frame.image)

    def interrupt(self) -> None:
        self._interrupted.set()
        self._sink.stop()

    def _round(self, wish: Wish) -> Generator[Frame, None, Round]:
        assert self.choice is not None
        renderer = self.choice.renderer
        yield from self._go(WARM_UP_FRAMES + wish.frames, WARM_UP_FRAMES, wish.seconds)
        done_seconds = self._sink.done_seconds[WARM_UP_FRAMES:]
        periods = [after - before for before, after in pairwise(done_seconds)]

        single, stages = _Phase(), {}
        latencies: list[float] = []
        if wish.single_frames:
            yield from self._go(1, 1, wish.single_seconds)
            renderer.timings.clear()
            single = yield from self._go(wish.single_frames, 0, wish.single_seconds, single=True)
            latencies = [
                done - begun
                for begun, done in zip(single.begun_seconds, self._sink.done_seconds, strict=False)
            ]
            stages = {
                "capture": single.capture_seconds,
                **renderer.timings.by_stage(),
                "sink": list(self._sink.copy_seconds),
            }
        return Round(
            renderer.description,
            periods,
            latencies,
            stages,
            self._sink.sent,
            memory_of_this_process(),
            self._sink.settled_bytes,
        )

    def _go(
        self, frames: int, warm_up: int, seconds: float, *, single: bool = False
    ) -> Generator[Frame, None, _Phase]:
        """Give `frames` frames, but none later than `seconds` after the warm-up.

        single: give each one only when the picture of the one before has come.
        """
        self._sink.forget_times()
        phase = _Phase()
        until_seconds = float("inf")
        for count in range(frames):
            begun_seconds = time.perf_counter()
            if count == warm_up:
                until_seconds = begun_seconds + seconds
            if self._interrupted.is_set() or (
                begun_seconds > until_seconds and count > warm_up + FEWEST_FRAMES
            ):
                break
            image = self._buffers.take()
            np.copyto(image, self._images[count % DIFFERENT_FRAMES])
            phase.begun_seconds.append(begun_seconds)
            phase.capture_seconds.append(time.perf_counter() - begun_seconds)
            index = self._given
            self._given += 1
            media_seconds = float(index / self.frames_per_second)
            yield Frame(image, index, time.monotonic(), media_seconds)
            if single:
                self._sink.wait_until_sent(self._given)
        self._sink.wait_until_sent(self._given)
        return phase


def serve(connection: Connection, candidate: Candidate, size: Size, background: str) -> None:
    """Open the candidate's renderer and run rounds until the other end closes the pipe.

    Sends `Opened`, then a `Round` for each `Wish`. After a failure it sends the error instead: a
    `LivematteError` itself, anything else as the text of its traceback.
    """
    sink = Nowhere(any_size=candidate.is_official_demo)
    source = Rounds(size, sink, connection)

    def on_ready(choice: OpenedRenderer) -> None:
        source.choice = choice
        connection.send(Opened(choice.reason))

    try:
        opening = _opener(candidate)
        scene, events = Scene((parse(background),)), PipelineEvents(ready=on_ready)
        Pipeline(source, opening, scene, [sink], events=events).run()
    except LivematteError as error:
        connection.send(error)
    except Exception:
        with suppress(OSError):  # nobody is listening any more
            connection.send(traceback.format_exc())


def serve_in_process(
    connection: Connection, candidate: Candidate, size: Size, background: str
) -> None:
    """`serve` as a whole process; the process that started it decides when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if candidate.options.threads is not None:
        cv2.setNumThreads(candidate.options.threads)
    serve(connection, candidate, size, background)


def _opener(candidate: Candidate) -> Callable[[Size], OpenedRenderer]:
    # Imported here, so that only candidates that need a module spend memory and time on it.
    from livematte.render.renderer import OpenedRenderer

    options = candidate.options

    def open_official_demo(size: Size) -> OpenedRenderer:
        from livematte.bench.official_demo import OfficialDemo

        return OpenedRenderer(OfficialDemo(size, options.weights, options.threads), "")

    def open_ours(size: Size) -> OpenedRenderer:
        from livematte.render.opening import open_renderer

        return open_renderer(options, size)

    return open_official_demo if candidate.is_official_demo else open_ours
