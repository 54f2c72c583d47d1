"""Blur as privacy: what is written in the room is looked for with a reader, after sharpening."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from livematte.background import Blur
from livematte.frame import Frame, Image, Size
from livematte.matting.composite import Compositor
from livematte.matting.room_blur import RoomBlur

FONTS: Final = Path("/usr/share/fonts/truetype/dejavu")

needs_reader = pytest.mark.skipif(
    shutil.which("tesseract") is None or not FONTS.is_dir(),
    reason="needs Debian's tesseract-ocr and fonts-dejavu-core",
)

SIZE: Final = Size(640, 360)
WORDS: Final = ("BAKER", "HOUSE", "STREET", "74")

STYLES: Final[dict[str, tuple[str, str, str]]] = {
    "black on white": ("DejaVuSans-Bold.ttf", "black", "white"),
    "white on black": ("DejaVuSerif-Bold.ttf", "white", "black"),
    "a sign": ("DejaVuSans-Bold.ttf", "#ffffff", "#1040a0"),
}


def text_room(style: str, size: Size, part: float) -> Image:
    """A wall with `WORDS` in capitals of `size.height / part` pixels: uint8 BGR (H, W, 3)."""
    font_name, ink, paper = STYLES[style]
    capital = size.height / part
    font = ImageFont.truetype(str(FONTS / font_name), round(capital / 0.729))
    picture = Pillow.new("RGB", size, paper)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(("BAKER 74", "HOUSE", "STREET")):
        draw.text((capital, capital * (0.5 + 1.8 * row)), line, font=font, fill=ink)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


def blurred(room: Image, strength: float) -> Image:
    size = Size.of(room)
    out = np.empty_like(room)
    nobody = np.zeros(room.shape[:2], np.uint8)
    RoomBlur(size).blur(room, nobody, Blur(strength).reduced_sigma(size), out)
    return out


def stretched(grey: NDArray[np.float32]) -> Image:
    low, high = np.percentile(grey, (1, 99))
    return np.asarray(((grey - low) * 255 / max(1e-6, high - low)).clip(0, 255), np.uint8)


def wiener(grey: NDArray[np.float32], sigma: float, noise: float) -> NDArray[np.float32]:
    """The deconvolution by a Gaussian of known width that least squares find best."""
    margin = int(4 * sigma) + 1
    padded = cv2.copyMakeBorder(grey, *(margin,) * 4, cv2.BORDER_REFLECT)
    rows, columns = padded.shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    passed = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    spectrum = np.fft.rfft2(padded) * passed / (passed**2 + noise)
    sharp = np.fft.irfft2(spectrum, padded.shape)[margin:-margin, margin:-margin]
    return sharp.astype(np.float32)


def richardson_lucy(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    def blur(each: NDArray[np.float32]) -> NDArray[np.float32]:
        border = cv2.BORDER_REPLICATE
        return cv2.GaussianBlur(each, (0, 0), sigma, borderType=border).astype(np.float32)

    seen = grey + np.float32(1)
    sharp = seen.copy()
    for _ in range(40):
        sharp *= blur(np.divide(seen, blur(sharp)))
    return sharp


def attempts(picture: Image, strength: float) -> list[Image]:
    """What somebody might try who knows the blur: uint8 (H, W) each."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    sigma = strength * grey.shape[0] / 720
    tries = [grey, richardson_lucy(grey, 1.15 * sigma)]
    tries += [wiener(grey, width * sigma, noise) for width, noise in ((1, 1e-3), (1.15, 1e-4))]
    return [stretched(each) for each in tries]


