"""Converts pictures to Y'CbCr, with or without alpha, and sets up the video encoder."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

import cv2
import numpy as np

from livematte.frame import Image, Rendered, Size
from livematte.media.video.colour import FULL, Colour
from livematte.sinks.video.codec import Codec

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

FRAME_DURATION: Final = 1 << 8
"""AV_CODEC_FLAG_FRAME_DURATION: frames carry their duration."""

# From libswscale/swscale.h; PyAV names the last two since version 18.
SWS_BILINEAR: Final = 0x2
SWS_FULL_CHR_H_INP: Final = 0x4000
SWS_ACCURATE_RND: Final = 0x40000

MOST_THREADS: Final = 4
"""For the encoder of a live video: each thread delays one picture, and 720p hardly needs one."""


class FrameMaker:
    """Converts pictures to frames for the encoder of a codec."""

    def __init__(self, codec: Codec, size: Size, colour: Colour, *, transparent: bool) -> None:
        """size: of the encoded video; one more row or column of a picture is cut off."""
        import av

        self._pixel_format = codec.pixel_format
        self._size = size
        self._colour = colour
        self._matrix = colour.conversion(size.height)
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._bgra = np.empty((size.height, size.width, 4), np.uint8) if transparent else None

    def make(self, picture: Rendered) -> av.VideoFrame:
        """The picture as Y'CbCr, or Y'CbCrA."""
        import av
        from av.video.reformatter import ColorRange

        width, height = self._size
        pixels: Image = picture.image[:height, :width]
        if self._bgra is not None:
            cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA, dst=self._bgra)
            if picture.transparent:
                cv2.insertChannel(picture.alpha[:height, :width], self._bgra, 3)
            pixels = self._bgra
        converted = self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(pixels, "bgr24" if self._bgra is None else "bgra"),
            format=self._pixel_format,
            dst_colorspace=self._matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._colour.range == FULL else ColorRange.MPEG,
            # Without the last two flags a flat background is one level off in places.
            interpolation=SWS_BILINEAR | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND,
        )
        # ProRes takes these from the frame, other encoders from the context.
        converted.color_primaries = self._colour.primaries
        converted.color_trc = self._colour.transfer
        return converted


def add_video_stream(
    container: OutputContainer,
    codec: Codec,
    size: Size,
    colour: Colour,
    frames_per_second: Fraction,
    tick_seconds: Fraction,
    *,
    is_live: bool,
) -> VideoStream:
    """The encoder of `codec`, configured but not open.

    tick_seconds: of its clock. is_live: the encoder must not delay many pictures.
    """
    stream = cast(
        "VideoStream",
        container.add_stream(codec.encoder, rate=frames_per_second, options=codec.options),
    )
    stream.width, stream.height = size
    stream.pix_fmt = codec.pixel_format
    context = stream.codec_context
    context.thread_type = "AUTO"  # frames in parallel, where the encoder can
    if is_live:
        context.thread_count = min(MOST_THREADS, os.cpu_count() or 1)
    context.flags |= FRAME_DURATION
    context.bit_rate = 0  # or it would override the requested quality
    context.time_base = stream.time_base = tick_seconds
    context.colorspace = colour.matrix
    context.color_range = colour.range
    context.color_primaries = colour.primaries
    context.color_trc = colour.transfer
    return stream
