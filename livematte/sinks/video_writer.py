"""Video files, with the background or, in formats that have it, with alpha."""

from __future__ import annotations

import errno
import math
import os
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import cv2
import numpy as np

from livematte.errors import SinkError, UsageError
from livematte.frame import Image, Rendered, Size

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

SNAP_SECONDS: Final = 0.002
"""Containers round times to a millisecond, twice over when a clip is copied: a picture this close
to where the frame rate puts it belongs there."""

BT709: Final = 1
"""ITU-R BT.709 as transfer and primaries; PyAV has names for them from version 17 on."""

# From libswscale/swscale.h; PyAV has names for the last two from version 18 on.
SWS_BILINEAR: Final = 0x2
SWS_FULL_CHR_H_INP: Final = 0x4000
SWS_ACCURATE_RND: Final = 0x40000

SHORTEST_TICK_SECONDS: Final = Fraction(1, 1000)
"""Matroska's clock. Times closer together than this would become one."""


@dataclass(frozen=True)
class _Codec:
    name: str
    encoder: str
    pixel_format: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def subsampled(self) -> bool:
        """Whether colours go by blocks of 2x2 pixels."""
        return "420" in self.pixel_format


_H264 = _Codec("H.264", "libx264", "yuv420p", {"preset": "veryfast", "crf": "18"})
_VP9_OPTIONS = {"crf": "24", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}
_VP9 = _Codec("VP9", "libvpx-vp9", "yuv420p", _VP9_OPTIONS)
_VP9_ALPHA = _Codec(
    # The encoder refuses reference frames from the future when there is alpha.
    "VP9 with alpha",
    "libvpx-vp9",
    "yuva420p",
    {**_VP9_OPTIONS, "auto-alt-ref": "0"},
)
_PRORES_ALPHA = _Codec(
    "ProRes 4444", "prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0"}
)

_CODECS: Final = {".mp4": _H264, ".mkv": _H264, ".mov": _H264, ".webm": _VP9}
_ALPHA_CODECS: Final = {".mov": _PRORES_ALPHA, ".webm": _VP9_ALPHA}

_CONTAINERS: Final = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm"}
_CONTAINER_OPTIONS: Final = {".mp4": {"movflags": "+faststart"}}


