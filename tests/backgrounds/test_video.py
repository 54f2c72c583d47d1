"""Moving backgrounds: at their own speed, and whatever happens to their file."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import pytest

from livematte.backgrounds import video as moving
from livematte.backgrounds.looped_video import LoopedVideo, Shot
from livematte.backgrounds.video import VideoBackground
from livematte.errors import BackgroundError
from livematte.frame import Image, Size
from livematte.media import kept_file
from livematte.sources import VideoFile

SIZE = Size(64, 36)
GREYS: Final = (40, 80, 120, 160)
LOOP_SECONDS: Final = 0.9
"""Long enough to see all of the video, which takes 0.6 s."""
TICK_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 0.5
"""Nothing waits: a disk would keep a frame waiting for as long as it likes."""


def grey_of(picture: Image) -> int:
    """The one grey that a picture consists of."""
    assert np.ptp(picture) == 0
    return int(picture[0, 0, 0])


def write_video(path: Path, greys: tuple[int, ...] = GREYS) -> None:
    """Frames that are shown for 0.1 s each, the second for 0.3 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 18, "bgr0"
        for tenths, grey in zip((0, 1, 4, 5), greys, strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((18, 32, 3), grey, np.uint8), "bgr24")
            frame.pts, frame.time_base = tenths, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "grey.mkv"
    write_video(path)
    return path


def test_a_video_loops_at_its_own_speed(video: Path) -> None:
    shown = VideoBackground(video)
    greys = [
        grey_of(shown.picture_at(SIZE, seconds))
        for seconds in (0.0, 0.05, 0.11, 0.39, 0.41, 0.55, 0.61, 0.72, 1.05)
    ]
    assert greys == [40, 40, 80, 80, 120, 160, 40, 80, 120]


def test_a_video_is_the_same_array_while_its_picture_lasts(video: Path) -> None:
    shown = VideoBackground(video)
    first = shown.picture_at(SIZE, 0.11)
    assert shown.picture_at(SIZE, 0.35) is first
    assert shown.picture_at(SIZE, 0.45) is not first


def test_a_video_that_was_not_shown_for_long_goes_on_where_it_was(video: Path) -> None:
    shown = VideoBackground(video)
    assert grey_of(shown.picture_at(SIZE, 0.2)) == 80
    assert grey_of(shown.picture_at(SIZE, 10_000.0)) == 80
    assert grey_of(shown.picture_at(SIZE, 10_000.35)) == 120


def test_a_damaged_video_loops_what_can_be_decoded(video: Path) -> None:
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 3 // 4])
    shown = VideoBackground(video)
    for seconds in np.arange(0.0, 3.0, 0.1):
        assert grey_of(shown.picture_at(SIZE, float(seconds))) in (40, 80, 120, 160)


def test_a_video_that_claims_to_last_no_time_is_not_decoded_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "short.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=100_000)
        stream.width, stream.height, stream.pix_fmt = 32, 18, "bgr0"
        frame = av.VideoFrame.from_ndarray(np.full((18, 32, 3), 40, np.uint8), "bgr24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    decoded, shown = 0, LoopedVideo.next

    def counting(video: LoopedVideo) -> Shot:
        nonlocal decoded
        decoded += 1
        return shown(video)

    monkeypatch.setattr(LoopedVideo, "next", counting)
    short = VideoBackground(path)
    for seconds in (0.0, 1 / 30, 1.9):
        assert grey_of(short.picture_at(SIZE, seconds)) == 40
    assert decoded <= 21


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_video_of_a_phone_stands_upright(tmp_path: Path, rotation: int) -> None:
    """As the same file does when it is the input."""
    upright, turned = tmp_path / "phone.mp4", tmp_path / "turned.mp4"
    gradient = np.linspace(0, 255, 64 * 36).reshape(36, 64, 1).repeat(3, 2).astype(np.uint8)
    with av.open(str(upright), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv444p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(gradient, "bgr24")))
        container.mux(stream.encode(None))
    with av.open(str(upright)) as given, av.open(str(turned), "w") as made:
        copied = made.add_stream_from_template(given.streams.video[0])
        copied.set_display_rotation(rotation)
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = copied
                made.mux(packet)
    with VideoFile(turned, realtime=False) as file:
        seen = next(file.frames()).image
        shown = VideoBackground(turned).picture_at(file.size, 0.0)
    assert np.abs(shown.astype(int) - seen).max() < 8
    assert seen.shape != gradient.shape or np.abs(gradient.astype(int) - seen).max() > 100


# --- a live run


class Call:
    """Shows moving backgrounds in real time, as a call would; notes what is seen and told."""

    def __init__(self, backgrounds: dict[str, VideoBackground]) -> None:
        self.backgrounds = backgrounds
        self.told: dict[str, list[str]] = {name: [] for name in backgrounds}
        self.slowest_seconds = 0.0
        for name, each in backgrounds.items():
            each.play(live=True, on_trouble=self.told[name].append)
        self._began = time.monotonic()

    def watch(self, seconds: float) -> dict[str, set[int]]:
        """The greys that are seen of each."""
        seen: dict[str, set[int]] = {name: set() for name in self.backgrounds}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, each in self.backgrounds.items():
                asked = time.monotonic()
                seen[name].add(grey_of(each.picture_at(SIZE, asked - self._began)))
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - asked)
            time.sleep(TICK_SECONDS)
        return seen

    def end(self) -> None:
        for each in self.backgrounds.values():
            each.stop()


