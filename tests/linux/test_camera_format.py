from __future__ import annotations

import shutil
import subprocess

import cv2
import numpy as np
import pytest

from livematte.frame import Image, Size
from livematte.linux.camera_format import LAYOUTS, contain, to_i420

WIDTH, HEIGHT = 64, 36
PIX_FMT = {
    "YU12": "yuv420p",
    "YV12": "yuv420p",
    "NV12": "nv12",
    "NV21": "nv21",
    "422P": "yuv422p",
    "411P": "yuv411p",
    "YUV9": "yuv410p",
    "YVU9": "yuv410p",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "YVYU": "yvyu422",
    "VYUY": "uyvy422",
    "GREY": "gray",
    "Y16": "gray16le",
    "RGB3": "rgb24",
    "BGR3": "bgr24",
    "BGR4": "bgr0",
    "XR24": "bgr0",
    "AR24": "bgra",
    "RGB4": "0rgb",
    "BX24": "0rgb",
    "BA24": "argb",
    "XB24": "rgb0",
    "AB24": "rgba",
    "RGBP": "rgb565le",
    "RGBR": "rgb565be",
    "RGBO": "rgb555le",
    "RGBQ": "rgb555be",
}
"""FFmpeg's names. Of YV12, YVU9 and VYUY it has only those with U and V the other way round."""


def halves() -> Image:
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2], image[:, WIDTH // 2 :] = (30, 60, 200), (64, 177, 0)
    return image


def by_ffmpeg(fourcc: str, data: Image, width: int, height: int) -> Image:
    """What FFmpeg makes of a picture in this format: BGR."""
    kind = ["-f", "mjpeg"]
    if fourcc in PIX_FMT:
        kind = ["-f", "rawvideo", "-pix_fmt", PIX_FMT[fourcc], "-s", f"{width}x{height}"]
    read = ["ffmpeg", "-v", "error", *kind, "-i", "-", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    read[-1:-1] = ["-frames:v", "1"]
    seen = subprocess.run(read, input=data.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(seen, np.uint8).reshape(height, width, 3)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFmpeg is not installed")
@pytest.mark.parametrize("fourcc", LAYOUTS)
def test_another_program_reads_the_same_picture(fourcc: str) -> None:
    image = halves()
    seen = by_ffmpeg(fourcc, np.ascontiguousarray(LAYOUTS[fourcc].convert(image)), WIDTH, HEIGHT)
    wanted: Image = image
    if fourcc in ("GREY", "Y16"):
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        wanted = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    if fourcc in ("YV12", "YVU9", "VYUY"):
        straight = {"YV12": "YU12", "YVU9": "YUV9", "VYUY": "UYVY"}[fourcc]
        u_v = LAYOUTS[straight].convert(image).reshape(-1)
        v_u = LAYOUTS[fourcc].convert(image).reshape(-1)
        assert sorted(u_v) == sorted(v_u)
        assert not np.array_equal(u_v, v_u)
        mirrored = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., [0, 2, 1]]
        wanted = np.asarray(cv2.cvtColor(mirrored, cv2.COLOR_YCrCb2BGR), np.uint8)
    is_coarse = fourcc in ("MJPG", "JPEG", "RGBP", "RGBR", "RGBO", "RGBQ", "YV12", "YVU9", "VYUY")
    inside = np.s_[4:-4, [*range(4, 24), *range(40, 60)]]
    np.testing.assert_allclose(seen[inside], wanted[inside], atol=12 if is_coarse else 5)


def test_the_colour_of_every_pixel_counts() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[:, 1] = image[1] = (0, 0, 255)
    assert int(to_i420(image).reshape(-1)[5]) == pytest.approx(128 + 0.439 * 255 * 3 / 4, abs=1)


@pytest.mark.parametrize(
    ("size", "inner"),
    [
        (Size(32, 18), (slice(None), slice(None))),
        (Size(128, 128), (slice(28, 100), slice(None))),
        (Size(200, 36), (slice(None), slice(68, 132))),
        (Size(2, 2), (slice(0, 1), slice(None))),
    ],
)
def test_all_of_a_picture_is_fitted_into_another_size(
    size: Size, inner: tuple[slice, slice]
) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 99, np.uint8)
    fitted = contain(image, size)
    assert Size.of(fitted) == size
    bars = np.full(fitted.shape[:2], True)
    bars[inner] = False
    assert (fitted[bars] == 0).all()
    assert (fitted[~bars] == 99).all()
