"""Any text, and any file, as a background: a clear error or a picture that fills the frame."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st

from livematte.background import Blur, Picture, Transparent
from livematte.backgrounds.parse import parse
from livematte.errors import BackgroundError, LivematteError, UsageError
from livematte.frame import Size
from livematte.media.cover import cover
from tests.properties.cases import cases, clear_error_or_none
from tests.properties.damage import Damage, Files, damages
from tests.video.clips import person, write_clip

SIZE = Size(64, 36)

WORDS = (
    "blur",
    "blur:",
    "#",
    "green",
    "transparent",
    "~",
    "~nobody/",
    "file:",
    "http://",
    "pipe:0",
)


def background_texts() -> st.SearchStrategy[str]:
    words = st.sampled_from(WORDS)
    numbers = (
        st.floats().map(str) | st.integers().map(str) | st.text("0123456789abcdef", max_size=7)
    )
    long = st.integers(250, 9_000).map(lambda length: "a" * length)
    return st.one_of(
        st.text(max_size=20),
        st.builds(lambda *parts: "".join(parts), words, numbers | long | st.text(max_size=5)),
        long,
    )


@cases(300, text=background_texts())
def test_any_text_is_a_background_or_a_clear_error(text: str) -> None:
    if os.path.exists(text):
        return
    with clear_error_or_none():
        background = parse(text)
        assert isinstance(background, (Picture, Blur, Transparent))
        if isinstance(background, Picture):
            assert Size.of(background.picture_at(SIZE, 0.0)) == SIZE


def show(path: Path) -> None:
    """Show the background for three loops, as a call would."""
    with clear_error_or_none():
        background = parse(str(path))
        assert isinstance(background, Picture)
        for seconds in (0.0, 0.04, 0.5, 1.0, 2.5, 1e6):
            picture = background.picture_at(SIZE, seconds)
            assert Size.of(picture) == SIZE
            assert picture.dtype == np.uint8


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("pictures")
    made = Files()
    for ending in ("png", "jpg", "webp", "bmp", "tiff", "gif", "ppm", "jp2"):
        path = folder / f"picture.{ending}"
        assert cv2.imwrite(str(path), person(0, Size(97, 65)))
        made[ending] = path.read_bytes()
    return made


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("clips")
    made = Files()
    images = [person(index) for index in range(10)]
    for ending, codec, pixel_format in (
        ("mp4", "libx264", "yuv420p"),
        ("mkv", "mjpeg", "yuvj420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
    ):
        path = folder / f"clip.{ending}"
        write_clip(path, images, codec=codec, pixel_format=pixel_format)
        made[ending] = path.read_bytes()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@cases(
    200,
    kind=st.sampled_from(["png", "jpg", "webp", "bmp", "tiff", "gif", "ppm", "jp2"]),
    damage=damages(),
)
def test_damaged_pictures(
    pictures: dict[str, bytes], folder: Path, kind: str, damage: Damage
) -> None:
    path = folder / f"background.{kind}"
    path.write_bytes(damage(pictures[kind]))
    show(path)


@cases(100, kind=st.sampled_from(["mp4", "mkv", "webm", "avi"]), damage=damages())
def test_damaged_videos(clips: dict[str, bytes], folder: Path, kind: str, damage: Damage) -> None:
    path = folder / f"background.{kind}"
    path.write_bytes(damage(clips[kind]))
    show(path)


@cases(
    100,
    data=st.binary(max_size=300),
    start=st.sampled_from(
        [
            b"",
            b"GIF89a",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"#EXTM3U\n",
            b"\0\0\0\x20ftypisom",
            b"\x1aE\xdf\xa3",
            b"OggS",
            b"FLV\1",
            b"%!PS-Adobe\n",
            b"BM",
        ]
    ),
)
def test_what_only_begins_like_a_file(folder: Path, start: bytes, data: bytes) -> None:
    path = folder / "background"
    path.write_bytes(start + data)
    show(path)


SIDES = st.integers(1, 9) | st.integers(1, 700)


@cases(200, height=SIDES, width=SIDES, shown_width=SIDES, shown_height=SIDES)
def test_a_picture_of_any_size_fills_a_frame_of_any_size(
    height: int, width: int, shown_width: int, shown_height: int
) -> None:
    image = np.full((height, width, 3), (10, 200, 90), np.uint8)
    size = Size(shown_width, shown_height)
    covered = cover(image, size)
    assert Size.of(covered) == size
    assert (covered == (10, 200, 90)).all()


@pytest.mark.parametrize("extreme", [Size(1, 100_000), Size(100_000, 1), Size(7680, 4320)])
def test_extreme_pictures_fill_a_frame(extreme: Size) -> None:
    image = np.full((extreme.height, extreme.width, 3), 77, np.uint8)
    for size in (Size(1, 1), Size(1279, 719), Size(1, 4320), Size(7680, 1)):
        assert (cover(image, size) == 77).all()


def test_names_that_no_file_can_have() -> None:
    for text in (
        "a" * 5_000,
        "blur:" + "a" * 5_000,
        "a\0b",
        "blur:\0",
        "\ud800",
        "~\0",
        "/a" * 4_000,
    ):
        with pytest.raises(UsageError):
            parse(text)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(BackgroundError, match="not a regular file"):
            parse(str(path))


def test_a_postscript_is_not_handed_to_another_program(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(LivematteError):
        parse(str(path))
