"""Threads that the system does not start, for a while or at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from livematte.backgrounds.parse import parse
from livematte.errors import SourceError
from livematte.frame import Frame, Size
from livematte.options.rendering import CPU, RenderOptions
from livematte.pipeline import pending_threads
from livematte.pipeline.events import Limits, PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.pipeline.slate import SLATE_INDEX
from livematte.render.fake import FakeRenderer
from livematte.render.opening import open_renderer
from livematte.render.renderer import OpenedRenderer
from livematte.threads.attempt import Attempt
from livematte.threads.start import NoThreadError, start
from tests.sinks.fakes import RecordingSink
from tests.sources.fakes import ListedSource

GAP_SECONDS = 0.5


def refuse(monkeypatch: pytest.MonkeyPatch, refused: Callable[[threading.Thread], bool]) -> None:
    """Have the system start no thread of these, in the way that it does that."""
    start_thread = threading.Thread.start

    def start_or_refuse(thread: threading.Thread) -> None:
        if refused(thread):
            raise RuntimeError("can't start new thread")
        start_thread(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_refuse)


def test_a_thread_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ran, tries = threading.Event(), []
    with monkeypatch.context() as patch:
        refuse(patch, lambda thread: not tries.append(thread) and len(tries) < 4)  # type: ignore[func-returns-value]
        start(threading.Thread(target=ran.set), 5)
    assert ran.wait(5)
    assert len(tries) == 4
    with monkeypatch.context() as patch:
        refuse(patch, lambda _thread: True)
        with pytest.raises(NoThreadError, match="cannot start another thread"):
            start(threading.Thread(target=ran.set))


@pytest.mark.parametrize("name", ["capture", "render"])
def test_a_call_that_lacks_a_thread_shows_the_slate_until_there_is_one(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    until_seconds = time.monotonic() + 0.8
    refuse(monkeypatch, lambda thread: thread.name == name and time.monotonic() < until_seconds)
    seen: list[float] = []
    sink = RecordingSink(lambda _index: seen.append(time.monotonic()))
    sentences: list[str] = []
    Pipeline(
        ListedSource(500, live=True, seconds_apart=0.01),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        Scene((parse("navy"),)),
        [sink],
        limits=Limits(frames=5),
        events=PipelineEvents(trouble=sentences.append),
    ).run()
    gap = float(np.diff(seen).max())
    print(f"\nno thread to {name} for 0.8 s: longest gap {gap:.2f} s")
    assert gap < GAP_SECONDS
    assert sum(each.index == SLATE_INDEX for each in sink.pictures) > 3
    assert any(each.index != SLATE_INDEX for each in sink.pictures)
    assert [each.split(".")[0] for each in sentences] == ["The system cannot start another thread"]


def test_work_on_a_file_that_lacks_a_thread_fails_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pending_threads, "PATIENCE_SECONDS", 0.2)
    refuse(monkeypatch, lambda thread: thread.name == "render")
    sink = RecordingSink()
    pipeline = Pipeline(
        ListedSource(5),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        Scene((parse("navy"),)),
        [sink],
    )
    with pytest.raises(NoThreadError):
        pipeline.run()
    assert sink.ended == "aborted"


def test_the_network_needs_no_thread_while_pictures_come(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(320, 180)
    choice = open_renderer(RenderOptions(CPU, matte_short_side=224), size)
    refuse(monkeypatch, lambda _thread: True)
    for index in range(6):
        frame = Frame(np.full((size.height, size.width, 3), 90, np.uint8), index, 0.0, 0.0)
        assert choice.renderer.submit(frame, parse("navy"))
        picture = choice.renderer.collect(20)
        assert picture is not None
        assert picture.index == index
    choice.renderer.close()


class Hanging(ListedSource):
    """Hangs in opening until it is let go, whatever it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(5, live=True)
        self.let_go = threading.Event()
        self._error = error

    def __enter__(self) -> ListedSource:
        self.let_go.wait(20)
        if self._error is not None:
            raise self._error
        return self


def test_a_source_that_hangs_is_left_behind_and_closed_once_it_is_open() -> None:
    source, sink = Hanging(), RecordingSink()
    pipeline = Pipeline(
        source, lambda size: OpenedRenderer(FakeRenderer(size), ""), Scene((parse("navy"),)), [sink]
    )
    threading.Timer(0.2, pipeline.stop).start()
    began = time.monotonic()
    pipeline.run()
    assert time.monotonic() - began < 1.5
    assert source.interrupted.is_set()
    assert not source.closed
    source.let_go.set()
    deadline_seconds = time.monotonic() + 5
    while not source.closed:
        assert time.monotonic() < deadline_seconds
        time.sleep(0.01)


def test_what_opening_raises_is_raised() -> None:
    source = Hanging(SourceError("There is no such camera.", "Plug it in."))
    source.let_go.set()
    with pytest.raises(SourceError, match="no such camera"):
        Pipeline(
            source,
            lambda size: OpenedRenderer(FakeRenderer(size), ""),
            Scene((parse("navy"),)),
            [RecordingSink()],
        ).run()


def test_what_is_left_when_it_is_done_is_undone_at_once() -> None:
    undone = threading.Event()
    attempt = Attempt(lambda: None, "work")
    attempt.start()
    assert attempt.has_ended(5)
    attempt.leave(undone.set)
    assert undone.is_set()
