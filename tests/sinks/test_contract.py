"""What every sink promises, `livematte.sinks.sink` says it: real ones, and those of tests."""

from __future__ import annotations

import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from livematte.background import Picture
from livematte.backgrounds.parse import parse
from livematte.errors import SinkError
from livematte.frame import Frame, Rendered, Size
from livematte.media.pipe import STDOUT
from livematte.sinks import ImageFolder, PreviewWindow, Sink, VideoWriter, VirtualCamera
from livematte.sinks.null import NullSink
from livematte.sinks.sink import Interruptible, KeepsPictures
from livematte.sinks.snapshot import SnapshotSink
from livematte.sinks.video.remains import look_into
from livematte.sources import VideoFile
from livematte.video.save import Composited, MatteOnly, OnBlack
from tests.lab import IN_LAB
from tests.sinks.fakes import RecordingSink
from tests.sinks.pictures import picture
from tests.sinks.show import Run
from tests.sources.test_contract import write_clip

SIZE: Final = Size(64, 48)
RATE: Final = Fraction(30)
PICTURES: Final = 5
SOON_SECONDS: Final = 3.0

Making = Callable[[Path], AbstractContextManager[Sink]]
"""Makes a sink, which writes into a folder if it writes files."""


class Kind(NamedTuple):
    """A kind of sink.

    missing: one that cannot be opened; None where none fails.
    waiting: one whose `open` or `send` waits for somebody else.
    video: the name of its file, which has that when it is closed and no sooner.
    needs_display: whether it is tried on a screen that nobody sees.
    """

    make: Making
    missing: Making | None = None
    waiting: Making | None = None
    video: str = ""
    needs_display: bool = False


def plain(sink: Callable[[], Sink]) -> Kind:
    return Kind(lambda _folder: nullcontext(sink()))


def video(name: str, *, transparent: bool = False, quality: int | None = None) -> Kind:
    def make(folder: Path) -> AbstractContextManager[Sink]:
        return nullcontext(VideoWriter(folder / name, transparent, quality=quality))

    def missing(folder: Path) -> AbstractContextManager[Sink]:
        return nullcontext(VideoWriter(folder / "no folder" / name, transparent))

    return Kind(make, missing, video=name)


def images(name: str) -> Kind:
    return Kind(
        lambda folder: nullcontext(ImageFolder(folder / name)),
        lambda folder: nullcontext(ImageFolder(folder / "no folder" / "in it" / name)),
    )


@contextmanager
def piped(folder: Path) -> Iterator[Sink]:
    """Into a named pipe that another thread reads."""
    path = folder / "pipe.mkv"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    is_over = threading.Event()

    def read() -> None:
        while not is_over.wait(0.002):
            with suppress(BlockingIOError):
                os.read(reader, 1 << 20)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield VideoWriter(path)
    finally:
        is_over.set()
        reading.join()
        os.close(reader)


@contextmanager
def unread(folder: Path) -> Iterator[Sink]:
    """Into a named pipe that nobody reads, of a recording of which nothing may be left out."""
    path = folder / "pipe.mkv"
    os.mkfifo(path)
    with VideoFile(write_clip(folder / "clip.mp4")) as recording:
        yield VideoWriter(path, recording=recording)


@contextmanager
def standard_output(folder: Path) -> Iterator[Sink]:
    kept = os.dup(STDOUT)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    try:
        yield VideoWriter(folder / "-", streamed=True)
    finally:
        os.dup2(kept, STDOUT)
        os.close(kept)
        os.close(null)


def preview(_folder: Path) -> AbstractContextManager[Sink]:
    return nullcontext(PreviewWindow("contract", Run().snapshot))


@contextmanager
def preview_without_display(folder: Path) -> Iterator[Sink]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", "")
        patch.setenv("WAYLAND_DISPLAY", "")
        with preview(folder) as sink:
            yield sink


@contextmanager
def preview_on_a_screen_that_hangs(folder: Path) -> Iterator[Sink]:
    from tests.conftest import x_server

    with x_server() as (name, server), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", name)
        server.send_signal(signal.SIGSTOP)
        with preview(folder) as sink:
            yield sink


