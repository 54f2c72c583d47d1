"""Pictures in the size and the format that a virtual camera has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from livematte.frame import Image, Size

_CHROMA: Final = np.array([(0.439, -0.291, -0.148, 128), (-0.071, -0.368, 0.439, 128)], np.float32)
"""U and V of B, G and R: BT.601 of limited range, as everything here."""


def contain(image: Image, size: Size) -> Image:
    """`image`, uint8 BGR (H, W, 3), scaled to fit into `size`, with black bars where it is not."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size.width / width, size.height / height)
    inner_width = min(size.width, max(1, round(width * scale)))
    inner_height = min(size.height, max(1, round(height * scale)))
    left, top = (size.width - inner_width) // 2, (size.height - inner_height) // 2
    fitted = np.zeros((size.height, size.width, 3), np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted[top : top + inner_height, left : left + inner_width] = cv2.resize(
        image, (inner_width, inner_height), interpolation=method
    )
    return fitted


def to_i420(image: Image) -> Image:
    """Y, then U, then V at half the size: uint8 (H * 3 / 2, W) of BGR (H, W, 3) of even sides."""
    height, width = image.shape[:2]
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    # OpenCV takes the colour of one pixel in four, which shows at edges and in hair.
    half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chroma = cv2.transform(half, _CHROMA)
    u, v = planes.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
    u[:], v[:] = chroma[..., 0], chroma[..., 1]
    return planes


def _to_nv12(image: Image) -> Image:
    height, width = image.shape[:2]
    planes = to_i420(image).reshape(-1)
    chroma = planes[height * width :].reshape(2, -1)
    planes[height * width :] = np.stack((chroma[0], chroma[1]), axis=1).reshape(-1)
    return planes


def _to_yv12(image: Image) -> Image:
    height, width = image.shape[:2]
    planes = to_i420(image).reshape(-1)
    chroma = planes[height * width :].reshape(2, -1)
    chroma[:] = chroma[::-1].copy()
    return planes


def _by_opencv(code: int) -> Callable[[Image], Image]:
    return lambda image: np.asarray(cv2.cvtColor(image, code), np.uint8)


CONVERSIONS: Final[dict[str, Callable[[Image], Image]]] = {
    "YU12": to_i420,
    "YV12": _to_yv12,
    "NV12": _to_nv12,
    "YUYV": _by_opencv(cv2.COLOR_BGR2YUV_YUYV),
    "UYVY": _by_opencv(cv2.COLOR_BGR2YUV_UYVY),
    "GREY": _by_opencv(cv2.COLOR_BGR2GRAY),
    "RGB3": _by_opencv(cv2.COLOR_BGR2RGB),
    "BGR3": lambda image: image,
}
"""From uint8 BGR (H, W, 3) of even sides to formats, by the names that Linux has for them."""
