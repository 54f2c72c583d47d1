from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from livematte.background import Background
from livematte.backgrounds.parse import parse
from livematte.errors import RenderError, SinkError, SourceError
from livematte.frame import Frame, Rendered, Size
from livematte.media import kept_file
from livematte.options.refinement import Refinement
from livematte.pipeline import on_demand, pace, show
from livematte.pipeline.events import Limits, PipelineEvents
from livematte.pipeline.on_demand import OnDemand
from livematte.pipeline.pace import Slow
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.pipeline.slate import SLATE_INDEX
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from tests.sinks.fakes import RecordingSink
from tests.sources.fakes import PERSON, ROOM, SIZE, ListedSource, frame_image

NAVY = Scene((parse("navy"),))


def make_pipeline(
    source: ListedSource,
    sinks: Sequence[RecordingSink],
    *,
    seconds_per_frame: float = 0.0,
    backgrounds: Sequence[Background] = (),
    frames: int | None = None,
) -> Pipeline:
    return Pipeline(
        source,
        lambda size: OpenedRenderer(FakeRenderer(size, seconds_per_frame), ""),
        Scene(tuple(backgrounds) or (parse("navy"),)),
        sinks,
        limits=Limits(frames=frames),
    )


def assert_own_mattes(pictures: Sequence[Rendered]) -> None:
    """Each picture shows the person of its own frame on the background, and no room."""
    assert pictures
    for picture in pictures:
        expected = np.full_like(picture.image, (128, 0, 0))
        expected[PERSON] = 150 + picture.index % 100
        np.testing.assert_array_equal(picture.image, expected)


def test_no_frame_of_a_file_is_lost_however_slow_the_rest_is() -> None:
    source, sink = ListedSource(20), RecordingSink(lambda _: time.sleep(0.003))
    pipeline = make_pipeline(source, [sink], seconds_per_frame=0.005)
    pipeline.run()
    assert [each.index for each in sink.matted] == list(range(20))
    assert_own_mattes(sink.matted)
    assert source.recycled == list(range(20))
    assert pipeline.statistics.summary().dropped == 0
    assert sink.ended == "closed"
    assert source.closed


def test_live_frames_that_come_too_fast_are_dropped_and_counted() -> None:
    source = ListedSource(60, live=True, seconds_apart=0.004)
    sink = RecordingSink()
    pipeline = make_pipeline(source, [sink], seconds_per_frame=0.02)
    pipeline.run()
    indices = [each.index for each in sink.matted]
    assert 2 <= len(indices) < 40
    assert indices == sorted(set(indices))
    assert indices[-1] == 59, "the newest frame is the one that is shown"
    assert_own_mattes(sink.matted)
    summary = pipeline.statistics.summary()
    assert 50 < summary.frames + summary.dropped <= 60, "all but those before the first picture"
    assert sorted(source.recycled) == list(range(60))


def test_frames_that_come_before_the_first_picture_or_after_a_pause_were_not_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Asleep(ListedSource):
        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                if frame.index == 80:
                    # As a driver does after the computer has slept: all that it kept, at once.
                    now[0] += 3600.0
                    time.sleep(0.1)
                    self._seconds_apart = 0.0
                if frame.index == 110:
                    self._seconds_apart = 0.01
                yield frame

    now, tick = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: tick() + now[0])

    def open_slowly(size: Size) -> OpenedRenderer:
        time.sleep(0.5)
        return OpenedRenderer(FakeRenderer(size), "")

    source, sink = Asleep(150, live=True, seconds_apart=0.01), RecordingSink()
    pipeline = Pipeline(source, open_slowly, NAVY, [sink])
    pipeline.run()
    summary = pipeline.statistics.summary()
    assert source.recycled != [each.index for each in sink.matted], "some were left out"
    assert summary.dropped <= 3
    assert summary.frames_per_second > 20, "an hour of sleep is no hour of pictures"


