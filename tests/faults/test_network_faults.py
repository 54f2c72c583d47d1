"""Faults planted in the network of a run: the slate comes soon, the room never, the person again.

Each fault is planted in the real network of OpenVINO, once pictures come, and taken out again.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.background import Background
from livematte.backgrounds.parse import parse
from livematte.errors import DeviceError, RenderError
from livematte.frame import Frame, Rendered, Size
from livematte.options.refinement import Refinement
from livematte.options.rendering import CPU, RenderOptions
from livematte.pipeline import repair
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.render.opening import open_renderer
from livematte.render.openvino.network import Request
from livematte.render.renderer import OpenedRenderer, Renderer
from tests.faults.marked_room import MARK, SIZE, MarkedRoom, Seen, Watcher, count_marked, people

SLATE_WITHIN_SECONDS: Final = 0.6
DOUBTED_SECONDS: Final = 0.25
BACK_WITHIN_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 20.0


def open_network(size: Size) -> OpenedRenderer:
    return open_renderer(RenderOptions(CPU, matte_short_side=224), size)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Run:
    """A pipeline in a thread, watched."""

    def __init__(
        self,
        opening: Callable[[Size], OpenedRenderer] = open_network,
        fallback: Callable[[Size], OpenedRenderer] | None = None,
    ) -> None:
        people()  # they take a while to be made
        self.sentences: list[str] = []
        self.watcher = Watcher()
        self.pipeline = Pipeline(
            MarkedRoom(),
            opening,
            Scene((parse("#204060"),)),
            [self.watcher],
            open_fallback=fallback,
            events=PipelineEvents(trouble=self.sentences.append),
        )
        self.doubted_seconds = -math.inf
        """When a fault began that is proven by several frames; of these some of the room shows."""
        self._thread = threading.Thread(target=self.pipeline.run)

    def __enter__(self) -> Run:
        self._thread.start()
        self.wait_for_pictures()
        return self

    def __exit__(self, *_: object) -> None:
        self.pipeline.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
        assert not any(
            each.marked
            for each in self.seen
            if not 0 <= each.seconds - self.doubted_seconds <= DOUBTED_SECONDS
        )

    @property
    def seen(self) -> list[Seen]:
        return self.watcher.seen

    def wait_for_pictures(self, count: int = 10) -> None:
        """Wait until so many more have been sent, none of them a slate in between."""
        start = len(self.seen)
        wait_until(
            lambda: (
                len(self.seen) >= start + count
                and not any(each.is_slate for each in self.seen[-count:])
            )
        )

    def seconds_until(self, is_slate: bool, since_seconds: float) -> float:
        """How long after a moment the first slate or picture came."""

        def found() -> list[float]:
            return [
                each.seconds - since_seconds
                for each in list(self.seen)
                if each.is_slate == is_slate and each.seconds > since_seconds
            ]

        wait_until(lambda: bool(found()))
        return found()[0]


def raises(_request: Request) -> None:
    raise RuntimeError("Check 'ok' failed\nThe device is lost")


def gives_nan(request: Request) -> None:
    request.matte[request.matte.shape[0] // 2 :] = np.nan


def answers_without_computing(_request: Request) -> None:
    """What is in its memory then is of an older frame, unless that was wiped."""


def gives_another_shape(request: Request) -> None:
    request.matte = np.ones((request.matte.shape[0] // 2, request.matte.shape[1] // 2), np.float32)


def sees_nobody(request: Request) -> None:
    request.matte[:] = 0


def sees_nothing_else(request: Request) -> None:
    request.matte[:] = 1


def sees_aside(request: Request) -> None:
    request.matte[:] = np.roll(request.matte, request.matte.shape[1] // 6, axis=1)


def sees_the_room_for_the_person(request: Request) -> None:
    request.matte[:] = 1 - request.matte


def sees_half_the_room(request: Request) -> None:
    request.matte[:, : request.matte.shape[1] // 2] = 1


PROVEN_BY_SEVERAL_FRAMES: Final = (
    sees_aside,
    sees_the_room_for_the_person,
    sees_half_the_room,
)


def plant(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[Request], None], *, computes: bool
) -> Callable[[], None]:
    """Make every inference go wrong from now on; returns what takes the fault out again."""
    run = Request.run
    mattes: dict[Request, NDArray[np.float32]] = {}
    # An inference that is under way when the fault is taken out must not put it in again.
    planting = threading.Lock()
    is_planted = True

    def run_wrongly(request: Request) -> None:
        mattes.setdefault(request, request.matte)
        if computes:
            run(request)
        with planting:
            if is_planted:
                fault(request)

    monkeypatch.setattr(Request, "run", run_wrongly)

    def take_out() -> None:
        nonlocal is_planted
        monkeypatch.setattr(Request, "run", run)
        with planting:
            is_planted = False
            for request, matte in mattes.items():
                request.matte = matte

    return take_out


@pytest.mark.parametrize(
    ("fault", "computes"),
    [
        (raises, False),
        (gives_nan, True),
        (answers_without_computing, False),
        (gives_another_shape, True),
        (sees_nobody, True),
        (sees_nothing_else, True),
        (sees_aside, True),
        (sees_the_room_for_the_person, True),
        (sees_half_the_room, True),
    ],
)
def test_a_fault_brings_the_slate_and_its_end_the_person(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[Request], None], computes: bool
) -> None:
    with Run() as run:
        planted_seconds = time.monotonic()
        if fault in PROVEN_BY_SEVERAL_FRAMES:
            run.doubted_seconds = planted_seconds
        take_out = plant(monkeypatch, fault, computes=computes)
        slate_after = run.seconds_until(True, planted_seconds)
        time.sleep(0.3)
        mended_seconds = time.monotonic()
        take_out()
        back_after = run.seconds_until(False, mended_seconds)
        run.wait_for_pictures()
    print(f"\n{fault.__name__}: slate after {slate_after:.2f} s, back after {back_after:.2f} s")
    assert slate_after < SLATE_WITHIN_SECONDS
    assert back_after < BACK_WITHIN_SECONDS


def test_a_renderer_whose_every_matte_is_refused_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert repair.DOUBTING_SECONDS == 8
    monkeypatch.setattr(repair, "DOUBTING_SECONDS", 0.8)
    with Run() as run:
        take_out = plant(monkeypatch, sees_the_room_for_the_person, computes=True)
        wait_until(lambda: bool(run.sentences))
        take_out()
        run.wait_for_pictures()
    assert "no usable matte" in run.sentences[0]


def test_a_network_that_hangs_brings_the_slate_and_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For 5 seconds; what it says then about an old frame is not shown."""
    run_network = Request.run
    hanging = threading.Event()

    def hang_once(request: Request) -> None:
        if not hanging.is_set():
            hanging.set()
            time.sleep(5)
        run_network(request)

    with Run() as run:
        monkeypatch.setattr(Request, "run", hang_once)
        assert hanging.wait(5)
        planted_seconds = time.monotonic()
        slate_after = run.seconds_until(True, planted_seconds)
        wait_until(lambda: time.monotonic() - planted_seconds > 5)
        back_after = run.seconds_until(False, planted_seconds + slate_after)
        run.wait_for_pictures()
    print(
        f"\nhang: slate after {slate_after:.2f} s, back {slate_after + back_after:.2f} s after it"
    )
    assert slate_after < SLATE_WITHIN_SECONDS
    assert slate_after + back_after < 5 + BACK_WITHIN_SECONDS
    assert [each.split(".")[0] for each in run.sentences] == [
        "The network has not responded for 4 seconds"
    ]


