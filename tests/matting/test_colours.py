from __future__ import annotations

import cv2
import numpy as np

from livematte.frame import Image
from livematte.matting.colours import estimate_foreground

PERSON, ROOM = (40, 90, 210), (200, 220, 60)


def soft_disc(width: int = 480, height: int = 360) -> tuple[Image, Image]:
    """A disc of one colour with a wide soft edge in a room of another, and its alpha."""
    alpha = np.zeros((height, width), np.uint8)
    cv2.circle(alpha, (width // 2, height // 2), height // 4, 255, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 8).astype(np.uint8)
    part = alpha[..., None] / 255
    return np.rint(part * PERSON + (1 - part) * ROOM).astype(np.uint8), alpha


def test_the_rooms_colour_is_gone_from_soft_edges() -> None:
    image, alpha = soft_disc()
    estimated = estimate_foreground(image, alpha)
    soft = (alpha > 20) & (alpha < 235)
    before = np.abs(image[soft].astype(float) - PERSON).mean()
    after = np.abs(estimated[soft].astype(float) - PERSON).mean()
    assert after < 0.4 * before


def test_sure_pixels_are_the_pictures_and_invisible_ones_hold_nothing() -> None:
    image, alpha = soft_disc()
    estimated = estimate_foreground(image, alpha)
    np.testing.assert_array_equal(estimated[alpha == 255], image[alpha == 255])
    assert not estimated[alpha == 0].any()
    assert not estimate_foreground(image, np.zeros_like(alpha)).any()