@pytest.mark.parametrize(("seconds_per_frame", "told"), [(0.0, 0), (0.03, 1)])
def test_a_run_that_is_too_slow_for_long_is_told_of_once(
    seconds_per_frame: float, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SETTLING_SECONDS", 0.2)
    monkeypatch.setattr(pace, "WINDOW_SECONDS", 0.5)
    source, slow = ListedSource(200, live=True, seconds_apart=0.01), list[Slow]()

    def open_slowly(size: Size) -> OpenedRenderer:
        time.sleep(0.3)
        return OpenedRenderer(FakeRenderer(size, seconds_per_frame), "")

    Pipeline(
        source, open_slowly, NAVY, [RecordingSink()], events=PipelineEvents(slow=slow.append)
    ).run()
    assert len(slow) == told
    for each in slow:
        assert each.shown < 35 < each.came
        assert each.outputs_share < 0.1


def test_a_live_frame_does_not_grow_old_while_it_waits() -> None:
    """Latency is at most that of the picture before and its own, not of a queue of frames."""
    source = ListedSource(50, live=True, seconds_apart=0.005)
    pipeline = make_pipeline(source, [RecordingSink()], seconds_per_frame=0.03)
    pipeline.run()
    latency = pipeline.statistics.summary().median_latency_seconds
    assert latency is not None
    assert latency < 0.3, "all 50 frames in a queue would take 1.5 s"


def test_a_frame_that_waits_for_room_makes_way_for_a_newer_one() -> None:
    ages: list[float] = []

    class AgeTakingRenderer(FakeRenderer):
        def submit(
            self, frame: Frame, background: Background, refinement: Refinement | None = None
        ) -> bool:
            taken = super().submit(frame, background, refinement)
            if taken:
                ages.append(time.monotonic() - frame.captured_seconds)
            return taken

    source = ListedSource(200, live=True, seconds_apart=0.002)
    sink = RecordingSink(lambda index: time.sleep(0.04) if index >= 0 else None)
    Pipeline(source, lambda size: OpenedRenderer(AgeTakingRenderer(size), ""), NAVY, [sink]).run()
    assert_own_mattes(sink.matted)
    assert np.median(ages[3:]) < 0.02, "the first of them would be as old as the sink is slow"


def test_a_live_frame_waits_for_its_turn_where_a_newer_one_can_take_its_place() -> None:
    """A renderer that would take frames ahead, as the queue of an inference engine does."""
    all_captured = threading.Event()

    class Busy(FakeRenderer):
        def wait_until_ready(self, timeout_seconds: float) -> bool:
            return all_captured.wait(timeout_seconds)

    source = ListedSource(9, live=True, afterwards=all_captured.set)
    sink = RecordingSink()
    Pipeline(source, lambda size: OpenedRenderer(Busy(size), ""), NAVY, [sink]).run()
    assert [each.index for each in sink.matted] == [8]


def test_a_file_s_frames_are_submitted_ahead() -> None:
    class NeverReady(FakeRenderer):
        def wait_until_ready(self, timeout_seconds: float) -> bool:
            return False

    sink = RecordingSink()
    Pipeline(ListedSource(5), lambda size: OpenedRenderer(NeverReady(size), ""), NAVY, [sink]).run()
    assert [each.index for each in sink.matted] == [0, 1, 2, 3, 4]


def test_the_slate_comes_first_and_last() -> None:
    sink = RecordingSink()
    make_pipeline(ListedSource(3), [sink]).run()
    assert sink.pictures[0].index == SLATE_INDEX
    assert sink.pictures[-1].index == SLATE_INDEX


@pytest.mark.parametrize("background", ["navy", "transparent", "blur"])
def test_the_slate_never_shows_the_room(background: str) -> None:
    sink = RecordingSink()
    make_pipeline(ListedSource(3), [sink], backgrounds=[parse(background)]).run()
    for slate in (sink.pictures[0], sink.pictures[-1]):
        assert not (slate.image == ROOM).all(axis=2).any()
        assert not slate.alpha.any()


def test_while_the_renderer_opens_the_slate_is_repeated() -> None:
    def open_slowly(size: Size) -> OpenedRenderer:
        assert sink.pictures, "a window must not be empty while nothing else is ready"
        time.sleep(0.5)
        return OpenedRenderer(FakeRenderer(size), "")

    sink = RecordingSink()
    Pipeline(ListedSource(2), open_slowly, NAVY, [sink]).run()
    before_the_first = [each.index for each in sink.pictures].index(0)
    assert before_the_first >= 3
    assert_own_mattes(sink.matted)


def test_a_stalled_camera_shows_the_slate_until_it_goes_on() -> None:
    resumed = threading.Event()

    class StallingSource(ListedSource):
        saw_the_slate = False

        def frames(self) -> Iterator[Frame]:
            yield from super().frames()
            self.saw_the_slate = resumed.wait(5)
            yield Frame(frame_image(3), 3, time.monotonic(), 0.1)

    def see(index: int) -> None:
        if index == SLATE_INDEX and sink.matted:
            resumed.set()

    source, sink = StallingSource(3, live=True), RecordingSink(see)
    make_pipeline(source, [sink]).run()
    assert source.saw_the_slate
    assert sink.matted[-1].index == 3
    assert_own_mattes(sink.matted)


def test_it_ends_after_so_many_frames() -> None:
    sink = RecordingSink()
    make_pipeline(ListedSource(50), [sink], frames=7).run()
    assert [each.index for each in sink.matted] == list(range(7))


def test_a_background_that_is_lost_stops_no_picture_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "KEPT_BYTES", 0)
    path, told = tmp_path / "lost.avi", list[str]()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "bgr0"
        for grey in range(6):
            image = np.full((SIZE.height, SIZE.width, 3), 20 + grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode(None))

    def empty(index: int) -> None:
        if index == 30:
            path.write_bytes(b"")

    sink = RecordingSink(empty)
    pipeline = Pipeline(
        ListedSource(90, live=True, seconds_apart=1 / 60),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        Scene((parse(str(path)),)),
        [sink],
        events=PipelineEvents(trouble=told.append),
    )
    pipeline.run()
    behind = [int(each.image[0, 0, 0]) for each in sink.matted]
    assert len(set(behind[:30])) == 6
    assert len(set(behind[-30:])) == 1
    assert np.diff([each.captured_seconds for each in sink.matted]).max() < 0.25
    assert not [each for each in sink.pictures[1:-1] if each.index == SLATE_INDEX]
    (sentence,) = told
    assert "Its last picture stays" in sentence
    assert not any(each.name == "background" for each in threading.enumerate())


