"""Video files, with the background or, in formats that have it, with alpha."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import cv2
import numpy as np

from livematte.colour import BT709_LIMITED, FULL
from livematte.container import FILES_ALONE, file_url
from livematte.errors import SinkError
from livematte.frame import Image, Rendered, Size
from livematte.sinks.clock import SHORTEST_TICK_SECONDS, Clock, FileClock, LiveClock
from livematte.sinks.codec import choose_codec
from livematte.sinks.sink import MOST_WAITING
from livematte.sinks.soundtrack import Soundtrack

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from livematte.recording import Recording

FRAME_DURATION: Final = 1 << 8
"""AV_CODEC_FLAG_FRAME_DURATION: pictures tell how long they are shown."""

# From libswscale/swscale.h; PyAV has names for the last two from version 18 on.
SWS_BILINEAR: Final = 0x2
SWS_FULL_CHR_H_INP: Final = 0x4000
SWS_ACCURATE_RND: Final = 0x40000

_CONTAINER_OPTIONS: Final = {"mp4": {"movflags": "+faststart"}}

# Sound may begin a little before 0, where its decoder warms up. The muxer would move all that comes
# after by as much; and where the first picture is, MP4 would say to a thousandth of a second.
_RECORDING_OPTIONS: Final = {
    "mp4": {"movie_timescale": "90000"},
    "mov": {"movie_timescale": "90000"},
    "matroska": {"avoid_negative_ts": "disabled"},
    "webm": {"avoid_negative_ts": "disabled"},
}


class VideoWriter:
    """Writes a video whose ending says what it is: .mp4, .mkv or .mov (H.264), .webm (VP9).

    Where alpha is asked for: .mov (ProRes 4444) or .webm (VP9). The last row or column of an odd
    size is cut off, because the colours of 4:2:0 video go by blocks of 2x2 pixels.

    The video begins at its first picture, and each picture is shown when its `media_seconds` says,
    or at the nearest beat of the frame rate; colours are BT.709 in limited range and tagged so.
    But what is made from a `Recording` has the recording's times, colours, shape of pixels and
    sound.

    Slates (pictures of a negative index) are left out. The file is written under a hidden name
    beside its own and gets its own on `close`, in place of a file that has it already. If no
    picture came there is no file.
    """

    most_waiting = MOST_WAITING

    def __init__(
        self,
        path: Path,
        transparent: bool = False,
        *,
        quality: int | None = None,
        recording: Recording | None = None,
    ) -> None:
        """quality: 1 to 100, as a JPEG's; None for 75.

        recording: where the pictures come from; it is open before this is.

        Raises `UsageError` if the ending is unknown or cannot hold the alpha asked for, or if there
        is no quality to choose.
        """
        self._codec = choose_codec(path, transparent, quality)
        self._path = path
        self._transparent = transparent
        self._recording = recording
        self._soundtrack: Soundtrack | None = None
        self._waiting: av.VideoFrame | None = None
        self._unfinished = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
        self._container: OutputContainer | None = None

    @property
    def description(self) -> str:
        return f"{self._path} ({self._codec.name})"

    @property
    def remarks(self) -> list[str]:
        """What is not as it was in the recording, for people to be told at the end."""
        return [] if self._soundtrack is None else self._soundtrack.remarks

    @property
    def complete(self) -> bool:
        """Whether every picture of the recording has been written, its last one included."""
        recording = self._recording
        if recording is None or recording.last_seconds is None or self._waiting is None:
            return False
        return self._last_media_seconds >= float(recording.last_seconds - recording.first_seconds)

    @property
    def takes_alpha(self) -> bool:
        return self._transparent

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        import av

        if os.path.isdir(self._path):
            raise SinkError(f"{self._path} is a folder.", "Name a file in it.")
        if self._codec.subsampled:
            size = Size(size.width // 2 * 2, size.height // 2 * 2)
        self._size = size
        self._frame_seconds = 1 / frames_per_second
        self._colour = BT709_LIMITED
        self._clock: Clock = LiveClock(frames_per_second)
        options = _CONTAINER_OPTIONS.get(self._codec.container, {})
        if self._recording is not None:
            options = {**options, **_RECORDING_OPTIONS[self._codec.container]}
            self._colour = self._codec.colour(self._recording.colour)
            in_milliseconds = self._codec.container in ("matroska", "webm")
            self._clock = FileClock(
                self._recording, SHORTEST_TICK_SECONDS if in_milliseconds else Fraction(0)
            )
        self._matrix = self._colour.conversion(size.height)
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._bgra = np.empty((size.height, size.width, 4), np.uint8) if self._transparent else None
        self._container = av.open(
            file_url(self._unfinished),
            "w",
            format=self._codec.container,
            options={**FILES_ALONE, **options},
        )
        try:
            self._stream = self._add_stream(self._container, frames_per_second)
            if self._recording is not None:
                self._soundtrack = Soundtrack(self._recording, self._container)
            self._container.start_encoding()  # makes the file, which av.open puts off
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from error

    def _add_stream(self, container: OutputContainer, frames_per_second: Fraction) -> VideoStream:
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
        context.flags |= FRAME_DURATION
        context.bit_rate = 0  # or it would stand above the quality that is asked for
        context.time_base = stream.time_base = self._clock.tick_seconds
        context.colorspace = self._colour.matrix
        context.color_range = self._colour.range
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        if self._recording is not None and self._recording.pixel_aspect is not None:
            context.sample_aspect_ratio = self._recording.pixel_aspect
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
            self._encode_waiting(frame.pts)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        self._waiting = frame
        self._last_media_seconds = picture.media_seconds

    def _encode_waiting(self, until_ticks: int) -> None:
        """Encode the picture that waited for the next one to tell how long it is shown."""
        assert self._container is not None
        if self._waiting is None or self._waiting.pts is None:
            return
        self._waiting.duration = until_ticks - self._waiting.pts
        if self._soundtrack is not None:
            self._soundtrack.write_until(until_ticks * self._clock.tick_seconds)
        self._container.mux(self._stream.encode(self._waiting))

    def _convert(self, picture: Rendered) -> av.VideoFrame:
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
            format=self._codec.pixel_format,
            dst_colorspace=self._matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._colour.range == FULL else ColorRange.MPEG,
            # Without the last two a flat background is one level off in places.
            interpolation=SWS_BILINEAR | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND,
        )
        # ProRes takes these from the frame, others from the context.
        converted.color_primaries = self._colour.primaries
        converted.color_trc = self._colour.transfer
        return converted

    def close(self) -> None:
        import av

        if self._container is None:
            return
        if self._waiting is None or self._waiting.pts is None:
            self.abort()
            return
        try:
            lasts = self._frame_seconds
            if self.complete and self._recording is not None:
                lasts = self._recording.last_duration_seconds or lasts
            end_ticks = self._waiting.pts + max(1, round(lasts / self._clock.tick_seconds))
            self._encode_waiting(end_ticks)
            self._container.mux(self._stream.encode(None))
            if self._soundtrack is not None:
                end_seconds = end_ticks * self._clock.tick_seconds
                self._soundtrack.finish(None if self.complete else end_seconds)
            self._container.close()
            os.replace(self._unfinished, self._path)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from error
        self._container = None

    def abort(self) -> None:
        import av

        if self._soundtrack is not None:
            self._soundtrack.close()
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
