"""The frame at the network's size, for renderers that run on the CPU."""

from __future__ import annotations

import cv2
import numpy as np

from livematte.frame import Image, Size


def shrink_photo(image: Image, size: Size) -> Image:
    """Resize `image`, uint8 (H, W, 3) of any size, to the network's; halves large photos first.

    OpenCV halves several times as fast as it resizes; colours differ by less than a level.
    """
    while image.shape[1] >= 2 * size.width and image.shape[0] >= 2 * size.height:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    small = np.empty((size.height, size.width, 3), np.uint8)
    shrink(image, small)
    return small


def shrink(image: Image, out: Image) -> None:
    """Resample `image`, uint8 BGR (H, W, 3), into `out`, (h, w, 3)."""
    size = Size.of(out)
    # Average all pixels when shrinking, or fine patterns would flicker in the matte.
    shrinking = size.height < image.shape[0]
    cv2.resize(
        image, size, dst=out, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    )
