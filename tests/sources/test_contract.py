"""What every source promises, `livematte.sources.source` says it: real ones, and those of tests."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import av
import numpy as np
import pytest

from livematte.errors import SourceError, UsageError
from livematte.frame import Frame, Size
from livematte.sources import Camera, Demo, ReconnectingCamera, Source, VideoFile
from livematte.sources.switchable import SwitchableSource
from tests.lab import IN_LAB
from tests.sources.fakes import ListedSource, Plugged, Socket, serving_stills

SIZE: Final = Size(320, 180)
FRAMES: Final = 8
SOON_SECONDS: Final = 2.0
"""A wait of 0.1 s, on a busy machine."""

LAB_CAMERA: Final = "/dev/video-cam"

Making = Callable[[Path], AbstractContextManager[Source]]
"""Makes a source and what it opens, in a folder of its own."""


class Kind(NamedTuple):
    """A kind of source.

    blocked: one whose `frames` waits for a frame that does not come; None where none can.
    missing: one that cannot be opened; None where none fails.
    reuses: whether recycled memory comes again, in so many arrays that a frame may be made ahead.
    """

    make: Making
    blocked: Making | None = None
    missing: Making | None = None
    reuses: bool = True


def write_clip(path: Path, *, gap_seconds: int = 0) -> Path:
    """FRAMES frames that differ, 30 a second; `gap_seconds` before the last but two."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height = SIZE
        for index in range(FRAMES):
            image = np.full((SIZE.height, SIZE.width, 3), 20 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts = index + 30 * gap_seconds * (index > 2)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def clip(*, realtime: bool, gap_seconds: int = 0) -> Making:
    def make(folder: Path) -> AbstractContextManager[Source]:
        path = write_clip(folder / "clip.mp4", gap_seconds=gap_seconds)
        return nullcontext(VideoFile(path, realtime=realtime))

    return make


def no_clip(folder: Path) -> AbstractContextManager[Source]:
    return nullcontext(VideoFile(folder / "none.mp4"))


@contextmanager
def still_camera(_folder: Path) -> Iterator[Source]:
    with serving_stills() as server:
        yield Camera(server.address, None, 30.0)


@contextmanager
def slow_still_camera(_folder: Path) -> Iterator[Source]:
    """It is asked for one picture in 20 seconds."""
    with serving_stills() as server:
        yield Camera(server.address, None, 0.05)


@contextmanager
def reconnecting_still_camera(_folder: Path) -> Iterator[Source]:
    with serving_stills() as server:
        yield ReconnectingCamera(server.address, None, 30.0)


def no_stream(_folder: Path) -> AbstractContextManager[Source]:
    return nullcontext(Camera("http://127.0.0.1:9/none.jpg"))


def socket(*, plugged_in: bool = True, reconnecting: bool = True) -> Making:
    def make(_folder: Path) -> AbstractContextManager[Source]:
        where = Socket()
        if not plugged_in:
            where.plugged_in.clear()
        if reconnecting:
            return nullcontext(ReconnectingCamera("rtsp://camera", make=where.make))
        return nullcontext(Plugged(where))

    return make


@contextmanager
def unplugged(_folder: Path) -> Iterator[Source]:
    """Opens, and is unplugged from then on."""
    where = Socket()

    class Unplugged(Plugged):
        def __enter__(self) -> Plugged:
            super().__enter__()
            where.plugged_in.clear()
            return self

    yield ReconnectingCamera("rtsp://camera", make=lambda *_asked: Unplugged(where))


@contextmanager
def turned_off(_folder: Path) -> Iterator[Source]:
    camera = ReconnectingCamera("rtsp://camera", make=Socket().make)
    camera.turn_off()
    yield camera


def switchable(_folder: Path) -> AbstractContextManager[Source]:
    return nullcontext(SwitchableSource(Demo(SIZE), lambda: Demo(SIZE)))


def walker(*, is_stalled: bool = False) -> Making:
    def make(_folder: Path) -> AbstractContextManager[Source]:
        from tests.changing import Walker

        source = Walker()
        source.is_stalled = is_stalled
        return nullcontext(source)

    return make


@contextmanager
def marked_room(_folder: Path) -> Iterator[Source]:
    """Whoever is in it, which would take a network."""
    from tests.faults import marked_room

    somebody = np.zeros((*reversed(marked_room.SIZE), 3), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marked_room, "people", lambda: [somebody])
        yield marked_room.MarkedRoom()


@contextmanager
def rounds(_folder: Path, *, wished: bool = True) -> Iterator[Source]:
    """The benchmark's, which gives frames when the other end of a pipe wishes."""
    from livematte.bench.speed import Nowhere, Rounds, Wish
    from livematte.render.fake import FakeRenderer
    from livematte.render.renderer import OpenedRenderer

    sink = Nowhere()
    here, there = multiprocessing.Pipe()
    with here, there:
        source = Rounds(SIZE, sink, there)
        source.choice = OpenedRenderer(FakeRenderer(SIZE), "")
        if wished:
            here.send(Wish(10_000, 0))
        yield source


def lab(device: str, *, reconnecting: bool = False) -> Making:
    def make(_folder: Path) -> AbstractContextManager[Source]:
        kind = ReconnectingCamera if reconnecting else Camera
        return nullcontext(kind(device, SIZE))

    return make


@contextmanager
def stalling_lab_camera(_folder: Path) -> Iterator[Source]:
    """The driver drops every picture once it is open."""
    from tests.sources.in_lab_camera import control

    class Stalling(Camera):
        def __enter__(self) -> Camera:
            camera = super().__enter__()
            control("percentage_of_dropped_buffers", 100)
            return camera

    try:
        yield Stalling(LAB_CAMERA, SIZE)
    finally:
        control("percentage_of_dropped_buffers", 0)


KINDS: Final[dict[str, Kind]] = {
    "demo": Kind(lambda _folder: nullcontext(Demo(SIZE))),
    "demo at full speed": Kind(lambda _folder: nullcontext(Demo(SIZE, realtime=False))),
    "video file": Kind(
        clip(realtime=True), blocked=clip(realtime=True, gap_seconds=20), missing=no_clip
    ),
    "video file at full speed": Kind(clip(realtime=False), missing=no_clip),
    "camera of stills": Kind(still_camera, blocked=slow_still_camera, missing=no_stream),
    "reconnecting camera of stills": Kind(reconnecting_still_camera),
    "reconnecting camera": Kind(
        socket(), blocked=unplugged, missing=socket(plugged_in=False), reuses=False
    ),
    "reconnecting camera that is off": Kind(socket(), blocked=turned_off, reuses=False),
    "plugged": Kind(
        socket(reconnecting=False),
        missing=socket(plugged_in=False, reconnecting=False),
        reuses=False,
    ),
    "listed": Kind(lambda _folder: nullcontext(ListedSource(100)), reuses=False),
    "listed live": Kind(lambda _folder: nullcontext(ListedSource(100, live=True)), reuses=False),
    "switchable": Kind(switchable),
    "walker": Kind(walker(), blocked=walker(is_stalled=True), reuses=False),
    "marked room": Kind(marked_room, reuses=False),
    "benchmark": Kind(rounds, blocked=lambda folder: rounds(folder, wished=False)),
}

LAB_KINDS: Final[dict[str, Kind]] = {
    "camera": Kind(lab(LAB_CAMERA), blocked=stalling_lab_camera, missing=lab("/dev/video87")),
    "reconnecting camera": Kind(
        lab(LAB_CAMERA, reconnecting=True), missing=lab("/dev/video87", reconnecting=True)
    ),
}

TRIED: Final = LAB_KINDS if IN_LAB else KINDS


only_where_it_may_wait: Final = pytest.mark.parametrize(
    "making", [pytest.param(each.blocked, id=name) for name, each in TRIED.items() if each.blocked]
)
only_where_it_may_be_missing: Final = pytest.mark.parametrize(
    "making", [pytest.param(each.missing, id=name) for name, each in TRIED.items() if each.missing]
)


@pytest.fixture(params=list(TRIED))
def kind(request: pytest.FixtureRequest) -> Kind:
    return TRIED[request.param]


@contextmanager
def ending_soon(source: Source) -> Iterator[threading.Thread]:
    """A thread that takes frames, to be ended by the caller, and soon. Raises what it raised."""
    raised: list[BaseException] = []

    def take() -> None:
        try:
            for frame in source.frames():
                source.recycle(frame)
        except BaseException as error:
            raised.append(error)

    taking = threading.Thread(target=take, daemon=True)
    taking.start()
    yield taking
    ended = time.monotonic()
    taking.join(SOON_SECONDS)
    assert not taking.is_alive(), f"frames() goes on {SOON_SECONDS:g} s after it was interrupted"
    print(f"ended after {time.monotonic() - ended:.2f} s")
    assert raised == []


def test_frames_are_what_the_source_said(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as source, source:
        assert source.live in (True, False)
        assert min(source.size) > 0
        assert 0 < source.frames_per_second <= 1000
        assert source.description
        assert list(source.remarks) == []
        frames, came = list[Frame](), list[float]()
        for frame in islice(source.frames(), FRAMES):
            frames.append(frame)
            came.append(time.monotonic())
            assert source.trouble == ""
    assert len(frames) == FRAMES
    assert {each.size for each in frames} == {source.size}
    assert frames[0].index == 0
    assert frames[0].media_seconds == 0
    for before, after in pairwise(frames):
        assert before.index < after.index
        assert before.captured_seconds <= after.captured_seconds
        assert before.media_seconds < after.media_seconds
    for frame, seconds in zip(frames, came, strict=True):
        assert seconds - 60 < frame.captured_seconds <= seconds, "by time.monotonic()"


def test_a_frame_stays_as_it_is_until_it_is_recycled(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as source, source:
        frames, copies = [], []
        for frame in islice(source.frames(), FRAMES):
            frames.append(frame)
            copies.append(frame.image.copy())
        for frame, copy in zip(frames, copies, strict=True):
            np.testing.assert_array_equal(frame.image, copy)
        assert len({each.image.ctypes.data for each in frames}) == FRAMES


def test_recycled_memory_comes_again(kind: Kind, tmp_path: Path) -> None:
    """Whichever thread recycles, and at the end, when the source is closed already."""
    with kind.make(tmp_path) as source, source:
        memory, frames = set(), source.frames()
        for frame in islice(frames, FRAMES - 1):
            memory.add(frame.image.ctypes.data)
            recycling = threading.Thread(target=source.recycle, args=(frame,))
            recycling.start()
            recycling.join()
        last = next(frames)
        del frames
    source.recycle(last)
    if kind.reuses:
        assert len(memory) <= 2


def test_interrupting_ends_it(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as source, source, ending_soon(source):
        time.sleep(0.15)
        source.interrupt()
        source.interrupt()


def test_interrupting_ends_it_before_it_begins(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as source, source:
        source.interrupt()
        with ending_soon(source):
            pass


@only_where_it_may_wait
def test_interrupting_ends_a_wait_for_a_frame(making: Making, tmp_path: Path) -> None:
    with making(tmp_path) as source, source, ending_soon(source) as taking:
        time.sleep(0.5)
        assert taking.is_alive(), "it waits"
        source.interrupt()


def test_frames_of_a_source_that_it_replaces_may_come_back(kind: Kind, tmp_path: Path) -> None:
    """From any thread, at any time; what does not fit is let go."""
    with kind.make(tmp_path) as source:
        for size in (Size(32, 24), SIZE):
            image = np.zeros((size.height, size.width, 3), np.uint8)
            source.recycle(Frame(image, 0, 0.0, 0.0))
        with source:
            source.recycle(Frame(np.zeros((24, 32, 3), np.uint8), 0, 0.0, 0.0))
            frames = list(islice(source.frames(), 3))
            assert {each.size for each in frames} == {source.size}


def test_closing_is_always_fine(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as source:
        source.__exit__(None, None, None)
    with kind.make(tmp_path) as source:
        with source:
            next(source.frames())
        source.__exit__(None, None, None)
        assert list(source.remarks) == []


@only_where_it_may_be_missing
def test_what_cannot_be_opened_says_so_and_can_be_closed(making: Making, tmp_path: Path) -> None:
    with making(tmp_path) as source:
        with pytest.raises((SourceError, UsageError)) as caught:
            source.__enter__()
        assert caught.value.problem
        assert caught.value.remedy
        source.interrupt()
        source.__exit__(None, None, None)
        source.__exit__(None, None, None)