def put_in_place(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


LOSSES: Final[dict[str, Callable[[Path], object]]] = {
    "deleted": Path.unlink,
    "renamed": lambda path: path.rename(path.with_suffix(".old")),
    "a folder": lambda path: put_in_place(path, Path.mkdir),
    "a pipe": lambda path: put_in_place(path, os.mkfifo),
    "a device": lambda path: put_in_place(path, lambda there: there.symlink_to("/dev/zero")),
    "replaced": lambda path: put_in_place(path, lambda there: there.write_text("no video")),
    "emptied": lambda path: path.write_bytes(b""),
    "a text": lambda path: path.write_text("no video any more, but a text " * 100),
    "a playlist": lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\n/dev/zero\n"),
    "noise": lambda path: path.write_bytes(np.random.default_rng(1).bytes(9_000)),
}
OVERWRITTEN: Final = {"emptied", "a text", "a playlist", "noise"}
"""The file that is open is another one now; the others are only not to be found by their name."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps files that are open")
@pytest.mark.parametrize("kept_bytes", [kept_file.KEPT_BYTES, 0], ids=["memory", "open file"])
def test_a_file_that_is_lost_leaves_its_last_picture_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int
) -> None:
    monkeypatch.setattr(kept_file, "KEPT_BYTES", kept_bytes)
    monkeypatch.setattr(moving, "RETRY_SECONDS", 0.2)
    paths = {name: tmp_path / f"{name}.mkv" for name in LOSSES}
    for path in paths.values():
        write_video(path)
    call = Call({name: VideoBackground(path) for name, path in paths.items()})
    assert all(each == set(GREYS) for each in call.watch(LOOP_SECONDS).values())
    for name, lose in LOSSES.items():
        lose(paths[name])
    call.watch(LOOP_SECONDS)
    lost = call.watch(LOOP_SECONDS)
    for name, greys in lost.items():
        if kept_bytes or name not in OVERWRITTEN:
            assert greys == set(GREYS), name
            assert call.told[name] == []
        else:
            assert len(greys) == 1, name
            (sentence,) = call.told[name]
            assert sentence.startswith(f"Background {paths[name]} cannot be shown any more: ")
            assert sentence.endswith("Its last picture stays until it can.")
    if not kept_bytes:
        for name in OVERWRITTEN:
            write_video(paths[name], (50, 90, 130, 170))
        call.watch(LOOP_SECONDS)
        back = call.watch(LOOP_SECONDS)
        for name in OVERWRITTEN:
            assert back[name] == {50, 90, 130, 170}, name
            assert call.told[name][1:] == [f"Background {paths[name]} is back."]
    call.end()
    assert call.slowest_seconds < LONGEST_SECONDS


def test_a_disk_that_answers_no_more_keeps_no_frame_waiting(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "STALL_SECONDS", 0.3)
    answers, following = threading.Event(), LoopedVideo.next

    def waiting(video: LoopedVideo) -> Shot:
        answers.wait(20)
        return following(video)

    call = Call({"": VideoBackground(video)})
    call.watch(0.3)
    monkeypatch.setattr(LoopedVideo, "next", waiting)
    call.watch(0.5)
    assert len(call.watch(0.5)[""]) == 1
    (sentence,) = call.told[""]
    assert "has given no picture for" in sentence
    answers.set()
    call.watch(0.1)
    assert call.watch(LOOP_SECONDS)[""] == set(GREYS)
    assert call.told[""][1:] == [f"Background {video} is back."]
    call.end()
    assert call.slowest_seconds < LONGEST_SECONDS


def test_a_decoder_that_is_slower_than_the_video_is_not_waited_for(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = LoopedVideo.next

    def slow(video: LoopedVideo) -> Shot:
        time.sleep(0.4)
        return following(video)

    call = Call({"": VideoBackground(video)})
    monkeypatch.setattr(LoopedVideo, "next", slow)
    assert len(call.watch(2.0)[""]) >= 3
    call.end()
    assert call.slowest_seconds < 0.3
    assert call.told[""] == []


def test_it_goes_on_where_it_was_after_a_pause_in_a_live_run_too(video: Path) -> None:
    told: list[str] = []
    shown = VideoBackground(video)
    shown.play(live=True, on_trouble=told.append)

    def settled(seconds: float) -> int:
        for _ in range(20):
            grey = grey_of(shown.picture_at(SIZE, seconds))
            time.sleep(0.01)
        return grey

    assert settled(0.2) == 80
    assert settled(10_000.0) == 80
    assert settled(10_000.35) == 120
    assert shown.picture_at(SIZE, 10_000.36) is shown.picture_at(SIZE, 10_000.37)
    assert Size.of(shown.picture_at(Size(32, 20), 10_000.38)) == Size(32, 20)
    shown.stop()
    shown.stop()
    assert grey_of(shown.picture_at(SIZE, 20_000.0)) == 120
    assert not any(each.name == "background" for each in threading.enumerate())


def test_a_job_on_a_file_keeps_the_last_picture_and_says_so(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "KEPT_BYTES", 0)
    monkeypatch.setattr(moving, "RETRY_SECONDS", 0.0)
    told: list[str] = []
    shown = VideoBackground(video)
    alone = VideoBackground(video)
    shown.play(live=False, on_trouble=told.append)
    assert grey_of(shown.picture_at(SIZE, 0.55)) == 160
    content = video.read_bytes()
    video.write_bytes(b"")
    for tenths in range(7, 50):
        assert grey_of(shown.picture_at(SIZE, tenths / 10)) == 160
    assert len(told) == 1
    with pytest.raises(BackgroundError, match="cannot be read"):
        alone.picture_at(SIZE, 0.65)
    video.write_bytes(content)
    assert {grey_of(shown.picture_at(SIZE, tenths / 20)) for tenths in range(100, 120)} == set(
        GREYS
    )
    assert told[1:] == [f"Background {video} is back."]