def test_one_bad_answer_is_not_even_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with Run() as run:
        start = len(run.seen)
        take_out = plant(monkeypatch, raises, computes=False)
        time.sleep(0.1)
        take_out()
        run.wait_for_pictures()
        assert not any(each.is_slate for each in run.seen[start:])
        assert run.sentences == []


def test_what_is_given_up_is_freed_before_another_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[weakref.ref[Renderer]] = []
    left: list[int] = []

    def open_and_count(size: Size) -> OpenedRenderer:
        left.append(sum(each() is not None for each in opened))
        choice = open_network(size)
        opened.append(weakref.ref(choice.renderer))
        return choice

    with Run(open_and_count) as run:
        with monkeypatch.context() as planted:
            planted.setattr(Request, "run", raises)
            wait_until(lambda: len(left) > 1)
        run.wait_for_pictures()
    assert left == [0] * len(left)


class Lost:
    """A renderer whose device is lost after a while, for good."""

    def __init__(self, renderer: Renderer, frames: int) -> None:
        self._renderer = renderer
        self._frames = frames

    def __getattr__(self, name: str) -> object:
        return getattr(self._renderer, name)

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if self._frames <= 0:
            raise RenderError("cuda:0 failed (unknown error).", "Start again.")
        self._frames -= 1
        return self._renderer.submit(frame, background, refinement)


def test_a_lost_device_is_tried_once_more_and_then_the_cpu_is_taken() -> None:
    opened: list[str] = []

    def open_device(size: Size) -> OpenedRenderer:
        opened.append("device")
        if len(opened) > 1:
            raise DeviceError("cuda:0 has too little memory.", "Use the CPU.")
        return OpenedRenderer(Lost(open_network(size).renderer, 30), "")  # type: ignore[arg-type]

    def open_cpu(size: Size) -> OpenedRenderer:
        opened.append("CPU")
        return open_network(size)

    with Run(open_device, open_cpu) as run:
        wait_until(lambda: "CPU" in opened)
        run.wait_for_pictures()
    assert opened == ["device", "device", "CPU"]
    assert run.sentences == [
        "cuda:0 failed (unknown error). Restarting the network.",
        "cuda:0 has too little memory. Restarting the network on the CPU.",
    ]
    assert any(each.is_slate for each in run.seen[10:])


class Confused:
    """A renderer that gives the picture before once more, or one of another size."""

    def __init__(self, renderer: Renderer, what: str) -> None:
        self._renderer = renderer
        self._what = what
        self._calls = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._renderer, name)

    def collect(self, timeout_seconds: float) -> Rendered | None:
        picture = self._renderer.collect(timeout_seconds)
        self._calls += picture is not None
        if picture is None or not 20 < self._calls < 60:
            return picture
        # Of the room as it is, to be seen at once if it were sent.
        image = np.full_like(picture.image, MARK)
        if self._what == "another size":
            image, alpha = image[::2, ::2].copy(), picture.alpha[::2, ::2].copy()
            return Rendered(image, alpha, picture.index, picture.captured_seconds, 0.0)
        return Rendered(image, picture.alpha, picture.index - 5, picture.captured_seconds, 0.0)


@pytest.mark.parametrize("what", ["another frame", "another size"])
def test_a_picture_that_is_not_of_its_frame_is_not_shown(what: str) -> None:
    def open_confused(size: Size) -> OpenedRenderer:
        return OpenedRenderer(Confused(open_network(size).renderer, what), "")  # type: ignore[arg-type]

    with Run(open_confused) as run:
        wait_until(lambda: any(each.is_slate for each in run.seen[10:]))
        run.wait_for_pictures()


def test_a_leak_would_be_seen() -> None:
    """The room itself, and a matte that is half of it too much."""
    assert count_marked(people()[0]) > 50_000
    half = people()[0].copy()
    half[:, : SIZE.width // 2] = (96, 64, 32)
    assert count_marked(half) > 10_000
