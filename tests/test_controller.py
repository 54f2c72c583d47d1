"""A run that is changed while it goes on: no picture but with its own matte, and no gap."""

from __future__ import annotations

import gc
import json
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import pytest

from livematte.background import Blur
from livematte.errors import LivematteError, UsageError
from livematte.frame import Rendered, Size
from livematte.options.changes import (
    Change,
    Freeze,
    Mirror,
    NextBackground,
    Pause,
    PreviousBackground,
    Quit,
    ReplaceBackgrounds,
    SetBackground,
    SetBlur,
    SetCamera,
    SetDevice,
    SetRefinement,
    Snapshot,
    StartRecording,
    StopRecording,
)
from livematte.options.refinement import choose_refinement
from livematte.options.rendering import RenderOptions
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import VideoWriter
from tests.changing import BACKGROUNDS, SIZE, LiveRun, Walker, wait_until
from tests.lab import needs_lab, run_in_lab

GAP_SECONDS: Final = 0.1
EXCHANGE_SECONDS: Final = 1.5

SEAMLESS: Final[Sequence[Callable[[random.Random], Change]]] = (
    lambda chance: SetBackground(chance.randrange(3)),
    lambda chance: SetBackground(chance.choice(["red", "#204060", "navy"])),
    lambda _chance: NextBackground(),
    lambda _chance: PreviousBackground(),
    lambda chance: ReplaceBackgrounds(tuple(chance.sample([*BACKGROUNDS, "purple"], 3))),
    lambda chance: SetRefinement(quality=chance.choice(["fast", "balanced", "best"])),
    lambda chance: SetRefinement(edge=chance.randint(-10, 10)),
    lambda chance: SetRefinement(light_wrap=chance.random(), without=frozenset({"steady"})),
    lambda chance: Mirror(chance.random() < 0.5),
)
"""Changes that nobody sees a gap for."""


@pytest.fixture
def times(request: pytest.FixtureRequest) -> int:
    """How often each change is made; the slower ones are made less often in an ordinary run."""
    return 100 if request.config.getoption("--long") else 8


