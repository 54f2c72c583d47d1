from __future__ import annotations

import cv2
import numpy as np
import pytest

from livematte.frame import Image, Size
from livematte.sinks.camera_format import CONVERSIONS, contain, to_i420

WIDTH, HEIGHT = 64, 36
BACK = {
    "YU12": ((HEIGHT * 3 // 2, WIDTH), cv2.COLOR_YUV2BGR_I420),
    "YV12": ((HEIGHT * 3 // 2, WIDTH), cv2.COLOR_YUV2BGR_YV12),
    "NV12": ((HEIGHT * 3 // 2, WIDTH), cv2.COLOR_YUV2BGR_NV12),
    "YUYV": ((HEIGHT, WIDTH, 2), cv2.COLOR_YUV2BGR_YUYV),
    "UYVY": ((HEIGHT, WIDTH, 2), cv2.COLOR_YUV2BGR_UYVY),
    "RGB3": ((HEIGHT, WIDTH, 3), cv2.COLOR_RGB2BGR),
    "BGR3": ((HEIGHT, WIDTH, 3), None),
    "GREY": ((HEIGHT, WIDTH), cv2.COLOR_GRAY2BGR),
}


def halves() -> Image:
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2], image[:, WIDTH // 2 :] = (30, 60, 200), (64, 177, 0)
    return image


@pytest.mark.parametrize("fourcc", CONVERSIONS)
def test_a_picture_comes_back(fourcc: str) -> None:
    image = halves()
    shape, code = BACK[fourcc]
    sent = CONVERSIONS[fourcc](image).reshape(shape)
    back = sent if code is None else cv2.cvtColor(sent, code)
    wanted = image if fourcc != "GREY" else cv2.cvtColor(cv2.cvtColor(image, 6), 8)
    np.testing.assert_allclose(back, wanted, atol=4)


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
