"""Photos for which the 8 bits that Pillow gives are not enough, or not right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags
from PIL import Image as Pillow

from livematte.frame import Image, Size
from livematte.media.hdr import to_sdr
from livematte.media.photo.cicp import Cicp

if TYPE_CHECKING:
    import av

_MOST_APART: Final = 8.0
"""Levels, of 255, by which another library's picture may differ from Pillow's, on average; one that
differs more is another one in the file."""

Deep = tuple[tuple[NDArray[np.uint16], ...], tuple[int, int]]
"""Red, green and blue, each (H, W), and which levels are black and white."""


def as_told(opened: Pillow.Image, told: Cicp, file: BinaryIO | None) -> Pillow.Image:
    """A picture, decoded to 8 bits, as what its file says of its colours means.

    HDR becomes SDR in sRGB; others are in their own colours, and have an ICC profile of them.
    file: where it is from; None for a picture whose 8 bits must do, as one of an animation.
    """
    if told.is_hdr:
        shown = _to_sdr(opened, told, file)
    else:
        is_wrong = opened.format == "AVIF" and told.is_limited and opened.mode in ("RGB", "RGBA")
        shown = _exact_avif(opened, file) if is_wrong and file is not None else opened
        if profile := opened.info.get("icc_profile") or told.profile():
            shown.info["icc_profile"] = profile
    if shown is not opened:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
        shown.getexif()[ExifTags.Base.Orientation] = orientation
    return shown


def _to_sdr(opened: Pillow.Image, told: Cicp, file: BinaryIO | None) -> Pillow.Image:
    alpha = opened.getchannel("A") if opened.mode.endswith("A") else None
    eight: Image = np.asarray(opened.convert("RGB"))
    deep: Deep | None = None
    if file is not None and (read := _READ.get(opened.format or "")) is not None:
        with suppress(Exception):  # Pillow has read it: what another library says does not matter
            deep = read(file, Size(*opened.size))
    if deep is None or _apart(deep[0], eight) > _MOST_APART:
        deep = tuple(eight[..., each].astype(np.uint16) for each in range(3)), (0, 255)
    planes, levels = deep
    bgr = to_sdr(planes, told.transfer, told.primaries, levels, for_photos=True)
    shown = Pillow.fromarray(bgr[..., ::-1])
    if alpha is not None:
        shown.putalpha(alpha)
    return shown


def _exact_avif(opened: Pillow.Image, file: BinaryIO) -> Pillow.Image:
    """An AVIF of limited range, decoded to RGB or RGBA, in its own colours.

    What Pillow decodes with has too little blue in those: libyuv has no numbers as large as that
    takes. Where FFmpeg cannot read it, one that is put together of several say, it stays so.
    """
    from livematte.media.video.pictures import PictureConverter

    size = Size(*opened.size)
    try:
        bgr = PictureConverter().own_size(_avif_frame(file, size))
    except Exception:  # Pillow has read it
        return opened
    eight = np.asarray(opened.convert("RGB"))
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    if (
        _apart(tuple(256 * rgb[..., each].astype(np.uint16) for each in range(3)), eight)
        > _MOST_APART
    ):
        return opened
    shown = Pillow.fromarray(rgb)
    if opened.mode == "RGBA":
        shown.putalpha(opened.getchannel("A"))
    return shown


def _apart(planes: tuple[NDArray[np.uint16], ...], eight: Image) -> float:
    if planes[0].shape != eight.shape[:2]:
        return 255.0
    step = max(1, max(eight.shape) // 512)
    few = np.stack([each[::step, ::step] for each in planes], -1) / 256
    return float(np.abs(few - eight[::step, ::step]).mean())


def _of_heif(file: BinaryIO, _size: Size) -> Deep:
    import pillow_heif

    file.seek(0)
    heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
    pixels: NDArray[np.uint16] = np.asarray(heif)
    if pixels.dtype != np.uint16:
        raise ValueError("it has no more than 8 bits")
    bits = heif.info["bit_depth"]
    return _channels(pixels), (0, ((1 << bits) - 1) << 16 - bits)


def _of_png(file: BinaryIO, _size: Size) -> Deep:
    file.seek(0)
    pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("it has no more than 8 bits")
    return _channels(pixels)[::-1], (0, 65535)


def _of_avif(file: BinaryIO, size: Size) -> Deep:
    from livematte.media.video.pictures import PictureConverter

    return PictureConverter().deep(_avif_frame(file, size), size)


def _avif_frame(file: BinaryIO, size: Size) -> av.VideoFrame:
    """The first picture of the size, as FFmpeg decodes it."""
    import av

    file.seek(0)
    with av.open(file, "r", options={"protocol_whitelist": "none"}) as container:
        stream = next(each for each in container.streams.video if size == (each.width, each.height))
        return next(container.decode(stream))


def _channels(pixels: NDArray[Any]) -> tuple[NDArray[np.uint16], ...]:
    """The first three, of grey three times the same."""
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    return tuple(pixels[..., each % pixels.shape[2]] for each in range(3))


_READ: Final[Mapping[str, Callable[[BinaryIO, Size], Deep]]] = {
    "HEIF": _of_heif,
    "AVIF": _of_avif,
    "PNG": _of_png,
}