class VideoWriter:
    """Writes a video whose ending says what it is: .mp4, .mkv or .mov (H.264), .webm (VP9).

    Where alpha is asked for: .mov (ProRes 4444) or .webm (VP9). Colours are BT.709 in limited
    range and tagged so. The last row or column of an odd size is cut off, because the colours of
    4:2:0 video go by blocks of 2x2 pixels.

    The video begins at its first picture, and each picture is shown when its `media_seconds` says;
    slates (pictures of a negative index) are left out. The file is written under a hidden name
    beside its own and gets its own on `close`, in place of a file that has it already. If no
    picture came there is no file.
    """

    def __init__(self, path: Path, transparent: bool = False) -> None:
        """Raises `UsageError` if the ending is unknown or cannot hold the alpha asked for."""
        ending = path.suffix.lower()
        codecs = _ALPHA_CODECS if transparent else _CODECS
        if ending not in codecs:
            known = ", ".join(codecs)
            if ending in _CODECS:
                problem = f"A {ending} video cannot be transparent."
            else:
                problem = f"{path} does not end like a video that can be written."
            raise UsageError(problem, f"Name a file that ends in {known}, or a folder for PNGs.")
        self._path = path
        self._ending = ending
        self._codec = codecs[ending]
        self._transparent = transparent
        self._unfinished = path.with_name(f".{path.stem}.{os.getpid()}.part{ending}")
        self._container: OutputContainer | None = None

    @property
    def description(self) -> str:
        return f"{self._path} ({self._codec.name})"

    @property
    def takes_alpha(self) -> bool:
        return self._transparent

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        import av

        if self._path.is_dir():
            raise SinkError(f"{self._path} is a folder.", "Name a file in it.")
        if self._codec.subsampled:
            size = Size(size.width // 2 * 2, size.height // 2 * 2)
        self._size = size
        self._clock = _Clock(frames_per_second)
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._bgra = np.empty((size.height, size.width, 4), np.uint8) if self._transparent else None
        self._pictures = 0
        self._container = av.open(
            str(self._unfinished),
            "w",
            format=_CONTAINERS[self._ending],
            options=_CONTAINER_OPTIONS.get(self._ending, {}),
        )
        try:
            self._stream = self._add_stream(self._container, frames_per_second)
            self._container.start_encoding()  # makes the file, which av.open puts off
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from error

    def _add_stream(self, container: OutputContainer, frames_per_second: Fraction) -> VideoStream:
        from av.video.reformatter import ColorRange, Colorspace

        stream = cast(
            "VideoStream",
            container.add_stream(
                self._codec.encoder, rate=frames_per_second, options=self._codec.options
            ),
        )
        stream.width, stream.height = self._size
        stream.pix_fmt = self._codec.pixel_format
        context = stream.codec_context
        context.thread_type = "AUTO"  # frames in parallel, where the encoder can
        context.bit_rate = 0  # or it would stand above the quality that is asked for
        context.time_base = stream.time_base = self._clock.tick_seconds
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        context.color_primaries = context.color_trc = BT709
        return stream

    def send(self, picture: Rendered) -> None:
        import av

        assert self._container is not None, "open() comes first"
        if picture.index < 0:
            return
        frame = self._convert(picture)
        frame.pts = self._clock.ticks(picture.media_seconds)
        frame.time_base = self._clock.tick_seconds
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        self._pictures += 1

    def _convert(self, picture: Rendered) -> av.VideoFrame:
        """The picture as Y'CbCr, or Y'CbCrA, in BT.709 and limited range."""
        import av
        from av.video.reformatter import ColorRange, Colorspace

        width, height = self._size
        pixels: Image = picture.image[:height, :width]
        if self._bgra is not None:
            cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA, dst=self._bgra)
            if picture.transparent:
                cv2.insertChannel(picture.alpha[:height, :width], self._bgra, 3)
            pixels = self._bgra
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(pixels, "bgr24" if self._bgra is None else "bgra"),
            format=self._codec.pixel_format,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            # Without the last two a flat background is one level off in places.
            interpolation=SWS_BILINEAR | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND,
        )

    def close(self) -> None:
        import av

        if self._container is None:
            return
        if self._pictures == 0:
            self.abort()
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            os.replace(self._unfinished, self._path)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from error
        self._container = None

    def abort(self) -> None:
        import av

        if self._container is None:
            return
        with suppress(av.FFmpegError, OSError):
            self._container.close()
        self._container = None
        self._unfinished.unlink(missing_ok=True)

    def _failed(self, error: Exception) -> SinkError:
        number = getattr(error, "errno", 0)
        reason = getattr(error, "strerror", None) or str(error)
        remedy = {
            errno.ENOENT: f"Make the folder {self._path.parent} first, or name another.",
            errno.EACCES: "Name a file in a folder that you may write to.",
            errno.ENOSPC: "Make room on the disk, or name a file on another.",
        }.get(number, "Name another file, or another kind of video.")
        return SinkError(f"{self._path} cannot be written: {reason}.", remedy)


class _Clock:
    """Turns media time into ticks of the video's own clock, strictly increasing from 0."""

    def __init__(self, frames_per_second: Fraction) -> None:
        # A whole number of ticks to a frame, so that a steady rate is written exactly.
        rate = frames_per_second
        self.ticks_per_frame = rate.denominator * max(1, 1000 // rate.numerator)
        self.tick_seconds = 1 / (rate * self.ticks_per_frame)
        self._seconds_per_frame = float(1 / rate)
        self._shortest_step = math.ceil(SHORTEST_TICK_SECONDS / self.tick_seconds)
        self._first_seconds: float | None = None
        self._last_ticks = -self._shortest_step

    def ticks(self, media_seconds: float) -> int:
        if self._first_seconds is None:
            self._first_seconds = media_seconds
        seconds = media_seconds - self._first_seconds
        frames = round(seconds / self._seconds_per_frame)
        if abs(frames * self._seconds_per_frame - seconds) <= SNAP_SECONDS:
            ticks = frames * self.ticks_per_frame
        else:
            ticks = round(seconds / float(self.tick_seconds))
        self._last_ticks = max(ticks, self._last_ticks + self._shortest_step)
        return self._last_ticks
