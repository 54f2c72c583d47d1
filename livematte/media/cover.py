"""Pictures that fill a frame, without being stretched."""

from __future__ import annotations

import cv2
import numpy as np

from livematte.frame import Image, Size


def cover(image: Image, size: Size) -> Image:
    """`image` scaled to fill `size`, its overhang cropped evenly, its proportions kept."""
    height, width = image.shape[:2]
    scale = max(size.width / width, size.height / height)
    crop_width = min(width, max(1, round(size.width / scale)))
    crop_height = min(height, max(1, round(size.height / scale)))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    crop = image[top : top + crop_height, left : left + crop_width]
    shrinking = scale < 1
    fitted = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return fitted.astype(np.uint8, copy=False)