def test_a_hundred_of_each_seamless_change_from_four_threads() -> None:
    errors: list[BaseException] = []

    def change_all(run: LiveRun, seed: int) -> None:
        chance = random.Random(seed)
        wished = [make for make in SEAMLESS for _ in range(25)]
        chance.shuffle(wished)
        try:
            for make in wished:
                run.apply(make(chance))
                run.controller.snapshot()
                time.sleep(chance.random() * 0.004)
        except BaseException as error:
            errors.append(error)

    with LiveRun() as run:
        began = time.monotonic()
        threads = [threading.Thread(target=change_all, args=(run, seed)) for seed in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        run.wait_for_pictures()
        gap = run.seen.longest_gap(began, of_person=True)
    print(f"\n900 changes in {time.monotonic() - began:.1f} s, longest gap {1000 * gap:.0f} ms")
    assert errors == []
    assert gap < GAP_SECONDS
    assert not any(index < 0 for _, index, _ in run.seen.since(began)[:-1]), "no slate"
    assert len(run.renderers) == 1, "nothing was opened anew"


@pytest.mark.parametrize(
    "make",
    [
        lambda number: SetCamera(f"/large{number}" if number % 2 else f"/walker{number}"),
        lambda number: SetDevice("cpu" if number % 2 else "torch:cpu"),
    ],
    ids=["camera", "device"],
)
def test_another_camera_or_device_comes_by_way_of_the_slate(
    make: Callable[[int], Change], times: int
) -> None:
    with LiveRun() as run:
        chance, start = random.Random(1), time.monotonic()
        run.wait_for_pictures()
        for number in range(times):
            began = time.monotonic()
            run.apply(make(number))
            run.wait_for_pictures()
            since = run.seen.since(began)
            assert any(index < 0 for _, index, _ in since)
            indices = [index for _, index, _ in since if index >= 0]
            assert indices == sorted(set(indices)), "frames are numbered on"
            time.sleep(chance.random() * 0.02)
        longest = run.seen.longest_gap(start, of_person=True)
    print(f"\nlongest gap of {times}: {longest:.2f} s")
    assert longest < EXCHANGE_SECONDS


def test_what_cannot_be_opened_leaves_the_former_one() -> None:
    with LiveRun() as run:
        before = run.controller.settings
        for change, problem in (
            (SetCamera("/broken"), "Camera broken cannot be opened. The former camera is used"),
            (SetDevice("cuda"), "There is no CUDA device. The former device is used"),
        ):
            with pytest.raises(UsageError, match=problem):
                run.apply(change)
            run.wait_for_pictures()
            assert run.controller.settings == before
        assert run.controller.snapshot().state.camera == "walker"


WRONG: Final[Sequence[object]] = (
    SetBackground(3),
    SetBackground(-1),
    SetBackground("no-such-file.jpg"),
    SetBackground(""),
    SetBackground(True),
    SetBackground(1.5),  # type: ignore[arg-type]
    ReplaceBackgrounds(()),
    ReplaceBackgrounds(("red", "no-such-file.jpg")),
    ReplaceBackgrounds("red"),  # type: ignore[arg-type]
    SetRefinement(quality="finest"),
    SetRefinement(without=frozenset({"hair"})),
    SetRefinement(edge=11),
    SetRefinement(edge=0.5),  # type: ignore[arg-type]
    SetRefinement(light_wrap=1.1),
    SetRefinement(light_wrap=float("nan")),
    SetRefinement(quality="best", light_wrap=-1),
    SetBlur(3),
    SetBlur(float("nan")),
    SetBlur("30"),  # type: ignore[arg-type]
    SetCamera(""),
    SetCamera("No Such Camera"),
    SetDevice("gpu"),
    SetDevice("cpu", "int4"),
    Mirror(1),  # type: ignore[arg-type]
    Freeze(None),  # type: ignore[arg-type]
    Pause("yes"),  # type: ignore[arg-type]
    Snapshot(Path("there.png")),
    Snapshot(Path("picture.jpg")),
    Snapshot(Path("no-such-folder/picture.png")),
    StartRecording(Path("there.mp4")),
    StartRecording(Path("film.xyz")),
    StartRecording(Path("-")),
    StartRecording(Path("pictures/")),
    StartRecording(Path("no-such-folder/film.mp4")),
    StopRecording(),
    "Quit",
    None,
)


def test_a_wrong_change_raises_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("there.png", "there.mp4"):
        Path(name).write_bytes(b"older")
    with LiveRun() as run:
        began, before = time.monotonic(), run.controller.settings
        for change in WRONG:
            with pytest.raises(UsageError):
                run.apply(change)  # type: ignore[arg-type]
            assert run.controller.settings == before, change
        run.wait_for_pictures()
        assert not any(index < 0 for _, index, _ in run.seen.since(began))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["there.mp4", "there.png"]
    assert Path("there.mp4").read_bytes() == Path("there.png").read_bytes() == b"older"


def test_settings_and_what_is_seen_agree() -> None:
    with LiveRun() as run:
        settings = run.apply(SetRefinement(quality="fast", edge=2))
        assert settings == run.controller.settings == run.controller.snapshot().settings
        run.wait_for_pictures()
        assert run.renderers[0].asked == choose_refinement("fast", (), 2, 0.0)
        assert run.apply(SetBackground("maroon")).background_index == 1
        run.apply(Pause(True))
        snapshot = run.controller.snapshot()
        assert snapshot.settings.paused
        assert snapshot.state.notice == "Be right back"
        run.apply(Pause(False))
        run.wait_for_pictures(300)  # of few, one that is late makes the rate look higher
        state = run.controller.snapshot().state
        assert state.notice == ""
        assert state.device == "fake renderer"
        assert 20 < state.frames_per_second < 210
        assert state.latency_seconds is not None
        assert state.frames > 50
        assert not state.is_idle


def test_a_background_that_is_named_is_left_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "beach.png"
    cv2.imwrite(str(path), np.full((40, 60, 3), (9, 8, 7), np.uint8))
    with LiveRun() as run:
        settings = run.apply(SetBackground(str(path)))
        assert settings.backgrounds == (*BACKGROUNDS, str(path))
        assert settings.background == str(path)
        left = weakref.ref(run.controller.pipeline.stage.scene.background)
        assert run.apply(SetBackground("beach.png")) == settings, "by its name, too"
        settings = run.apply(NextBackground())
        assert (settings.backgrounds, settings.background_index) == (BACKGROUNDS, 0)
        run.wait_for_pictures(5)
        gc.collect()
        assert left() is None, "it holds no memory"
        settings = run.apply(PreviousBackground())
        assert settings.background == "teal"


def test_blur_takes_the_place_of_the_blur_that_is_shown() -> None:
    run = LiveRun(backgrounds=("navy", "blur"))
    run.seen.blurs = True
    with run:
        settings = run.apply(SetBlur(45))
        assert (settings.backgrounds, settings.background_index) == (("navy", "blur:45"), 1)
        assert run.controller.pipeline.stage.scene.background == Blur(45)
        assert run.apply(SetBlur(20)).backgrounds == ("navy", "blur:20")
    with LiveRun() as run:
        run.seen.blurs = True
        assert run.apply(SetBlur(45)).background == "blur:45"
        assert run.apply(SetBlur(30)).backgrounds == (*BACKGROUNDS, "blur:30")
        assert run.apply(SetBackground(0)).backgrounds == BACKGROUNDS


def test_everyone_sees_the_picture_in_the_mirror() -> None:
    with LiveRun() as run:
        run.apply(Mirror(True))
        run.wait_for_pictures(40)
        width = SIZE.width // 4
        for _, index, place in run.seen.pictures[-30:]:
            left = index % (SIZE.width - width)
            expected = 1 - (left + (width - 1) / 2 + 1) / SIZE.width
            assert place == pytest.approx(expected), "alpha is mirrored with the picture"


def test_frozen_is_the_last_picture_and_nothing_newer() -> None:
    with LiveRun() as run:
        run.apply(Freeze(True))
        began = time.monotonic()
        _, index, place = run.seen.pictures[-1]
        time.sleep(1.0)
        frozen = run.seen.since(began)
        assert len(frozen) > 20, "it is sent again and again"
        assert {each[1:] for each in frozen} == {(index, place)}
        run.apply(Mirror(True))
        run.wait_for_pictures(5)
        assert run.seen.pictures[-1][1] == index
        assert run.seen.pictures[-1][2] == pytest.approx(1 - place - 1 / SIZE.width)
        frames = run.controller.snapshot().state.frames
        run.apply(Freeze(False))
        run.wait_for_pictures(5)
        assert run.seen.pictures[-1][1] > index + 50
        assert run.controller.snapshot().state.frames < frames + 50, "again does not count"


@pytest.mark.parametrize("fault", ["camera", "network"])
def test_a_fault_brings_the_slate_while_frozen(fault: str) -> None:
    with LiveRun() as run:
        run.apply(Freeze(True))
        began = time.monotonic()
        run.source.is_stalled = fault == "camera"  # type: ignore[attr-defined]
        run.renderers[0].is_broken = fault == "network"
        wait_until(lambda: any(index < 0 for _, index, _ in run.seen.since(began)))
        seconds = next(each for each, index, _ in run.seen.since(began) if index < 0) - began
        run.source.is_stalled = run.renderers[0].is_broken = False  # type: ignore[attr-defined]
        run.wait_for_pictures()
    print(f"\nslate after {seconds:.2f} s")
    assert seconds < 0.8
    assert len({index for _, index, _ in run.seen.since(began) if index >= 0}) == 1


def test_a_picture_that_proves_to_be_wrong_does_not_stay_frozen() -> None:
    """Some faults of mattes are proven by several frames: what was sent before may show them."""
    with LiveRun() as run:
        run.apply(Freeze(True))
        frozen = run.seen.pictures[-1][1]
        run.renderers[0].is_wrong = True
        wait_until(lambda: run.seen.pictures[-1][1] < 0)
        run.renderers[0].is_wrong = False
        began = time.monotonic()
        time.sleep(0.3)
        assert all(index < 0 for _, index, _ in run.seen.since(began)), "the slate stays"
        run.apply(Freeze(False))
        run.wait_for_pictures()
        assert run.seen.pictures[-1][1] > frozen


def test_paused_is_the_slate_at_once(times: int) -> None:
    with LiveRun() as run:
        for _ in range(times):
            run.apply(Pause(True))
            paused = time.monotonic()
            time.sleep(0.05)
            assert all(index < 0 for _, index, _ in run.seen.since(paused))
            run.apply(Pause(False))
            run.wait_for_pictures(2)
        assert run.seen.longest_gap(0.0) < 0.3, "slates and pictures"


def test_a_snapshot_is_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with LiveRun() as run:
        run.apply(Freeze(True))
        run.apply(Mirror(True))
        run.apply(Snapshot(Path("mine.png")))
        run.apply(Snapshot())
        run.apply(Snapshot())
        place = run.seen.pictures[-1][2]
        run.apply(Pause(True))
        with pytest.raises(UsageError, match="No picture to save now"):
            run.apply(Snapshot(Path("slate.png")))
    saved = sorted(each.name for each in tmp_path.iterdir())
    assert len(saved) == 3, "each has a name of its own"
    assert "mine.png" in saved
    for name in saved:
        image = cv2.imread(name)
        assert image is not None
        person = np.argwhere((image >= 150).all(axis=2))
        assert person[:, 1].mean() / SIZE.width == pytest.approx(place)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_recordings_begin_and_end_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with LiveRun() as run:
        began = time.monotonic()
        for _ in range(3):
            path = run.apply(StartRecording()).recording
            assert path is not None
            with pytest.raises(UsageError, match="Already recording"):
                run.apply(StartRecording())
            run.wait_for_pictures(40)
            assert run.apply(StopRecording()).recording is None
            assert count_frames(path) > 30, "it is whole when it was stopped"
        run.apply(StartRecording(Path("talk.mp4")))
        with pytest.raises(UsageError, match="transparent"):
            run.apply(SetBackground("transparent"))
        run.wait_for_pictures(40)
        gap = run.seen.longest_gap(began)
    assert len(list(tmp_path.iterdir())) == 4
    assert count_frames(Path("talk.mp4")) > 30, "what goes on at the end is finished"
    assert "recorded talk.mp4" in run.controller.remarks
    print(f"\nlongest gap {1000 * gap:.0f} ms")
    assert gap < 3 * GAP_SECONDS


def test_a_recording_that_fails_ends_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send = VideoWriter.send

    def fail(writer: VideoWriter, picture: Rendered) -> None:
        if picture.index > 60:
            raise OSError(28, "No space left on device")
        send(writer, picture)

    monkeypatch.setattr(VideoWriter, "send", fail)
    with LiveRun() as run:
        run.apply(StartRecording(tmp_path / "talk.mp4"))
        wait_until(lambda: run.controller.settings.recording is None)
        run.wait_for_pictures()
        assert "No space left" in run.sentences[0]
    assert isinstance(run.error, OSError), "what was lost is said by the end, too"


class Keys:
    """Asks for changes as a person does."""

    def __init__(self) -> None:
        self.asked: list[Change] = []
        self.told: list[str] = []

    def poll(self) -> list[Change]:
        return [self.asked.pop(0)] if self.asked else []

    def tell(self, sentence: str) -> None:
        self.told.append(sentence)


def test_keys_ask_for_changes_and_hear_why_not() -> None:
    keys = Keys()
    with LiveRun(controls=[keys]) as run:
        began = time.monotonic()
        keys.asked += [NextBackground(), SetBackground(7), SetCamera("/broken")]
        wait_until(lambda: len(keys.told) == 2)
        assert run.controller.settings.background_index == 1
        assert "There is no background 7" in keys.told[0]
        assert "The former camera is used again" in keys.told[1]
        keys.asked += [SetCamera("/large"), Pause(True)]
        wait_until(lambda: run.controller.settings.paused)
        wait_until(lambda: run.controller.settings.camera == "/large")
        assert run.changed[0] == NextBackground()
        assert run.seen.longest_gap(began) < 0.4, "the loop waits for none of them"
        keys.asked.append(Quit())
        wait_until(lambda: not run._thread.is_alive())


def test_a_file_s_run_cannot_change_what_it_is_of() -> None:
    class Listed(Walker):
        live = False

    with LiveRun(make=Listed) as run:
        for change in (SetCamera("/walker"), SetDevice("cpu")):
            with pytest.raises(UsageError):
                run.apply(change)
        assert run.apply(SetBackground(1)).background == "maroon"
        run.apply(Pause(True))
        time.sleep(0.1)
        run.apply(Pause(False))
        run.wait_for_pictures()
    indices = [index for _, index, _ in run.seen.pictures if index >= 0]
    assert indices == list(range(len(indices))), "no frame is lost"


def test_nothing_that_takes_a_run_is_done_without_one() -> None:
    run = LiveRun()
    assert run.apply(Mirror(True)) == replace(run.controller.settings, mirrored=True)
    for change in (SetCamera("/walker"), SetDevice("cpu"), Snapshot(), StartRecording()):
        with pytest.raises(LivematteError, match="Nothing is running"):
            run.apply(change)


def test_memory_stays_as_it_is(tmp_path: Path) -> None:
    """Frames' memory is counted in buffers, backgrounds in objects that are left."""
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), np.full((720, 1280, 3), number, np.uint8))
    left: list[weakref.ref[object]] = []
    with LiveRun() as run:
        for number in range(30):
            run.apply(SetBackground(str(paths[number % 3])))
            left.append(weakref.ref(run.controller.pipeline.stage.scene.background))
        run.apply(SetBackground(0))
        for _ in range(5):
            run.apply(Snapshot(tmp_path / f"{time.monotonic_ns()}.png"))
        run.wait_for_pictures(5)
        gc.collect()
        assert [each() for each in left] == [None] * 30
        outputs = run.controller.pipeline.outputs
        assert len(outputs._outlets) == 1
        assert len(outputs._buffers._spare) <= outputs._buffers.most_spare == 3


