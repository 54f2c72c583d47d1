"""Video files, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from livematte.errors import SourceError, UsageError
from livematte.frame import Frame, Image, Size
from livematte.media.video.colour import BT709_LIMITED
from livematte.media.video.container import MOST_PIXELS
from livematte.media.video.deinterlace import TimedFrame
from livematte.media.video.orientation import orientation_of
from livematte.media.video.pictures import PictureConverter, colour_of, is_hdr, square_size
from livematte.media.video.reader import USUAL_RATE, VideoReader
from livematte.sources.source import FrameBuffers

if TYPE_CHECKING:
    import av

LONGEST_LAST_SECONDS: Final = 1
"""A longer duration of the last picture is not believed: the file may have been cut."""

LONGEST_VIDEO_SECONDS: Final = 1e9
"""A time beyond 30 years is a mistake, and too large for FFmpeg."""


class VideoFile:
    """Every frame of a video file, at the recorded pace or as fast as they are taken.

    Frames are what a player shows: upright, with square pixels, in SDR, at the times in the file,
    and all in the size of the first one. A frame that cannot be decoded, or that FFmpeg had to
    complete with invented parts, is skipped and counted in `damaged_frames`; a file that was cut
    off gives what it has. `remarks` reports these, and a conversion from HDR.

    It is a `livematte.media.video.source.SourceVideo`, which explains the attributes.
    """

    live = False
    trouble = ""

    def __init__(
        self,
        path: Path,
        *,
        realtime: bool = True,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> None:
        """realtime: yield a frame no sooner than a player would show it.

        start_seconds, end_seconds: only the frames with start <= time < end, on the file's own
            timeline, the one that players show; None for the beginning and the end.

        Raises `UsageError` if the times are not valid or the range is empty.
        """
        for seconds in (start_seconds, end_seconds):
            if seconds is not None and not seconds <= LONGEST_VIDEO_SECONDS:  # also catches NaN
                raise UsageError(
                    f"{seconds:g} seconds is not a time in a video.", "Give a number of seconds."
                )
        if (start_seconds or 0) < 0:
            raise UsageError("A video cannot start before 0 seconds.", "Give a start of 0 or more.")
        if end_seconds is not None and not (start_seconds or 0) < end_seconds:
            raise UsageError(
                f"The end at {end_seconds:g} seconds is not after the start at "
                f"{start_seconds or 0:g} seconds.",
                "Give an end after the start.",
            )
        self.path = path
        self.last_seconds: Fraction | None = None
        self.last_duration_seconds: Fraction | None = None
        self.frame_count: int | None = None
        """The approximate number of frames, once it is open; None if the file does not tell."""
        self.first_seconds = self.tick_seconds = Fraction(0)
        self._reader: VideoReader | None = None
        self._is_hdr = False
        self._end_of_last_seconds = Fraction(0)
        self._breaks_off = ""
        self._realtime = realtime
        self._asked_start = _exact(start_seconds)
        self._asked_end = _exact(end_seconds)
        self._interrupted = threading.Event()
        self._buffers = FrameBuffers()
        self._size = Size(0, 0)
        self._frames_per_second = USUAL_RATE

    @property
    def zero_seconds(self) -> Fraction:
        return self._origin_seconds if self.start_seconds is None else self.start_seconds

    @property
    def start_seconds(self) -> Fraction | None:
        if self._asked_start is None:
            return None
        # No sound from before the first picture, because there is no picture to go with it.
        return max(self._asked_start + self._origin_seconds, self.first_seconds)

    @property
    def end_seconds(self) -> Fraction | None:
        return None if self._asked_end is None else self._asked_end + self._origin_seconds

    @property
    def _origin_seconds(self) -> Fraction:
        return Fraction(0) if self._reader is None else self._reader.origin_seconds

    @property
    def damaged_frames(self) -> int:
        start, end = self.start_seconds, self.end_seconds
        return sum(
            (start is None or seconds >= start) and (end is None or seconds < end)
            for seconds in (() if self._reader is None else self._reader.damaged_seconds)
        )

    @property
    def size(self) -> Size:
        return self._size

    @property
    def frames_per_second(self) -> Fraction:
        return self._frames_per_second

    @property
    def remarks(self) -> list[str]:
        damaged = self.damaged_frames
        skipped = f"skipped {damaged} that could not be decoded" if damaged else ""
        hdr = f"{self.path} is HDR and was converted to SDR" if self._is_hdr else ""
        return [each for each in (hdr, skipped, self._breaks_off) if each]

    @property
    def description(self) -> str:
        rate = float(self._frames_per_second)
        hdr = ", HDR shown as SDR" if self._is_hdr else ""
        return f"{self.path.name}, {self._size} at {rate:.4g} frames/s{hdr}"

    def __enter__(self) -> VideoFile:
        self._reader = reader = VideoReader(self.path)
        self._decoded = self._decode_wanted(reader)
        try:
            # The first frame tells what the header may not: the size, and that it can be decoded.
            first = next(self._decoded, None)
            if first is None:
                raise self._nothing_to_give(reader)
        except BaseException:
            reader.close()
            raise
        self._first = first
        self.first_seconds, decoded = first
        self.tick_seconds = reader.tick_seconds
        self._frames_per_second = reader.frames_per_second
        self.frame_count = self._estimate_frames(reader)
        self._pixel_aspect = reader.pixel_aspect
        square = square_size(Size(decoded.width, decoded.height), reader.pixel_aspect)
        self._size = orientation_of(decoded).size(square)
        self._is_hdr = is_hdr(decoded)
        self.colour = BT709_LIMITED
        if not self._is_hdr:
            self.colour = colour_of(decoded).writable(decoded.height, self._size.height)
        self._buffers = FrameBuffers(self._size)
        self._converter = PictureConverter()
        return self

    def _estimate_frames(self, reader: VideoReader) -> int | None:
        seconds, stream = reader.seconds, reader.stream
        if seconds is None:
            return stream.frames or None
        until = seconds if self._asked_end is None else min(seconds, self._asked_end)
        frames = max(1, round((until - (self._asked_start or 0)) * self._frames_per_second))
        # In a clip that was cut without encoding it again, the count includes hidden frames.
        counted = stream.frames if self._asked_start is None and self._asked_end is None else 0
        return counted if frames > 0.9 * counted > 0 else frames

    def _nothing_to_give(self, reader: VideoReader) -> Exception:
        if self._asked_start is None and self._asked_end is None:
            return SourceError(
                f"No frame of {self.path} can be decoded.",
                "Check that it plays in a video player, and has no more than "
                f"{MOST_PIXELS // 1_000_000} megapixels.",
            )
        seconds = (reader.container.duration or 0) / 1e6
        return UsageError(
            f"{self.path} has no picture in the requested time.",
            f"It is {seconds:.1f} seconds long." if seconds else "Give an earlier start.",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reader is not None:
            self._decoded.close()
            self._reader.close()

    def frames(self) -> Iterator[Frame]:
        following: TimedFrame | None = self._first
        start_seconds = time.monotonic()
        index = 0
        while following is not None and not self._interrupted.is_set():
            seconds, decoded = following
            media_seconds = float(seconds - self.first_seconds)
            image = self._to_image(decoded)
            if self._realtime:
                due_seconds = start_seconds + media_seconds
                if self._interrupted.wait(due_seconds - time.monotonic()):
                    return
                # After a delay, continue from there instead of rushing to catch up.
                start_seconds += max(0.0, time.monotonic() - due_seconds)
            yield Frame(image, index, time.monotonic(), media_seconds)
            index += 1
            following = next(self._decoded, None)
        if following is None:
            self.last_seconds = seconds
            lasts_seconds = self._end_of_last_seconds - seconds
            if 0 < lasts_seconds <= LONGEST_LAST_SECONDS:
                self.last_duration_seconds = lasts_seconds

    def recycle(self, frame: Frame) -> None:
        self._buffers.give_back(frame.image)

    def interrupt(self) -> None:
        self._interrupted.set()

    def _decode_wanted(self, reader: VideoReader) -> Generator[TimedFrame, None, None]:
        """The requested frames, each with its time in the file."""
        start, end = self.start_seconds, self.end_seconds
        for timed in reader.read(start):
            seconds, decoded = timed
            if end is not None and seconds >= end:
                # The last picture keeps its full duration, or the average rate would change.
                is_next = seconds - end < 1 / self._frames_per_second
                self._end_of_last_seconds = seconds if is_next else end
                return
            if start is None or seconds >= start:
                if decoded.duration and decoded.time_base is not None:
                    self._end_of_last_seconds = seconds + decoded.duration * decoded.time_base
                self._pixel_aspect = reader.pixel_aspect
                yield timed
        self._breaks_off = reader.breaks_off
        # A frame's own duration is a guess if frames are stored in another order.
        stream = reader.stream
        if stream.duration is not None and stream.time_base is not None:
            ticks = stream.duration + (stream.start_time or 0)
            self._end_of_last_seconds = ticks * stream.time_base

    def _to_image(self, decoded: av.VideoFrame) -> Image:
        """The picture in recyclable memory. Raises `SourceError` if it cannot be converted."""
        import av

        try:
            return self._converter.convert(decoded, self._pixel_aspect, self._buffers.take())
        except (av.FFmpegError, ValueError) as error:
            raise SourceError(
                f"A picture of {self.path} cannot be converted ({error}).",
                "Convert the file to another format first.",
            ) from error


def _exact(seconds: float | None) -> Fraction | None:
    """The exact value that a user means by a decimal such as 0.1, which no float equals."""
    return None if seconds is None else Fraction(seconds).limit_denominator(1_000_000)
