"""From decoded frames to pictures as everything else here takes them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.media.cover import cover
from livematte.media.hdr import to_sdr
from livematte.media.video.colour import (
    BT2020,
    FULL,
    HLG,
    LIMITED,
    PQ,
    Colour,
    assumed_matrix,
    conversion,
    is_known,
)
from livematte.media.video.container import MOST_PIXELS
from livematte.media.video.orientation import UPRIGHT, Orientation, orientation_of

if TYPE_CHECKING:
    import av

BLACK: Final = (0, 0, 0)

MOST_STRETCHED: Final = 4
"""Pixels that are meant to be longer than this are a mistake or a trick; the picture is made
smaller in the other direction instead of larger in this one."""

# From libswscale/swscale.h; PyAV has names for the last from version 18 on.
SWS_BICUBIC: Final = 0x4
SWS_ACCURATE_RND: Final = 0x40000


_EXPAND: Final = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
"""From limited to full range."""


class PictureConverter:
    """Makes pictures of decoded frames: upright, of square pixels, SDR and opaque, uint8 BGR.

    It is for one thread, and quickest where frames are alike.
    """

    def __init__(self, behind: tuple[int, int, int] = BLACK) -> None:
        """behind: what is transparent is put on this, sRGB from 0 to 255; players take black."""
        import av

        self._behind = behind[::-1]
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._alpha_formats: dict[str, bool] = {}
        self._kind: tuple[int, int, int, str] | None = None
        self._orientation = UPRIGHT

    def convert(
        self, frame: av.VideoFrame, pixel_aspect: Fraction | None, out: Image | None = None
    ) -> Image:
        """The picture, (H, W, 3).

        pixel_aspect: how wide the frame's pixels are for their height; None for square.
        out: where to put it, scaled and cropped to its size if need be; None for an array of its
            own size, which may be the memory of the decoder and is not to be written to.

        Raises `av.FFmpegError` or ValueError if FFmpeg cannot convert it.
        """
        size = square_size(Size(frame.width, frame.height), pixel_aspect)
        pixels = self._to_sdr(frame, size) if is_hdr(frame) else self._to_bgr(frame, size)
        if self._has_alpha(frame):
            pixels = self._on_colour(pixels, self._alpha(frame, size), frame.format.name == "pal8")
        pixels = self._orientation_of(frame).upright(pixels)
        if out is None:
            return pixels
        if pixels.shape == out.shape:
            np.copyto(out, pixels)
        else:
            np.copyto(out, cover(pixels, Size.of(out)))
        return out

    def own_size(self, frame: av.VideoFrame) -> Image:
        """An SDR frame's pixels as they are stored, neither turned nor stretched, (H, W, 3).

        Raises as `convert` does.
        """
        return self._to_bgr(frame, Size(frame.width, frame.height))

    def _orientation_of(self, frame: av.VideoFrame) -> Orientation:
        """Looked up where something else changes, too."""
        kind = frame.rotation, frame.width, frame.height, frame.format.name
        if kind != self._kind:
            self._kind, self._orientation = kind, orientation_of(frame)
        return self._orientation

    def _to_bgr(self, frame: av.VideoFrame, size: Size) -> Image:
        matrix = None
        if not (frame.format.is_rgb or is_known(frame.colorspace)):
            # What is not told is guessed here; what is told, libswscale finds out itself.
            matrix = conversion(assumed_matrix(frame.height))
        pixels = _packed(self._reformat(frame, size, "bgr24", matrix), 3)
        return cv2.LUT(pixels, _EXPAND).astype(np.uint8, copy=False) if _is_dim(frame) else pixels

    def _to_sdr(self, frame: av.VideoFrame, size: Size) -> Image:
        planes, levels = self.deep(frame, size)
        return to_sdr(planes, frame.color_trc, frame.color_primaries, levels)

    def deep(
        self, frame: av.VideoFrame, size: Size
    ) -> tuple[tuple[NDArray[np.uint16], ...], tuple[int, int]]:
        """Red, green and blue of an HDR frame, uint16 (H, W), and which levels are black and white.

        Raises as `convert` does.
        """
        matrix = None
        if not (frame.format.is_rgb or is_known(frame.colorspace)):
            matrix = conversion(BT2020)
        deep = self._reformat(frame, size, "gbrp16le", matrix)
        green, blue, red = (
            np.frombuffer(memoryview(plane), "<u2").reshape(plane.height, -1)[:, : plane.width]
            for plane in deep.planes
        )
        return (red, green, blue), _deep_levels(frame)

    def _alpha(self, frame: av.VideoFrame, size: Size) -> Image:
        return _packed(self._reformat(frame, size, "bgra", None), 4)[..., 3]

    def _reformat(
        self, frame: av.VideoFrame, size: Size, name: str, matrix: int | None
    ) -> av.VideoFrame:
        stretched = size != (frame.width, frame.height)
        return self._reformatter.reformat(
            frame,
            width=size.width,
            height=size.height,
            format=name,
            src_colorspace=matrix,
            interpolation=SWS_BICUBIC | SWS_ACCURATE_RND if stretched else None,
        )

    def _has_alpha(self, frame: av.VideoFrame) -> bool:
        name = frame.format.name
        found = self._alpha_formats.get(name)
        if found is None:
            found = name == "pal8" or any(each.is_alpha for each in frame.format.components)
            self._alpha_formats[name] = found
        return found

    def _on_colour(self, pixels: Image, alpha: Image, of_palette: bool) -> Image:
        # Palettes without alpha have zeros there, or 255.
        if alpha.min() == 255 or (of_palette and not alpha.any()):
            return pixels
        opaque = cv2.cvtColor(np.ascontiguousarray(alpha), cv2.COLOR_GRAY2BGR)
        shown = cv2.multiply(pixels, opaque, scale=1 / 255).astype(np.uint8, copy=False)
        if self._behind == BLACK:
            return shown
        around = np.broadcast_to(np.array(self._behind, np.uint8), pixels.shape)
        return cv2.add(shown, cv2.multiply(around, 255 - opaque, scale=1 / 255)).astype(
            np.uint8, copy=False
        )


def _is_dim(frame: av.VideoFrame) -> bool:
    """Whether libswscale leaves it at limited range: it takes grey for full range always."""
    return (
        len(frame.planes) == 1
        and frame.format.name.startswith("gray")
        and (frame.color_range == LIMITED)
    )


def _deep_levels(frame: av.VideoFrame) -> tuple[int, int]:
    """Black and white as libswscale has them in 16 bits: it shifts, and does not scale."""
    if _is_dim(frame):
        return 16 << 8, 235 << 8
    is_full = frame.format.is_rgb or frame.format.name.startswith(("gray", "yuvj"))
    bits = frame.format.components[0].bits if is_full or frame.color_range == FULL else 8
    return 0, ((1 << bits) - 1) << (16 - bits)


def is_hdr(frame: av.VideoFrame) -> bool:
    """Whether its levels mean more light than a display for SDR has."""
    return frame.color_trc in (PQ, HLG)


def colour_of(frame: av.VideoFrame) -> Colour:
    """What the frame says of its colours."""
    levels = int(frame.color_range)
    if frame.format.name.startswith("yuvj"):
        levels = FULL
    return Colour(int(frame.colorspace), levels, int(frame.color_primaries), int(frame.color_trc))


def square_size(stored: Size, pixel_aspect: Fraction | None) -> Size:
    """The size with square pixels; it is larger rather than smaller, so that nothing is lost."""
    if pixel_aspect is None or pixel_aspect <= 0 or pixel_aspect == 1:
        return stored
    width, height = float(stored.width), float(stored.height)
    stretched = max(float(pixel_aspect), float(1 / pixel_aspect))
    larger = min(stretched, MOST_STRETCHED)
    if pixel_aspect > 1:
        width, height = width * larger, height * larger / stretched
    else:
        width, height = width * larger / stretched, height * larger
    shrink = min(1.0, (MOST_PIXELS / (width * height)) ** 0.5)
    # Even, as nearly all encoders want it.
    return Size(*(max(2, 2 * round(each * shrink / 2)) for each in (width, height)))


def _packed(frame: av.VideoFrame, channels: int) -> Image:
    plane = frame.planes[0]
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)
    rows = rows.reshape(plane.height, plane.line_size)[:, : plane.width * channels]
    return rows.reshape(plane.height, plane.width, channels)