@pytest.mark.lab
@needs_lab
def test_real_cameras_are_changed_and_the_call_stays_up(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    run_in_lab(sys.executable, "-m", "tests.in_lab_controller", str(path), seconds=90)
    found = json.loads(path.read_text())
    print(found)
    assert "nothing is sending to it" in found["nobody feeds"]["problem"]
    assert "The former camera is used again" in found["nobody feeds"]["problem"]
    assert found["nobody feeds"]["camera"] == found["back"]["camera"] == "/dev/video-cam"
    assert "lab-feed" in found["fed"]["description"]
    assert found["fed"]["problem"] == found["back"]["problem"] == ""
    assert found["sizes"] == ["320x180"], "of another size, it is fitted"
    for name in ("nobody feeds", "fed", "back"):
        assert found[name]["slates"] > 0
        assert found[name]["seconds"] < 5, "of a third of the speed"
    assert found["ended"]


def test_a_recording_without_a_picture_is_not_said_to_be_recorded(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    with LiveRun() as run:
        run.apply(Pause(True))
        run.apply(StartRecording(path))
        run.apply(StopRecording())
    assert not path.exists()
    assert run.controller.remarks == [f"{path}: nothing to record, only slates"]


def test_who_waits_for_a_device_when_the_run_ends_is_told_that_alone() -> None:
    opening, go_on = threading.Event(), threading.Event()

    class SlowToOpen(LiveRun):
        def _open(self, options: RenderOptions, size: Size) -> OpenedRenderer:
            if self.renderers:
                opening.set()
                go_on.wait(10)
            return super()._open(options, size)

    errors: list[UsageError] = []

    def change(run: LiveRun) -> None:
        with pytest.raises(UsageError) as caught:
            run.apply(SetDevice("cpu"))
        errors.append(caught.value)

    with SlowToOpen() as run:
        waiting = threading.Thread(target=change, args=(run,))
        waiting.start()
        assert opening.wait(10)
        run.apply(Quit())
        waiting.join(10)
        go_on.set()
    assert [str(each) for each in errors] == ["The run has ended. Start it again."]
