"""Converts pictures to the size and the format of a virtual camera.

Colours are BT.601 in limited range, which programs that read cameras expect. The layouts are those
in the kernel's documentation, "Image Formats" of the Video for Linux API.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import cv2
import numpy as np

from livematte.frame import Image, Size

_CHROMA: Final = np.array([(0.439, -0.291, -0.148, 128), (-0.071, -0.368, 0.439, 128)], np.float32)
"""U and V from B, G and R."""

JPEG_QUALITY: Final = 90


_PIXEL: Final = Size(1, 1)
_PAIR: Final = Size(2, 1)


class Layout(NamedTuple):
    """How pictures of a format are laid out in memory.

    convert: converts uint8 BGR (H, W, 3).
    block: the pixels that share one chroma value; both sides must be multiples of it.
    """

    convert: Callable[[Image], Image]
    block: Size = _PIXEL


def contain(image: Image, size: Size) -> Image:
    """`image`, uint8 BGR (H, W, 3), scaled to fit into `size`, with black bars."""
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
    """Y, then U, then V at half the size: uint8 (H * 3 / 2, W) of BGR (H, W, 3) with even sides."""
    height, width = image.shape[:2]
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    u, v = planes.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
    u[:], v[:] = _chroma(image, Size(2, 2))
    return planes


def _chroma(image: Image, block: Size) -> tuple[Image, Image]:
    """U and V, averaged over each block: OpenCV takes those of one pixel, which shows in hair."""
    height, width = image.shape[:2]
    small_size = (width // block.width, height // block.height)
    small = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA)
    chroma = np.asarray(cv2.transform(small, _CHROMA), np.uint8)
    return chroma[..., 0], chroma[..., 1]


def _luma(image: Image) -> Image:
    height = image.shape[0]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_YV12), np.uint8)[:height]


def _planar(block: Size, *, v_first: bool = False) -> Layout:
    """Y, then U and V in separate planes."""

    def convert(image: Image) -> Image:
        u, v = _chroma(image, block)
        planes = (_luma(image), v, u) if v_first else (_luma(image), u, v)
        return np.concatenate([each.reshape(-1) for each in planes])

    # OpenCV computes the luma, and needs even sides for that.
    return Layout(convert, Size(max(2, block.width), max(2, block.height)))


def _half_planar(*, v_first: bool = False) -> Layout:
    """Y, then U and V interleaved."""

    def convert(image: Image) -> Image:
        chroma = _chroma(image, Size(2, 2))
        pairs = np.stack(chroma[::-1] if v_first else chroma, axis=-1)
        return np.concatenate((_luma(image).reshape(-1), pairs.reshape(-1)))

    return Layout(convert, Size(2, 2))


def _by_opencv(code: int, block: Size = _PIXEL) -> Layout:
    return Layout(lambda image: np.asarray(cv2.cvtColor(image, code), np.uint8), block)


def _swapped(code: int, block: Size = _PIXEL) -> Layout:
    """Two bytes a pixel, in the opposite order."""

    def convert(image: Image) -> Image:
        pixels = np.asarray(cv2.cvtColor(image, code), np.uint8)
        return pixels.reshape(*image.shape[:2], 2)[..., ::-1]

    return Layout(convert, block)


def _with_filler(*, rgb: bool, first: bool) -> Layout:
    """Four bytes a pixel; one of them is unused, or an alpha that is fully opaque."""

    def convert(image: Image) -> Image:
        colours = image[..., ::-1] if rgb else image
        filler = np.full((*image.shape[:2], 1), 255, np.uint8)
        return np.concatenate((filler, colours) if first else (colours, filler), axis=-1)

    return Layout(convert)


def _to_jpeg(image: Image) -> Image:
    written, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert written, "any picture can be a JPEG"
    return np.asarray(data, np.uint8)


def _to_grey_of_16_bits(image: Image) -> Image:
    # 255 becomes 65535; the lower byte comes first.
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 2, axis=-1)


LAYOUTS: Final[dict[str, Layout]] = {
    "YU12": Layout(to_i420, Size(2, 2)),
    "YV12": _planar(Size(2, 2), v_first=True),
    "NV12": _half_planar(),
    "NV21": _half_planar(v_first=True),
    "422P": _planar(Size(2, 1)),
    "411P": _planar(Size(4, 1)),
    "YUV9": _planar(Size(4, 4)),
    "YVU9": _planar(Size(4, 4), v_first=True),
    "YUYV": _by_opencv(cv2.COLOR_BGR2YUV_YUYV, _PAIR),
    "UYVY": _by_opencv(cv2.COLOR_BGR2YUV_UYVY, _PAIR),
    "YVYU": _by_opencv(cv2.COLOR_BGR2YUV_YVYU, _PAIR),
    "VYUY": _swapped(cv2.COLOR_BGR2YUV_YVYU, _PAIR),
    "GREY": _by_opencv(cv2.COLOR_BGR2GRAY),
    "Y16": Layout(_to_grey_of_16_bits),
    "RGB3": _by_opencv(cv2.COLOR_BGR2RGB),
    "BGR3": Layout(lambda image: image),
    "BGR4": _with_filler(rgb=False, first=False),
    "XR24": _with_filler(rgb=False, first=False),
    "AR24": _with_filler(rgb=False, first=False),
    "RGB4": _with_filler(rgb=True, first=True),
    "BX24": _with_filler(rgb=True, first=True),
    "BA24": _with_filler(rgb=True, first=True),
    "XB24": _with_filler(rgb=True, first=False),
    "AB24": _with_filler(rgb=True, first=False),
    "RGBP": _by_opencv(cv2.COLOR_BGR2BGR565),
    "RGBR": _swapped(cv2.COLOR_BGR2BGR565),
    "RGBO": _by_opencv(cv2.COLOR_BGR2BGR555),
    "RGBQ": _swapped(cv2.COLOR_BGR2BGR555),
    "MJPG": Layout(_to_jpeg),
    "JPEG": Layout(_to_jpeg),
}
"""Keyed by Linux's names for the formats, without spaces."""
