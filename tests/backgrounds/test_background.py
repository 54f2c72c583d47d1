from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from livematte import background
from livematte.background import Blur, Picture, Transparent
from livematte.backgrounds.parse import parse
from livematte.errors import BackgroundError, UsageError
from livematte.frame import Image, Size
from livematte.media.cover import cover

SIZE = Size(64, 36)


def color_of(picture: Image) -> tuple[int, int, int]:
    """The one BGR colour that a picture consists of."""
    assert np.ptp(picture.reshape(-1, 3), axis=0).max() == 0
    blue, green, red = picture[0, 0].tolist()
    return blue, green, red


def parsed_picture(text: str) -> Picture:
    parsed = parse(text)
    assert isinstance(parsed, Picture)
    return parsed


@pytest.mark.parametrize(
    ("text", "bgr"),
    [
        ("#1e90ff", (0xFF, 0x90, 0x1E)),
        ("navy", (128, 0, 0)),
        ("Navy", (128, 0, 0)),
        ("green", (0x40, 0xB1, 0x00)),
    ],
)
def test_colours(text: str, bgr: tuple[int, int, int]) -> None:
    picture = parsed_picture(text).picture_at(SIZE, 0.0)
    assert Size.of(picture) == SIZE
    assert color_of(picture) == bgr


def test_blur_and_transparent() -> None:
    assert parse("blur") == Blur() == Blur(30)
    assert parse("blur:35.5") == Blur(35.5)
    assert parse("transparent") == Transparent()


def test_a_blur_says_what_it_does_not_hide() -> None:
    assert Blur().caution is None
    assert Blur(100).caution is None
    caution = Blur(4).caution
    assert caution is not None
    assert "blur:4" in caution
    assert "1/90" in caution
    assert "blur:30" in caution
    with pytest.raises(UsageError, match=r"blur:30 hides text .* 1/12"):
        parse("blur:3")


def test_blur_grows_with_the_frame() -> None:
    assert Blur(20).reduced_sigma(Size(1920, 1080)) == 1.5 * Blur(20).reduced_sigma(Size(1280, 720))


@pytest.mark.parametrize("text", ["blur:x", "blur:3", "blur:101", "blur:nan", "#12345", "nope.jpg"])
def test_what_is_no_background_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_misspelt_colour_is_guessed() -> None:
    with pytest.raises(UsageError, match="Did you mean 'skyblue'"):
        parse("skyblu")


def test_files_that_are_no_picture(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "inside").mkdir()
    for name, problem in (
        ("text.jpg", "text.jpg is no picture"),
        ("empty.png", "empty.png is empty"),
        ("inside", "inside is a folder without pictures"),
    ):
        with pytest.raises(BackgroundError, match=problem):
            parse(str(tmp_path / name))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Ünïcode{suffix}"
    assert cv2.imwrite(str(path), np.full((90, 160, 3), (200, 100, 50), np.uint8))
    shown = parsed_picture(str(path)).picture_at(SIZE, 0.0)
    assert Size.of(shown) == SIZE
    np.testing.assert_allclose(shown[18, 32], (200, 100, 50), atol=3)


def test_what_shines_through_a_picture_is_white(tmp_path: Path) -> None:
    path = tmp_path / "fading.png"
    bgra = np.zeros((36, 64, 4), np.uint8)
    bgra[..., 3] = np.arange(0, 256, 4)
    cv2.imwrite(str(path), bgra)
    shown = parsed_picture(str(path)).picture_at(SIZE, 0.0)
    np.testing.assert_array_equal(shown[18, :, 0], 255 - np.arange(0, 256, 4))


def test_the_same_picture_is_the_same_array(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((50, 50, 3), np.uint8))
    still = parsed_picture(str(path))
    assert still.picture_at(SIZE, 0.0) is still.picture_at(SIZE, 5.0)


@pytest.mark.parametrize("source", [Size(200, 100), Size(100, 200), Size(640, 360), Size(3, 2)])
def test_cover_crops_evenly_and_never_stretches(source: Size) -> None:
    """A circle in the middle stays a circle in the middle."""
    image = np.zeros((source.height, source.width, 3), np.uint8)
    radius = min(source) // 4
    cv2.circle(image, (source.width // 2, source.height // 2), radius, (255, 255, 255), -1)
    covered = cover(image, Size(160, 90))
    assert Size.of(covered) == Size(160, 90)
    left, top, width, height = cv2.boundingRect((covered[..., 0] > 127).astype(np.uint8))
    if min(source) >= 100:
        assert abs(width - height) <= 2
        assert abs(left + width / 2 - 80) <= 2
        assert abs(top + height / 2 - 45) <= 2


def test_a_gif_moves(tmp_path: Path) -> None:
    path = tmp_path / "two.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 18, "rgb8"
        for grey in (0, 255):
            frame = av.VideoFrame.from_ndarray(np.full((18, 32, 3), grey, np.uint8), "rgb24")
            container.mux(stream.encode(frame.reformat(format="rgb8")))
        container.mux(stream.encode(None))
    gif = parsed_picture(str(path))
    assert color_of(gif.picture_at(SIZE, 0.0))[0] < 50
    assert color_of(gif.picture_at(SIZE, 0.15))[0] > 200


def test_the_least_blur_hides_that_it_is_made_on_a_reduced_copy() -> None:
    least, _ = background.BLUR_SIGMAS
    assert least >= background.BLUR_REDUCTION