def words_read(pictures: list[Image]) -> set[str]:
    """Which of `WORDS` tesseract finds in any of them."""
    # All in one page, because to start it takes longer than to read.
    page = np.vstack(
        [cv2.copyMakeBorder(each, *(20,) * 4, cv2.BORDER_REPLICATE) for each in pictures]
    )
    _, png = cv2.imencode(".png", page)
    text = ""
    for mode in ("6", "11"):
        read = subprocess.run(
            ["tesseract", "stdin", "stdout", "--psm", mode],
            input=png.tobytes(),
            capture_output=True,
            check=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        text += read.stdout.decode()
    return {word for word in WORDS if word in text.upper()}


@needs_reader
@pytest.mark.parametrize("style", STYLES)
def test_letters_of_a_twelfth_cannot_be_read(style: str) -> None:
    room = text_room(style, SIZE, 12)
    assert len(words_read([stretched(room[..., 1].astype(np.float32))])) >= 3, (
        "else nothing is shown"
    )
    strength = Blur().sigma_pixels
    assert not words_read(attempts(blurred(room, strength), strength))


@needs_reader
def test_what_is_said_not_to_be_hidden_can_be_read() -> None:
    """The caution is true, too: the weakest blur leaves letters of a twelfth as they were."""
    weakest = Blur(4)
    assert weakest.caution is not None
    assert len(words_read(attempts(blurred(text_room("a sign", SIZE, 12), 4), 4))) >= 3


def test_what_is_finer_than_the_blur_is_not_there_to_be_brought_back() -> None:
    """Rooms that differ only in what is fine are the same picture, to a level or two."""
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width]
    stripes = [
        np.sin(2 * np.pi * (rows * y + columns * x) / (SIZE.height / 12))
        for x, y in ((1, 0), (0, 1), (0.7, 0.7))
    ]
    strength = Blur().sigma_pixels
    plain = blurred(np.full((SIZE.height, SIZE.width, 3), 128, np.uint8), strength)
    inside = np.s_[60:-60, 60:-60]
    for each in stripes:
        room = np.rint(128 + 120 * each).astype(np.uint8)
        striped = blurred(cv2.cvtColor(room, cv2.COLOR_GRAY2BGR), strength)
        assert np.abs(striped[inside].astype(int) - plain[inside]).max() <= 2


@pytest.mark.parametrize("size", [Size(320, 180), Size(360, 640), Size(160, 90), Size(1920, 1080)])
def test_it_hides_as_much_at_every_size(size: Size) -> None:
    """Stripes as wide as letters of a twelfth have almost no contrast left."""
    across = np.sin(2 * np.pi * np.arange(size.width) * 12 / size.height)
    room = np.rint(128 + 120 * np.tile(across, (size.height, 1))).astype(np.uint8)
    out = blurred(cv2.cvtColor(room, cv2.COLOR_GRAY2BGR), Blur().sigma_pixels)
    edge = size.height // 6
    assert np.ptp(out[:, edge:-edge].astype(int)) <= 4


def test_a_gap_that_little_is_seen_in_does_not_show_what_is_there() -> None:
    """Else somebody's outline would scan the room as it moves."""
    room = np.full((SIZE.height, SIZE.width, 3), 200, np.uint8)
    room[:, 300:304] = (0, 0, 255)
    alpha = np.full(room.shape[:2], 255, np.uint8)
    alpha[:, :200] = 0
    alpha[:, 300:304] = 0
    out = np.empty_like(room)
    Compositor(SIZE).compose(Frame(room, 0, 0.0, 0.0), alpha, Blur(), out)
    assert np.abs(out[:, 300:304].astype(int) - room[:, 300:304]).mean() > 25
    assert np.abs(out[:, :150].astype(int) - 200).max() <= 6


def test_a_room_of_one_colour_stays_so_whoever_stands_in_it() -> None:
    room = np.full((SIZE.height, SIZE.width, 3), (90, 60, 30), np.uint8)
    alpha = np.zeros(room.shape[:2], np.uint8)
    cv2.circle(alpha, (320, 180), 140, 255, -1)
    room[alpha == 255] = (0, 0, 255)
    for strength in (4, 30, 100):
        out = np.empty_like(room)
        compositor = Compositor(SIZE)
        compositor.compose(Frame(room, 0, 0.0, 0.0), alpha, Blur(strength), out)
        assert np.abs(out[alpha == 0].astype(int) - (90, 60, 30)).max() <= 1
