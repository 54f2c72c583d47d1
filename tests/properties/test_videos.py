"""Damaged clips as input: the frames that can be had, or a clear error."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from livematte.errors import SourceError
from livematte.frame import Size
from livematte.sources import VideoFile
from tests.properties.cases import cases, clear_error_or_none
from tests.properties.damage import Damage, Files, damages
from tests.video.clips import person, write_clip

FRAMES = 12
KINDS = {
    "h264.mp4": ("libx264", "yuv420p"),
    "h264.mkv": ("libx264", "yuv420p"),
    "vp9.webm": ("libvpx-vp9", "yuv420p"),
    "prores.mov": ("prores_ks", "yuva444p10le"),
    "mjpeg.avi": ("mjpeg", "yuvj420p"),
    "mpeg2.ts": ("mpeg2video", "yuv420p"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    made = Files()
    for kind, (codec, pixel_format) in KINDS.items():
        path = folder / kind
        images = [person(index) for index in range(FRAMES)]
        sound = ["eng"] if "h264" in kind else []
        write_clip(path, images, codec=codec, pixel_format=pixel_format, languages=sound)
        made[kind] = path.read_bytes()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def read(video: VideoFile) -> int:
    """How many frames there are."""
    count = 0
    last_seconds = -1.0
    with video:
        for frame in video.frames():
            assert frame.size == video.size
            assert frame.image.dtype == np.uint8
            assert frame.media_seconds == frame.media_seconds
            last_seconds = max(last_seconds, frame.media_seconds)
            count += 1
            video.recycle(frame)
        assert count
        assert video.frames_per_second > 0
        assert all(isinstance(each, str) for each in (*video.remarks, video.description))
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_whole_clips_have_all_frames(whole: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    (tmp_path / kind).write_bytes(whole[kind])
    assert read(VideoFile(tmp_path / kind, realtime=False)) == FRAMES


@cases(150, kind=st.sampled_from(list(KINDS)), damage=damages())
def test_damaged_clips(whole: dict[str, bytes], folder: Path, kind: str, damage: Damage) -> None:
    path = folder / kind
    path.write_bytes(damage(whole[kind]))
    with clear_error_or_none():
        read(VideoFile(path, realtime=False))


SECONDS = st.none() | st.floats() | st.floats(0, 0.5) | st.sampled_from([0.1, 1e9, 1e18])


@cases(100, kind=st.sampled_from(list(KINDS)), start=SECONDS, end=SECONDS)
def test_any_part_of_a_clip(
    whole: dict[str, bytes], folder: Path, kind: str, start: float | None, end: float | None
) -> None:
    path = folder / kind
    path.write_bytes(whole[kind])
    with clear_error_or_none():
        video = VideoFile(path, realtime=False, start_seconds=start, end_seconds=end)
        count = read(video)
        assert count <= FRAMES
        if start is not None:
            assert video.first_seconds >= Fraction(start).limit_denominator(1_000_000)


@cases(
    60,
    start=st.sampled_from(
        [
            b"",
            b"\0\0\0\x20ftypisom",
            b"\x1aE\xdf\xa3",
            b"RIFF\xff\xff\0\0AVI ",
            b"GIF89a",
            b"OggS",
            b"#EXTM3U\n#EXTINF:1,\n",
            b"ffconcat version 1.0\nfile ",
            b"FLV\1",
            b"\x47\x40\0\x10",
        ]
    ),
    rest=st.binary(max_size=300),
)
def test_what_only_begins_like_a_video(folder: Path, start: bytes, rest: bytes) -> None:
    path = folder / "begins.mp4"
    path.write_bytes(start + rest)
    with clear_error_or_none():
        read(VideoFile(path, realtime=False))


@cases(40, width=st.integers(1, 40), height=st.integers(1, 40))
def test_clips_of_any_size(folder: Path, width: int, height: int) -> None:
    images = [np.full((height, width, 3), 90, np.uint8)] * 2
    path = write_clip(folder / "small.mov", images, codec="png", pixel_format="rgb24")
    video = VideoFile(path, realtime=False)
    assert read(video) == 2
    assert video.size == Size(width, height)


@pytest.mark.parametrize(
    "name", ["pipe:0", "http://127.0.0.1:9/a.mp4", "a" * 5_000, "a\0b", "concat:a|b"]
)
def test_a_name_that_is_no_files_is_not_opened(name: str) -> None:
    with pytest.raises(SourceError), VideoFile(Path(name), realtime=False):
        pass


@pytest.mark.skipif(os.name == "nt", reason="Windows names are Unicode")
def test_a_name_in_no_encoding(whole: dict[str, bytes], tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    path.write_bytes(whole["h264.mp4"])
    assert read(VideoFile(path, realtime=False)) == FRAMES