def test_another_scene_is_shown_from_the_next_frame_on() -> None:
    sink = RecordingSink()
    scene = Scene((parse("navy"), parse("red")))

    def turn() -> None:
        if len(sink.matted) >= 3:
            pipeline.stage.show(replace(scene, background_index=1))
        if len(sink.matted) >= 8:
            pipeline.stop()

    pipeline = Pipeline(
        ListedSource(1000, seconds_apart=0.002),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        scene,
        [sink],
        events=PipelineEvents(turn=turn),
    )
    pipeline.run()
    corners = [tuple(each.image[0, 0].tolist()) for each in sink.matted]
    assert corners[0] == (128, 0, 0)
    assert corners[-1] == (0, 0, 255)
    assert set(corners) == {(128, 0, 0), (0, 0, 255)}
    assert 8 <= len(corners) < 100


def fail_source() -> None:
    raise SourceError("The camera was unplugged.", "Plug it in again.")


@pytest.mark.parametrize(("live", "ended"), [(True, "closed"), (False, "aborted")])
def test_a_failing_source_is_reported_and_only_recordings_are_kept(live: bool, ended: str) -> None:
    source = ListedSource(5, live=live, seconds_apart=0.005, afterwards=fail_source)
    sink = RecordingSink()
    with pytest.raises(SourceError, match="unplugged"):
        make_pipeline(source, [sink]).run()
    assert sink.ended == ended
    assert sink.pictures[-1].index == SLATE_INDEX
    assert source.closed


def test_a_renderer_that_cannot_be_opened_is_reported() -> None:
    def fail(_size: Size) -> OpenedRenderer:
        raise RenderError("No.", "Yes.")

    source, sink = ListedSource(5), RecordingSink()
    with pytest.raises(RenderError):
        Pipeline(source, fail, NAVY, [sink]).run()
    assert source.closed
    assert sink.matted == []


def test_a_renderer_that_fails_on_a_frame_is_reported_and_closed() -> None:
    class Failing(FakeRenderer):
        closed = False

        def submit(
            self, frame: Frame, background: Background, refinement: Refinement | None = None
        ) -> bool:
            if frame.index == 2:
                raise RenderError("No.", "Yes.")
            return super().submit(frame, background, refinement)

        def close(self) -> None:
            Failing.closed = True

    sink = RecordingSink()
    pipeline = Pipeline(
        ListedSource(5), lambda size: OpenedRenderer(Failing(size), ""), NAVY, [sink]
    )
    with pytest.raises(RenderError):
        pipeline.run()
    assert Failing.closed
    assert {each.index for each in sink.matted} <= {0, 1}


