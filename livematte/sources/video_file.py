"""Video files, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from livematte.colour import BT709, FULL, UNSPECIFIED, Colour, assumed_matrix
from livematte.container import MOST_PIXELS, ROTATIONS, open_video, reason, unreadable
from livematte.errors import SourceError, UsageError
from livematte.frame import Frame, Image, Size
from livematte.sources.source import FrameBuffers

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

USUAL_RATE: Final = Fraction(30)
"""Assumed of files that do not say how many frames a second they have."""

FASTEST_RATE: Final = 1000
"""What claims to be faster is a container's clock and no frame rate."""

PROMISED_DURATION: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""Containers whose header says how long they are; FFmpeg only estimates it for the others.

They also have a timeline of their own that begins at 0. The others count from wherever they like,
as a recording of broadcast television does, and their timeline begins where they do.
"""

MISSING_SECONDS: Final = 0.5
"""A file that ends this much sooner than its header says has been cut off."""

LONGEST_LAST_SECONDS: Final = 1
"""A last picture that is said to last longer is doubted: the file may have been cut."""

LONGEST_VIDEO_SECONDS: Final = 1e9
"""What is asked for beyond 30 years is a mistake, and FFmpeg could not count it."""

LONGEST_STEP_BACK_SECONDS: Final = 64
"""A keyframe before the start is looked for so far back at most, and then from the beginning."""


class VideoFile:
    """Every frame of a video file, paced as recorded or as fast as they are taken.

    Frames come upright where the file is marked as rotated, at the times that the file gives
    them, and in the colours that it is tagged with. A frame that cannot be decoded, or of which
    FFmpeg had to make up a part, is skipped and counted in `damaged_frames`; a file that was cut
    off gives what it has. Both are remarked on.

    It is a `livematte.recording.Recording`, whose attributes are explained there.
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
            timeline, which is the one that players show; None for its beginning and its end.

        Raises `UsageError` if that is no stretch of time.
        """
        for seconds in (start_seconds, end_seconds):
            if seconds is not None and not seconds <= LONGEST_VIDEO_SECONDS:  # NaN is not, either
                raise UsageError(
                    f"No video has a place at {seconds:g} seconds.", "Give a number of seconds."
                )
        if (start_seconds or 0) < 0:
            raise UsageError("A video has nothing before 0 seconds.", "Name a later start.")
        if end_seconds is not None and not (start_seconds or 0) < end_seconds:
            raise UsageError(
                f"Nothing lies between {start_seconds or 0:g} and {end_seconds:g} seconds.",
                "Name an end that is after the start.",
            )
        self.path = path
        self.last_seconds: Fraction | None = None
        self.last_duration_seconds: Fraction | None = None
        self.frame_count: int | None = None
        """About how many frames there will be, once it is open; None if the file cannot tell."""
        self.first_seconds = self.tick_seconds = Fraction(0)
        self._damaged_seconds: set[Fraction] = set()
        self._in_parallel = True
        self._end_of_last_seconds = Fraction(0)
        self._breaks_off = ""
        self._realtime = realtime
        self._asked_start = _exact(start_seconds)
        self._asked_end = _exact(end_seconds)
        self._origin_seconds = Fraction(0)
        self._interrupted = threading.Event()
        self._size = Size(0, 0)
        self._frames_per_second = USUAL_RATE

    @property
    def zero_seconds(self) -> Fraction:
        return self._origin_seconds if self.start_seconds is None else self.start_seconds

    @property
    def start_seconds(self) -> Fraction | None:
        if self._asked_start is None:
            return None
        # Nobody needs sound from before the first picture, nor nothing to be shown with it.
        return max(self._asked_start + self._origin_seconds, self.first_seconds)

    @property
    def end_seconds(self) -> Fraction | None:
        return None if self._asked_end is None else self._asked_end + self._origin_seconds

    @property
    def damaged_frames(self) -> int:
        return len(self._damaged_seconds)

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
        return [each for each in (skipped, self._breaks_off) if each]

    @property
    def description(self) -> str:
        rate = float(self._frames_per_second)
        return f"{self.path.name}, {self._size} at {rate:.4g} frames/s"

    def __enter__(self) -> VideoFile:
        import av

        self._open()
        try:
            self._decoded = self._decode_wanted()
            # The first frame tells what the header need not: the size, and that it can be decoded.
            first = next(self._decoded, None)
            if first is None:
                raise self._nothing_to_give()
        except BaseException:
            self._container.close()
            raise
        self._first = first
        self.first_seconds, decoded = first
        self._frames_per_second = _rate(self._stream)
        self.frame_count = self._estimate_frames()
        self._rotation = ROTATIONS.get(decoded.rotation % 360)
        size = Size(decoded.width, decoded.height)
        sideways = self._rotation in (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)
        self._size = Size(size.height, size.width) if sideways else size
        self.colour = _colour(decoded).writable(decoded.height, self._size.height)
        aspect = self._stream.sample_aspect_ratio or None
        self.pixel_aspect = 1 / aspect if aspect and sideways else aspect
        self._buffers = FrameBuffers(self._size)
        self._reformatter = av.video.reformatter.VideoReformatter()
        return self

    def _open(self) -> None:
        self._container, self._stream = open_video(self.path)
        self._stream.thread_type = "AUTO" if self._in_parallel else "SLICE"
        self.tick_seconds = self._stream.time_base or 1 / USUAL_RATE
        if self._container.format.name not in PROMISED_DURATION:
            self._origin_seconds = Fraction(self._container.start_time or 0, 1_000_000)

    def _estimate_frames(self) -> int | None:
        container, stream = self._container, self._stream
        if stream.duration is not None and stream.time_base is not None:
            seconds = stream.duration * stream.time_base
        elif container.duration is not None:
            seconds = Fraction(container.duration, 1_000_000)
        else:
            return stream.frames or None
        until = seconds if self._asked_end is None else min(seconds, self._asked_end)
        frames = max(1, round((until - (self._asked_start or 0)) * self._frames_per_second))
        # Of a clip that was cut without being encoded again, it counts what is hidden as well.
        counted = stream.frames if self._asked_start is None and self._asked_end is None else 0
        return counted if frames > 0.9 * counted > 0 else frames

    def _nothing_to_give(self) -> Exception:
        if self._asked_start is None and self._asked_end is None:
            return SourceError(
                f"Not one frame of {self.path} can be decoded.",
                "Check that it plays in a video player, and has no more than "
                f"{MOST_PIXELS // 1_000_000} megapixels.",
            )
        seconds = (self._container.duration or 0) / 1e6
        return UsageError(
            f"{self.path} has no picture in the time that was asked for.",
            f"It is {seconds:.1f} seconds long." if seconds else "Name an earlier start.",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._decoded.close()
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        following: tuple[Fraction, av.VideoFrame] | None = self._first
        start_seconds = time.monotonic()
        index = 0
        while following is not None and not self._interrupted.is_set():
            seconds, decoded = following
            media_seconds = float(seconds - self.first_seconds)
            image = self._to_bgr(decoded)
            if self._realtime:
                due_seconds = start_seconds + media_seconds
                if self._interrupted.wait(due_seconds - time.monotonic()):
                    return
                # A player that was held up goes on from there rather than rushing to catch up.
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

    def _decode_wanted(self) -> Generator[tuple[Fraction, av.VideoFrame], None, None]:
        """The frames that are asked for, each with its time in the file."""
        start, end = self.start_seconds, self.end_seconds
        for seconds, decoded in self._decode_to_the_end(start):
            if end is not None and seconds >= end:
                # The last picture is whole, or the rate would not be the same on average.
                is_next = seconds - end < 1 / self._frames_per_second
                self._end_of_last_seconds = seconds if is_next else end
                return
            if start is None or seconds >= start:
                if decoded.duration and decoded.time_base is not None:
                    self._end_of_last_seconds = seconds + decoded.duration * decoded.time_base
                yield seconds, decoded
        # A frame's own duration is a guess where frames are stored in another order.
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            ticks = stream.duration + (stream.start_time or 0)
            self._end_of_last_seconds = ticks * stream.time_base

    def _decode_to_the_end(
        self, start: Fraction | None
    ) -> Generator[tuple[Fraction, av.VideoFrame], None, None]:
        """Every frame from `start` on, and some from before it."""
        import av

        if start is None:
            yield from self._decode()
            return
        back_seconds = Fraction(0)
        # Where a container's index goes by decoding times, or is a guess, the keyframe that it
        # leads to may be shown after the start, so this looks at what comes and tries further back.
        while back_seconds <= min(
            start - self._origin_seconds, Fraction(LONGEST_STEP_BACK_SECONDS)
        ):
            offset = math.floor((start - back_seconds) / self.tick_seconds)
            try:
                self._container.seek(offset, stream=self._stream)
            except av.FFmpegError:
                break
            frames = self._decode()
            first = next(frames, None)
            if first is not None and first[1].pts is not None and first[0] <= start:
                yield first
                yield from frames
                return
            back_seconds = max(Fraction(1), 2 * back_seconds)
        self._container.close()
        self._open()
        yield from self._decode()

    def _decode(self) -> Generator[tuple[Fraction, av.VideoFrame], None, None]:
        """Every frame from where the file is being read on, with its time; damaged ones not."""
        import av

        stream = self._stream
        # Of all streams, because the sound may go on after the last picture.
        packets = self._container.demux()
        read_seconds = last_packet_seconds = last_seconds = Fraction(-1)
        step, next_seconds = 1 / _rate(stream), self._origin_seconds
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                raise unreadable(self.path, reason(error)) from error
            if packet is None:
                break
            if packet.pts is not None and packet.time_base is not None:
                seconds = packet.pts * packet.time_base
                ends = seconds + (packet.duration or 0) * packet.time_base
                read_seconds = max(read_seconds, ends)
            if packet.stream_index != stream.index:
                continue
            if packet.pts is not None and not packet.is_discard:
                last_packet_seconds = max(last_packet_seconds, seconds)
            try:
                decoded = stream.codec_context.decode(packet)
            except av.EOFError:
                break
            except av.FFmpegError:
                self._note_damaged(_seconds(packet, next_seconds))
                continue
            for frame in decoded:
                last_seconds = _seconds(frame, next_seconds)
                next_seconds = last_seconds + step
                if frame.is_corrupt:
                    self._note_damaged(last_seconds)
                else:
                    yield last_seconds, frame
        if self._in_parallel and last_packet_seconds > last_seconds:
            yield from self._decode_again(last_seconds)
        else:
            self._note_missing(float(read_seconds))

    def _decode_again(
        self, after_seconds: Fraction
    ) -> Generator[tuple[Fraction, av.VideoFrame], None, None]:
        """The last frames, one after the other.

        Frames that are decoded in parallel are handed out at the end of the file, and the first
        damaged one among them takes those behind it with it.
        """
        self._damaged_seconds = {each for each in self._damaged_seconds if each <= after_seconds}
        self._in_parallel = False
        self._container.close()
        self._open()
        for seconds, frame in self._decode_to_the_end(max(after_seconds, self._origin_seconds)):
            if seconds > after_seconds:
                yield seconds, frame

    def _note_damaged(self, seconds: Fraction) -> None:
        start, end = self.start_seconds, self.end_seconds
        if (start is None or seconds >= start) and (end is None or seconds < end):
            self._damaged_seconds.add(seconds)

    def _note_missing(self, read_seconds: float) -> None:
        """Note if the file, read to its end, is shorter than its header says."""
        container = self._container
        if container.format.name not in PROMISED_DURATION or container.duration is None:
            return
        promised_seconds = container.duration / 1e6
        if read_seconds < promised_seconds - MISSING_SECONDS:
            self._breaks_off = (
                f"{self.path} breaks off after {read_seconds:.1f} of {promised_seconds:.1f} seconds"
            )

    def _to_bgr(self, decoded: av.VideoFrame) -> Image:
        """The picture as uint8 BGR, upright, in memory that can be recycled."""
        from av.video.reformatter import Colorspace

        # What is not told is guessed here; what is told, libswscale finds out itself.
        guess = Colorspace.ITU709 if assumed_matrix(decoded.height) == BT709 else Colorspace.ITU601
        converted = self._reformatter.reformat(
            decoded,
            format="bgr24",
            src_colorspace=guess if decoded.colorspace == UNSPECIFIED else None,
        )
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        pixels = rows[:, : plane.width * 3].reshape(plane.height, plane.width, 3)
        image = self._buffers.take()
        if self._rotation is not None:
            pixels = np.asarray(cv2.rotate(pixels, self._rotation), np.uint8)
        if pixels.shape != image.shape:
            raise SourceError(
                f"{self.path} changes its size in the middle, from {self._size} "
                f"to {Size.of(pixels)}.",
                "Cut it there, or convert it to one size first.",
            )
        np.copyto(image, pixels)
        return image


def _rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= FASTEST_RATE:
            return Fraction(rate)
    return USUAL_RATE


def _colour(decoded: av.VideoFrame) -> Colour:
    levels = int(decoded.color_range)
    if decoded.format.name.startswith("yuvj"):
        levels = FULL
    return Colour(
        int(decoded.colorspace), levels, int(decoded.color_primaries), int(decoded.color_trc)
    )


def _seconds(timed: av.VideoFrame | av.Packet[Any], otherwise: Fraction) -> Fraction:
    if timed.pts is None or timed.time_base is None:
        return otherwise
    return timed.pts * timed.time_base


def _exact(seconds: float | None) -> Fraction | None:
    """What a person means who types 0.1, which no float is."""
    return None if seconds is None else Fraction(seconds).limit_denominator(1_000_000)