def converting(make: Callable[[Sink], Sink]) -> Kind:
    """What converts pictures for a video."""
    inner = video("inner.mkv")

    def making(made: Making | None) -> Making:
        @contextmanager
        def make_both(folder: Path) -> Iterator[Sink]:
            assert made is not None
            with made(folder) as sink:
                yield make(sink)

        return make_both

    return Kind(making(inner.make), making(inner.missing), video="inner.mkv")


def composited(sink: Sink) -> Sink:
    background = parse("navy")
    assert isinstance(background, Picture)
    return Composited(sink, background, 0.0, print)


def benchmark() -> Sink:
    from livematte.bench.speed import Nowhere

    return Nowhere()


def lab(device: str) -> Making:
    return lambda _folder: nullcontext(VirtualCamera(device))


KINDS: Final[dict[str, Kind]] = {
    "mp4": video("talk.mp4"),
    "mkv": video("talk.mkv"),
    "mov": video("talk.mov"),
    "webm": video("talk.webm"),
    "mov with alpha": video("talk.mov", transparent=True),
    "webm with alpha": video("talk.webm", transparent=True),
    "pipe": Kind(piped, waiting=unread),
    "standard output": Kind(standard_output),
    "images": images("frames"),
    "images in a folder": images("%03d.png"),
    "snapshot": Kind(lambda folder: nullcontext(SnapshotSink(folder / "shot.png"))),
    "preview": Kind(
        preview, preview_without_display, preview_on_a_screen_that_hangs, needs_display=True
    ),
    "matte only": converting(MatteOnly),
    "on black": converting(OnBlack),
    "composited": converting(composited),
    "null": plain(NullSink),
    "benchmark": plain(benchmark),
    "recording": plain(RecordingSink),
}

LAB_KINDS: Final[dict[str, Kind]] = {
    "virtual camera": Kind(lab("/dev/video-out"), lab("/dev/video87")),
    "camera's own device": Kind(lab("/dev/video-out"), lab("/dev/video-cam")),
}

TRIED: Final = LAB_KINDS if IN_LAB else KINDS


def names(chosen: Callable[[Kind], object]) -> list[object]:
    """The kinds of which it holds, with their marks."""
    return [
        pytest.param(name, marks=[pytest.mark.display] * each.needs_display)
        for name, each in TRIED.items()
        if chosen(each)
    ]


@pytest.fixture(params=names(lambda _kind: True))
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    found = TRIED[request.param]
    if found.needs_display:
        monkeypatch.setenv("DISPLAY", request.getfixturevalue("display"))
    return found


INDICES: Final = (-1, *range(PICTURES))
"""The slate's, and then those of pictures."""


def locked(index: int, *, transparent: bool = False) -> Rendered:
    """A picture in memory that may only be read."""
    made = picture(SIZE, index, media_seconds=max(0, index) / 30, transparent=transparent)
    made.image.flags.writeable = made.alpha.flags.writeable = False
    return made


