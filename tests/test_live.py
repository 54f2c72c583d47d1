"""Python's door for frames of one's own."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import livematte
from livematte import (
    Change,
    DeviceError,
    Freeze,
    Live,
    LiveSettings,
    MatteError,
    Mirror,
    NextBackground,
    Pause,
    PreviousBackground,
    Quit,
    RenderError,
    ReplaceBackgrounds,
    SetBackground,
    SetBlur,
    SetCamera,
    SetDevice,
    SetRefinement,
    Snapshot,
    StartRecording,
    StopRecording,
    UsageError,
)
from livematte.background import Background
from livematte.frame import Frame, Image, Rendered, Size
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.sources import Demo

SIZE = Size(320, 180)
BLUE, RED = (255, 0, 0), (0, 0, 255)
SMALL: dict[str, Any] = {"size": SIZE, "matte_short_side": 224, "precision": "fp32"}


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    """A person in a room, who sways."""
    with Demo(SIZE, realtime=False) as demo:
        return [each.image.copy() for each in islice(demo.frames(), 6)]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with Live(**SMALL, background=["blue", "red"]) as opened:
        yield opened


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeRenderer]:
    """What a `Live` is opened with instead of a network; its attributes may be replaced."""

    class Fake(FakeRenderer):
        pass

    monkeypatch.setattr(
        "livematte.live.open_renderer",
        lambda _options, frame_size, *_: OpenedRenderer(Fake(frame_size), ""),
    )
    return Fake


def bright(value: int = 255) -> Image:
    """A bright person, for the fake, in the left part of a dark room."""
    frame: Image = np.full((SIZE.height, SIZE.width, 3), 60, np.uint8)
    frame[:, :100] = value
    return frame


def behind(picture: livematte.LivePicture) -> tuple[int, ...]:
    """The colour in the corner that no person is in."""
    return tuple(picture.image[0, -1].tolist())


def test_a_person_stands_before_the_background_and_the_room_is_gone(
    live: Live, frames: list[Image]
) -> None:
    before = frames[0].copy()
    picture = live.process(frames[0])
    np.testing.assert_array_equal(frames[0], before)
    assert picture.image.dtype == picture.alpha.dtype == np.uint8
    assert (picture.image.shape, picture.alpha.shape) == ((180, 320, 3), (180, 320))
    room, person = picture.alpha == 0, picture.alpha == 255
    assert room.mean() > 0.3
    assert person.mean() > 0.1
    assert (picture.image[room] == BLUE).all()
    assert np.abs(picture.image[person].astype(int) - frames[0][person]).mean() < 3


def test_each_picture_is_of_its_own_frame_and_stays_as_it_is(
    live: Live, frames: list[Image]
) -> None:
    pictures = [live.process(each) for each in frames]
    copies = [each.image.copy() for each in pictures]
    live.process(frames[0])
    for picture, copy, frame in zip(pictures, copies, frames, strict=True):
        np.testing.assert_array_equal(picture.image, copy)
        person = picture.alpha == 255
        apart = [
            float(np.abs(picture.image[person].astype(int) - each[person]).mean())
            for each in frames
        ]
        assert frames[int(np.argmin(apart))] is frame


def test_views_and_lines_that_are_apart_are_frames(live: Live, frames: list[Image]) -> None:
    wide = np.zeros((180, 640, 3), np.uint8)
    wide[:, ::2] = frames[0]
    assert live.process(wide[:, ::2]).image.shape == (180, 320, 3)
    frozen = frames[0].copy()
    frozen.flags.writeable = False
    assert live.process(frozen).image.shape == (180, 320, 3)


@pytest.mark.parametrize(
    ("frame", "got"),
    [
        (np.zeros((180, 321, 3), np.uint8), r"uint8 \(180, 321, 3\)"),
        (np.zeros((320, 180, 3), np.uint8), r"uint8 \(320, 180, 3\)"),
        (np.zeros((180, 320), np.uint8), r"uint8 \(180, 320\)"),
        (np.zeros((180, 320, 4), np.uint8), r"uint8 \(180, 320, 4\)"),
        (np.zeros((180, 320, 3), np.float32), r"float32 \(180, 320, 3\)"),
        (np.zeros((180, 320, 3), np.int8), r"int8 \(180, 320, 3\)"),
        (None, "NoneType"),  # of a camera that gives no more
        ([[0]], "list"),
    ],
)
def test_other_frames_are_refused(live: Live, frame: Any, got: str) -> None:
    with pytest.raises(ValueError, match=rf"expected uint8 BGR \(180, 320, 3\), got {got}"):
        live.process(frame)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"size": (0, 180)}, "has no pixels"),
        ({"size": (320.5, 180)}, "not a width and a height"),
        ({"size": 320}, "not a width and a height"),
        ({"background": []}, "No background"),
        ({"background": "no-such-picture.jpg"}, "no-such-picture"),
        ({"background": "blur:1000"}, "Blur '1000'"),
        ({"device": "gpu"}, "Device 'gpu'"),
        ({"precision": "fp64"}, "Precision 'fp64'"),
        ({"quality": "super"}, "Quality 'super'"),
        ({"without": ["hair"]}, "'hair'"),
        ({"edge": 11}, "Edge 11"),
        ({"light_wrap": 2}, "Light wrap 2"),
    ],
)
def test_wrong_options_are_told_and_leave_no_thread(options: dict[str, Any], problem: str) -> None:
    before = threading.active_count()
    with pytest.raises((UsageError, livematte.BackgroundError), match=problem):
        Live(**{**SMALL, **options})
    assert threading.active_count() == before


@pytest.mark.usefixtures("fake")
def test_backgrounds_change_from_the_next_frame_on(tmp_path: Path) -> None:
    lime = str(tmp_path / "lime.png")
    cv2.imwrite(lime, np.full((9, 16, 3), (0, 255, 0), np.uint8))
    with Live(size=SIZE, background=("blue", "red")) as live:
        steps: list[tuple[Change | None, tuple[int, ...], tuple[str, ...]]] = [
            (None, BLUE, ("blue", "red")),
            (NextBackground(), RED, ("blue", "red")),
            (NextBackground(), BLUE, ("blue", "red")),
            (PreviousBackground(), RED, ("blue", "red")),
            (SetBackground(0), BLUE, ("blue", "red")),
            (SetBackground("red"), RED, ("blue", "red")),
            (SetBackground("white"), (255, 255, 255), ("blue", "red", "white")),
            (ReplaceBackgrounds(("black", "white")), (0, 0, 0), ("black", "white")),
            # One that was named alone is there until another is chosen.
            (SetBackground(lime), (0, 255, 0), ("black", "white", lime)),
            (SetBlur(30), (60, 60, 60), ("black", "white", "blur:30")),
            (SetBlur(35), (60, 60, 60), ("black", "white", "blur:35")),
            (NextBackground(), (0, 0, 0), ("black", "white")),
        ]
        for change, colour, names in steps:
            settings = live.settings if change is None else live.change(change)
            assert isinstance(settings, LiveSettings)
            assert settings == live.settings
            assert settings.backgrounds == names
            assert behind(live.process(bright())) == colour


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    "change",
    [
        *(SetBackground(each) for each in (2, -1, "no-such.jpg")),
        *(SetBlur(each) for each in (0, 1e9, float("nan"))),
        ReplaceBackgrounds(()),
        *(SetRefinement(quality="super"), SetRefinement(edge=99), SetRefinement(light_wrap=-1)),
        *(Freeze(True), Pause(True), Snapshot(), StartRecording(), StopRecording(), Quit()),
        SetCamera("0"),
        *("blur", SetBlur("30"), Mirror(1), SetBackground(0.5)),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_cannot_be_changed_changes_nothing(change: Change) -> None:
    with Live(size=SIZE, background=["blue", "red"]) as live:
        before = live.settings
        with pytest.raises((UsageError, livematte.BackgroundError)):
            live.change(change)
        assert live.settings == before
        assert behind(live.process(bright())) == BLUE


@pytest.mark.usefixtures("fake")
def test_the_whole_picture_is_mirrored(tmp_path: Path) -> None:
    halves = np.zeros((180, 320, 3), np.uint8)
    halves[:, :160] = 200
    cv2.imwrite(str(tmp_path / "halves.png"), halves)
    with Live(size=SIZE, background=tmp_path / "halves.png", mirror=True) as live:
        picture = live.process(bright())
        assert picture.alpha[0, -1] == 255
        assert picture.image[0, 5].tolist() == [0] * 3
        live.change(Mirror(False))
        straight = live.process(bright())
        assert straight.alpha[0, -1] == 0
        assert straight.image[0, 100].tolist() == [200] * 3


def test_refinement_and_device_change_while_it_runs(live: Live, frames: list[Image]) -> None:
    for each in frames[:3]:
        usual = live.process(each)
    settings = live.change(SetRefinement(edge=-10))
    assert (settings.edge, settings.quality) == (-10, "balanced")
    assert live.process(frames[2]).alpha.sum() < usual.alpha.sum()
    with pytest.raises((DeviceError, UsageError)):
        live.change(SetDevice("openvino:NPU"))
    assert live.settings == settings
    assert "CPU" in live.description
    live.change(SetDevice("cpu", "fp32"))
    assert live.process(frames[2]).alpha.sum() < usual.alpha.sum()
    live.change(SetRefinement(edge=0))


def test_transparent_pictures_hold_nothing_of_the_room(live: Live, frames: list[Image]) -> None:
    live.change(SetBackground("transparent"))
    picture = live.process(frames[0])
    live.change(SetBackground("blue"))
    assert not picture.image[picture.alpha == 0].any()
    assert picture.image[picture.alpha == 255].any()


@pytest.mark.usefixtures("fake")
def test_a_refused_matte_is_an_error_and_never_the_room() -> None:
    with Live(size=SIZE, background="blue") as live:
        with pytest.raises(MatteError, match="covers everything"):
            live.process(np.full((180, 320, 3), 255, np.uint8))
        assert behind(live.process(bright())) == BLUE


@pytest.mark.parametrize("kind", [MatteError, RenderError])
def test_what_the_renderer_raises_is_raised_and_the_next_frame_is_fine(
    fake: type[FakeRenderer], monkeypatch: pytest.MonkeyPatch, kind: type[RenderError]
) -> None:
    error = MatteError("It is soft", 0) if kind is MatteError else RenderError("It broke.", "Stop.")

    def refuse(_renderer: FakeRenderer, _seconds: float) -> None:
        FakeRenderer.collect(_renderer, _seconds)
        raise error

    with Live(size=SIZE, background="blue") as live:
        with monkeypatch.context() as patch:
            patch.setattr(fake, "collect", refuse)
            with pytest.raises(kind):
                live.process(bright())
        picture = live.process(bright(222))
        assert picture.image[0, 0].tolist() == [222] * 3


def test_a_frame_that_was_given_up_never_comes_back_for_another(
    fake: type[FakeRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livematte.live.HANGING_SECONDS", 0.05)
    monkeypatch.setattr("livematte.live.COLLECT_SECONDS", 0.01)
    with Live(size=SIZE, background="blue") as live:
        with monkeypatch.context() as patch:
            patch.setattr(fake, "collect", lambda _renderer, _seconds: None)
            with pytest.raises(RenderError, match="not finished frame 0"):
                live.process(bright(200))
        monkeypatch.setattr("livematte.live.HANGING_SECONDS", 5.0)
        assert live.process(bright(222)).image[0, 0].tolist() == [222] * 3


def test_threads_may_call_and_get_their_own(
    fake: type[FakeRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    submit = FakeRenderer.submit

    def noting(renderer: FakeRenderer, frame: Frame, background: Background, *rest: Any) -> bool:
        threads.add(threading.current_thread().name)
        return submit(renderer, frame, background, *rest)

    monkeypatch.setattr(fake, "submit", noting)
    with Live(size=SIZE, background="blue") as live, ThreadPoolExecutor(4) as pool:
        values = [*range(140, 240)]
        pictures = pool.map(lambda value: live.process(bright(value)), values)
        assert [int(each.image[0, 0, 0]) for each in pictures] == values
    assert len(threads) == 1, "a renderer belongs to one thread"


@pytest.mark.usefixtures("fake")
def test_one_thread_may_change_while_another_renders() -> None:
    with Live(size=SIZE, background=["blue", "red"]) as live, ThreadPoolExecutor(1) as pool:
        ended = threading.Event()

        def render() -> set[tuple[int, ...]]:
            seen = set()
            while not ended.is_set():
                seen.add(behind(live.process(bright())))
            return seen

        seen = pool.submit(render)
        for _ in range(60):
            live.change(ReplaceBackgrounds(("black",)))
            live.change(ReplaceBackgrounds(("blue", "red")))
            live.change(SetBackground(1))
        ended.set()
        assert seen.result() <= {(0, 0, 0), BLUE, RED}


@pytest.mark.usefixtures("fake")
def test_closing_is_final_and_may_be_done_twice() -> None:
    before = threading.active_count()
    live = Live(size=SIZE)
    live.process(bright())
    live.close()
    live.close()
    for use in (lambda: live.process(bright()), lambda: live.change(Mirror(True)), live.__enter__):
        with pytest.raises(RuntimeError, match="closed"):
            use()
    assert live.settings.background == "green"
    assert threading.active_count() == before


@pytest.mark.usefixtures("fake")
def test_one_that_is_forgotten_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    live = Live(size=SIZE, background="blur")
    live.process(bright())
    (thread,) = set(threading.enumerate()) - before
    del live
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.usefixtures("fake")
def test_weak_blur_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    Live(size=SIZE, background="blur:5", on_notice=told.append).close()
    assert "may be readable" in told[0]
    Live(size=SIZE, background="blur:5").close()
    assert caplog.messages == told


def test_moving_backgrounds_follow_the_given_time(
    fake: type[FakeRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    submit = FakeRenderer.submit

    def noting(renderer: FakeRenderer, frame: Frame, background: Background, *rest: Any) -> bool:
        seen.append(frame.media_seconds)
        return submit(renderer, frame, background, *rest)

    monkeypatch.setattr(fake, "submit", noting)
    with Live(size=SIZE) as live:
        live.process(bright(), seconds=1.5)
        live.process(bright())
        live.process(bright())
    assert seen[0] == 1.5
    assert 0 <= seen[1] < seen[2] < 5


def test_only_what_a_renderer_made_comes_out(
    fake: type[FakeRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Rendered] = []
    collect = FakeRenderer.collect

    def noting(renderer: FakeRenderer, seconds: float) -> Rendered | None:
        picture = collect(renderer, seconds)
        made.extend([] if picture is None else [picture])
        return picture

    monkeypatch.setattr(fake, "collect", noting)
    with Live(size=SIZE) as live:
        picture = live.process(bright())
        np.testing.assert_array_equal(picture.image, made[-1].image)
        assert not np.shares_memory(picture.image, made[-1].image)
