"""The frame at the network's size, for renderers that run on the CPU."""

from __future__ import annotations

import cv2

from livematte.frame import Image, Size


def shrink(image: Image, out: Image) -> None:
    """Resample `image`, uint8 BGR (H, W, 3), into `out`, (h, w, 3)."""
    size = Size.of(out)
    # The mean of all pixels when shrinking, or fine patterns would flicker in the matte.
    shrinking = size.height < image.shape[0]
    cv2.resize(
        image, size, dst=out, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    )