@pytest.mark.parametrize("live", [True, False])
def test_a_failing_sink_is_given_up_and_the_others_are_finished(live: bool) -> None:
    """Of a camera the others go on, and how the run ends is said at its end."""

    def fail(index: int) -> None:
        if index == 2:
            raise SinkError("Disk full.", "Make room.")

    failing, other = RecordingSink(fail), RecordingSink()
    sentences: list[str] = []
    pipeline = Pipeline(
        ListedSource(8, live=live, seconds_apart=0.02),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        NAVY,
        [failing, other],
        events=PipelineEvents(trouble=sentences.append),
    )
    with pytest.raises(SinkError, match="Disk full"):
        pipeline.run()
    assert failing.ended == "aborted"
    assert other.pictures[-1].index == SLATE_INDEX
    if live:
        assert other.matted[-1].index == 7
        assert other.ended == "closed"
        assert sentences == ["Disk full. The other outputs continue."]
    else:
        assert other.matted[-1].index <= 2
        assert other.ended == "aborted"


def test_the_camera_is_on_only_while_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_demand, "IDLE_AFTER_SECONDS", 0.3)
    monkeypatch.setattr(show, "IDLE_SLATE_SECONDS", 0.1)
    is_on, is_watched, turned = threading.Event(), threading.Event(), []
    told: list[bool] = []
    is_on.set()

    class OnAndOff(ListedSource):
        def frames(self) -> Iterator[Frame]:
            for index in range(1000):
                while not is_on.wait(0.01):
                    if self.interrupted.is_set():
                        return
                if self.interrupted.is_set():
                    return
                time.sleep(0.01)
                yield Frame(frame_image(index), index, time.monotonic(), index / 30)

    def turn(on: bool) -> None:
        turned.append((on, len(sink.pictures)))
        (is_on.set if on else is_on.clear)()

    sink = RecordingSink()
    pipeline = Pipeline(
        OnAndOff(0, live=True),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        NAVY,
        [sink],
        on_demand=OnDemand(is_watched.is_set, lambda: turn(False), lambda: turn(True)),
        events=PipelineEvents(idle=told.append),
    )
    running = threading.Thread(target=pipeline.run)
    running.start()
    for number in (1, 3):
        wait_until(lambda number=number: len(turned) == number)  # type: ignore[misc]
        wait_until(lambda: pipeline.notice == "Camera off")
        off = len(sink.pictures)
        time.sleep(0.5)
        assert all(each.index == SLATE_INDEX for each in sink.pictures[off:])
        assert 2 <= len(sink.pictures) - off <= 7
        is_watched.set()
        wait_until(lambda off=off: any(each.index >= 0 for each in sink.pictures[off:]))  # type: ignore[misc]
        assert sink.pictures[turned[-1][1] - 1].index == SLATE_INDEX
        time.sleep(0.5)
        assert len(turned) == number + 1, "it stays on while somebody watches"
        is_watched.clear()
    pipeline.stop()
    running.join(5)
    assert [on for on, _ in turned[:4]] == [False, True, False, True]
    assert told[:4] == [True, False, True, False]
    assert_own_mattes(sink.matted)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_sink_that_cannot_be_opened_leaves_nothing_open() -> None:
    class Unopenable(RecordingSink):
        def open(self, size: Size, frames_per_second: Fraction) -> None:
            raise SinkError("Taken.", "Wait.")

    source, opened, unopenable = ListedSource(5), RecordingSink(), Unopenable()
    with pytest.raises(SinkError, match="Taken"):
        make_pipeline(source, [opened, unopenable]).run()
    assert source.closed
    assert opened.ended == "aborted"
    assert unopenable.pictures == []


def test_it_stops_within_a_second_even_if_the_camera_hangs() -> None:
    released = threading.Event()

    def hang() -> None:
        released.wait(10)

    source = ListedSource(3, live=True, afterwards=hang)
    sink = RecordingSink()
    pipeline = make_pipeline(source, [sink])
    threading.Timer(0.3, pipeline.stop).start()
    started = time.monotonic()
    pipeline.run()
    assert time.monotonic() - started < 1.3
    assert sink.ended == "closed"
    assert not source.closed, "what a stuck thread reads from is not pulled away under it"
    released.set()


def test_an_ordinary_run_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    pipeline = make_pipeline(ListedSource(5), [RecordingSink()])
    pipeline.run()
    assert set(threading.enumerate()) <= before