def left_in(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_making_one_touches_nothing_and_it_can_be_closed(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as sink:
        before = sorted(tmp_path.rglob("*"))
        assert sink.description
        assert list(sink.remarks) == []
        assert sink.takes_alpha in (True, False)
        sink.close()
        sink.abort()
        sink.close()
        assert sorted(tmp_path.rglob("*")) == before
        assert list(sink.remarks) == []


def test_pictures_are_taken_neither_written_nor_kept_and_closing_finishes(
    kind: Kind, tmp_path: Path
) -> None:
    with kind.make(tmp_path) as sink:
        takes_alpha = sink.takes_alpha
        sink.open(SIZE, RATE)
        for index in INDICES:
            sent = locked(index, transparent=takes_alpha)
            memory = [weakref.ref(sent.image), weakref.ref(sent.alpha)]
            sink.send(sent)
            del sent
            assert all(each() is None for each in memory), "it is kept"
        if kind.video:
            assert not (tmp_path / kind.video).exists(), "it is not whole yet"
        sink.close()
        after = left_in(tmp_path)
        sink.close()
        sink.abort()
        assert left_in(tmp_path) == after
        assert list(sink.remarks) == []
        assert sink.takes_alpha == takes_alpha
    if kind.video:
        assert after == [kind.video]
        assert look_into(tmp_path / kind.video).frames == PICTURES, "no slate is in it"


def test_raw_frames_and_other_sizes_are_refused_and_leave_no_trace(
    kind: Kind, tmp_path: Path
) -> None:
    with kind.make(tmp_path) as sink:
        sink.open(SIZE, RATE)
        small = picture(Size(SIZE.width // 2, SIZE.height), 3)
        large = picture(Size(SIZE.width, 2 * SIZE.height), 3)
        for index in INDICES:
            sink.send(locked(index))
            if index == 2:
                raw = Frame(picture(SIZE).image, 3, 0.0, 0.1)
                with pytest.raises(TypeError, match="Frame"):
                    sink.send(raw)  # type: ignore[arg-type]  # as a caller without types may
                for wrong in (small, large):
                    with pytest.raises(ValueError, match=f"{SIZE}.* {wrong.size}"):
                        sink.send(wrong)
        sink.close()
        assert list(sink.remarks) == []
    if kind.video:
        assert look_into(tmp_path / kind.video).frames == PICTURES


def test_what_an_error_ends_is_kept_under_a_name_that_tells(kind: Kind, tmp_path: Path) -> None:
    with kind.make(tmp_path) as sink:
        sink.open(SIZE, RATE)
        for index in INDICES:
            sink.send(locked(index))
        sink.abort()
        sink.abort()
        sink.close()
        if kind.video:
            stem, ending = kind.video.split(".")
            kept = f"{stem} (incomplete).{ending}"
            assert left_in(tmp_path) == [kept]
            (remark,) = sink.remarks
            assert kept in remark
            assert look_into(tmp_path / kept).frames == PICTURES


@pytest.mark.parametrize("ending", ["close", "abort"])
def test_where_no_picture_came_nothing_is_left(kind: Kind, tmp_path: Path, ending: str) -> None:
    with kind.make(tmp_path) as sink:
        before = sorted(tmp_path.rglob("*"))
        sink.open(SIZE, RATE)
        sink.send(picture(SIZE, -1))
        if ending == "close":
            sink.close()
        sink.abort()
        assert sorted(tmp_path.rglob("*")) == before
        assert list(sink.remarks) == []


@pytest.mark.parametrize("name", names(lambda kind: kind.missing))
def test_what_cannot_be_opened_says_so_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    missing = TRIED[name].missing
    assert missing is not None
    with missing(tmp_path) as sink:
        with pytest.raises(SinkError) as caught:
            sink.open(SIZE, RATE)
        assert caught.value.problem
        assert caught.value.remedy
        sink.abort()
        sink.close()
        assert sorted(tmp_path.rglob("*")) == []
        assert list(sink.remarks) == []


@pytest.mark.parametrize("name", names(lambda kind: kind.waiting))
def test_interrupting_ends_every_wait_without_an_error(name: str, tmp_path: Path) -> None:
    waiting = TRIED[name].waiting
    assert waiting is not None
    raised: list[BaseException] = []
    with waiting(tmp_path) as sink:
        assert isinstance(sink, Interruptible)

        def show() -> None:
            try:
                sink.open(SIZE, RATE)
                sink.send(picture(SIZE))
                sink.send(picture(SIZE, 1))
            except BaseException as error:
                raised.append(error)

        showing = threading.Thread(target=show, daemon=True)
        showing.start()
        time.sleep(0.5)
        assert showing.is_alive(), "it waits"
        sink.interrupt()
        showing.join(SOON_SECONDS)
        assert not showing.is_alive(), "it still waits"
        sink.abort()
    assert raised == []


def test_recordings_are_those_that_keep_pictures(kind: Kind, tmp_path: Path) -> None:
    """So a file loses nothing to a moment, and a view shows the newest picture."""
    with kind.make(tmp_path) as sink:
        writes = isinstance(sink, VideoWriter | ImageFolder)
        assert isinstance(sink, KeepsPictures) == writes
