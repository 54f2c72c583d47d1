"""The person's own colours where the matte is soft, without the old room's.

Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP 2021 (blur fusion, twice).
The smooth estimates of foreground and background are made on a reduced copy, because a blur that
wide holds no detail; the last step, which puts the photo's detail back, is at full size.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.upsample import interpolated, points_of

REDUCED_LONG_SIDE: Final = 640
"""Longer side, in pixels, of the copy that colours are spread on."""

WIDE, NARROW = 0.07, 0.005
"""Radii of the two blurs, as parts of the longer side: 90 and 6 pixels on the paper's photos."""

_LEAST_WEIGHT: Final = 1e-5


def estimate_foreground(image: Image, alpha: Image) -> Image:
    """The foreground's colours: uint8 (H, W, 3) in the order of `image`, 0 where alpha is 0.

    image, alpha: uint8 (H, W, 3) and (H, W). Where alpha is 255 the colours are the picture's own.
    """
    estimated = np.zeros_like(image)
    cv2.copyTo(image, cv2.inRange(alpha, 255, 255), estimated)
    soft = cv2.inRange(alpha, 1, 254).astype(np.uint8, copy=False)
    if not soft.any():
        return estimated
    size = Size.of(image)
    foreground, background = _spread_colours(image, alpha)
    for y, x in points_of(soft):
        part = alpha[y, x].astype(np.float32)[:, None] / 255
        front = interpolated(foreground, size, y, x)
        behind = interpolated(background, size, y, x)
        unexplained = image[y, x] - part * front - (1 - part) * behind
        estimated[y, x] = np.clip(front + part * unexplained + 0.5, 0, 255)
    return estimated


def _spread_colours(image: Image, alpha: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smooth estimates of foreground and background on the reduced copy: float32 (h, w, 3) each."""
    size = Size.of(image)
    scale = min(1.0, REDUCED_LONG_SIDE / max(size))
    reduced = Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
    colours = cv2.resize(image, reduced, interpolation=cv2.INTER_AREA).astype(np.float32)
    person = cv2.resize(alpha, reduced, interpolation=cv2.INTER_AREA).astype(
        np.float32
    ) / np.float32(255)
    person = person[..., None]
    room = 1 - person
    front: NDArray[np.float32] = colours
    behind: NDArray[np.float32] = colours
    for radius in (WIDE, NARROW):
        pixels = max(1, round(radius * max(reduced)))
        smooth_front = _weighted_blur(front, person, pixels)
        smooth_behind = _weighted_blur(behind, room, pixels)
        unexplained = colours - person * smooth_front - room * smooth_behind
        front = np.clip(smooth_front + person * unexplained, 0, 255).astype(np.float32, copy=False)
        behind = smooth_behind
    return smooth_front, smooth_behind


def _weighted_blur(
    colours: NDArray[np.float32], weight: NDArray[np.float32], radius: int
) -> NDArray[np.float32]:
    window = (2 * radius + 1, 2 * radius + 1)
    weights = cv2.blur(weight, window)[..., None]
    blurred = cv2.blur(colours * weight, window)
    return (blurred / np.maximum(weights, _LEAST_WEIGHT)).astype(np.float32, copy=False)
