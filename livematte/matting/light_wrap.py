"""Light from the background on the person's edge."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.matting.colours import Reduction, radii, reduced_size
from livematte.matting.edges import interpolated

LEAST: Final = 0.02
"""Where there is less background than this around, it gives no light."""

_REST: Final = (1 - np.arange(256) / 255).astype(np.float32)
"""The share of background for alpha from 0 to 255."""


class LightWrap:
    """Light from the background on the person's edge, so that the person fits into the picture.

    Brinkmann, "The Art and Science of Digital Compositing", 2nd edition, 2008: the blurred
    background is added to the foreground in "screen" mode, within the blurred inverse of the
    matte.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._reduced = reduced_size(size)
        self._picture_reduction = Reduction(size, self._reduced, 3)
        self._alpha_reduction = Reduction(size, self._reduced, 1)
        self._light = np.zeros((self._reduced.height, self._reduced.width, 4), np.float32)
        self._mask = np.empty((size.height, size.width), np.uint8)

    def spread(self, alpha: Image, behind: Image, strength: float) -> None:
        """Compute the light at each place. behind: the new background, uint8 BGR (H, W, 3).

        strength: 0 to 1; at 1 the light at the edge is half of the background's.
        """
        wide, _, narrow = radii(self._reduced)
        glow = self._picture_reduction.reduce(behind).astype(np.float32)
        glow = _box(glow, wide // 2)
        room = cv2.LUT(self._alpha_reduction.reduce(alpha), _REST).astype(np.float32, copy=False)
        around = _box(room, narrow)
        around[around < LEAST] = 0
        around *= np.float32(strength)
        light = cv2.multiply(glow, cv2.cvtColor(around, cv2.COLOR_GRAY2BGR))
        self._light = cv2.cvtColor(light, cv2.COLOR_BGR2BGRA).astype(np.float32, copy=False)
        self._light[..., 3] = 0

    def add_reach(self, alpha: Image, blended: NDArray[np.bool_]) -> None:
        """Mark the person's pixels that light falls on, in `blended` (H, W)."""
        lit: Image = np.asarray((self._light > 0).any(axis=2), np.uint8)
        reached = cv2.dilate(lit, np.ones((3, 3), np.uint8))
        cv2.resize(reached, self._size, dst=self._mask, interpolation=cv2.INTER_NEAREST)
        np.minimum(self._mask, alpha, out=self._mask)  # 1 where light falls on the person
        np.logical_or(blended, self._mask, out=blended)

    def light(self, person: NDArray[np.float32], points: NDArray[np.int64]) -> None:
        """Add the light to the person's colours at some pixels, float32 (n, 4) of `colours_at`."""
        light = interpolated(self._light, self._size, points)
        light *= 1 - person * np.float32(1 / 255)
        person += light


def _box(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Two box blurs, so that the nearest pixels count most. Border pixels are repeated outside."""
    window = (2 * radius + 1, 2 * radius + 1)
    once = cv2.blur(values, window, borderType=cv2.BORDER_REPLICATE)
    return cv2.blur(once, window, borderType=cv2.BORDER_REPLICATE).astype(np.float32, copy=False)
