"""Video files, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from livematte.errors import SourceError
from livematte.frame import Frame, Image, Size
from livematte.sources.source import FrameBuffers

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

USUAL_RATE: Final = Fraction(30)
"""Assumed of files that do not say how many frames a second they have."""

FASTEST_RATE: Final = 1000
"""What claims to be faster is a container's clock and no frame rate."""

HD_HEIGHT: Final = 720
"""From here on video that does not tell its colour matrix means BT.709, below it BT.601."""

PROMISED_DURATION: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""Containers whose header says how long they are; FFmpeg only estimates it for the others."""

MISSING_SECONDS: Final = 0.5
"""A file that ends this much sooner than its header says has been cut off."""

_UNTAGGED: Final = 2  # AVCOL_SPC_UNSPECIFIED

_ROTATIONS: Final = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}


class VideoFile:
    """Every frame of a video file, paced as recorded or as fast as they are taken.

    Frames come upright where the file is marked as rotated, at the times that the file gives
    them, and in the colours that it is tagged with. A frame that cannot be decoded is skipped and
    counted in `damaged_frames`; a file that was cut off gives what it has. Both are remarked on.
    """

    live = False

    def __init__(self, path: Path, *, realtime: bool = True) -> None:
        """realtime: yield a frame no sooner than a player would show it."""
        self.damaged_frames = 0
        self._breaks_off = ""
        self._path = path
        self._realtime = realtime
        self._interrupted = threading.Event()
        self._size = Size(0, 0)
        self._frames_per_second = USUAL_RATE

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
        return f"{self._path.name}, {self._size} at {rate:.4g} frames/s"

    def __enter__(self) -> VideoFile:
        import av

        try:
            self._container: InputContainer = av.open(str(self._path))
        except (av.FFmpegError, OSError) as error:
            raise self._unreadable(error) from error
        try:
            if self._container.format.name == "tty":
                # FFmpeg renders any text as a video of a terminal.
                raise SourceError(
                    f"{self._path} is a text and no video.", "Give a file that has pictures."
                )
            if not self._container.streams.video:
                raise SourceError(
                    f"{self._path} has no video in it.", "Give a file that has pictures."
                )
            stream = self._container.streams.video[0]
            stream.thread_type = "AUTO"
            self._decoded = self._decode(stream)
            # The first frame tells what the header need not: the size, and that it can be decoded.
            self._first = next(self._decoded, None)
            if self._first is None:
                raise SourceError(
                    f"Not one frame of {self._path} can be decoded.",
                    "Check that it plays in a video player.",
                )
        except BaseException:
            self._container.close()
            raise
        self._frames_per_second = _rate(stream)
        self._rotation = _ROTATIONS.get(self._first.rotation % 360)
        size = Size(self._first.width, self._first.height)
        sideways = self._rotation in (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)
        self._size = Size(size.height, size.width) if sideways else size
        self._buffers = FrameBuffers(self._size)
        self._reformatter = av.video.reformatter.VideoReformatter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._decoded.close()
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        assert self._first is not None
        first, start_seconds = self._first, time.monotonic()
        decoded: av.VideoFrame | None = first
        index = 0
        while decoded is not None and not self._interrupted.is_set():
            media_seconds = float(index / self._frames_per_second)
            if decoded.time is not None and first.time is not None:
                media_seconds = decoded.time - first.time
            image = self._to_bgr(decoded)
            if self._realtime:
                due_seconds = start_seconds + media_seconds
                if self._interrupted.wait(due_seconds - time.monotonic()):
                    return
                # A player that was held up goes on from there rather than rushing to catch up.
                start_seconds += max(0.0, time.monotonic() - due_seconds)
            yield Frame(image, index, time.monotonic(), media_seconds)
            index += 1
            decoded = next(self._decoded, None)

    def recycle(self, frame: Frame) -> None:
        self._buffers.give_back(frame.image)

    def interrupt(self) -> None:
        self._interrupted.set()

    def _decode(self, stream: VideoStream) -> Generator[av.VideoFrame, None, None]:
        import av

        # Of all streams, because the sound may go on after the last picture.
        packets = self._container.demux()
        read_seconds = 0.0
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                raise self._unreadable(error) from error
            if packet is None:
                break
            if packet.pts is not None and packet.time_base is not None:
                ends = (packet.pts + (packet.duration or 0)) * packet.time_base
                read_seconds = max(read_seconds, float(ends))
            if packet.stream_index != stream.index:
                continue
            try:
                yield from stream.codec_context.decode(packet)
            except av.EOFError:
                break
            except av.FFmpegError:
                self.damaged_frames += 1
        self._note_missing(read_seconds)

    def _note_missing(self, read_seconds: float) -> None:
        """Note if the file, read to its end, is shorter than its header says."""
        container = self._container
        if container.format.name not in PROMISED_DURATION or container.duration is None:
            return
        promised_seconds = container.duration / 1e6
        if read_seconds < promised_seconds - MISSING_SECONDS:
            self._breaks_off = (
                f"{self._path} breaks off after {read_seconds:.1f} of "
                f"{promised_seconds:.1f} seconds"
            )

    def _to_bgr(self, decoded: av.VideoFrame) -> Image:
        """The picture as uint8 BGR, upright, in memory that can be recycled."""
        from av.video.reformatter import Colorspace

        untagged = decoded.colorspace == _UNTAGGED
        guess = Colorspace.ITU709 if decoded.height >= HD_HEIGHT else Colorspace.ITU601
        converted = self._reformatter.reformat(
            decoded, format="bgr24", src_colorspace=guess if untagged else None
        )
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        pixels = rows[:, : plane.width * 3].reshape(plane.height, plane.width, 3)
        image = self._buffers.take()
        if self._rotation is not None:
            pixels = np.asarray(cv2.rotate(pixels, self._rotation), np.uint8)
        if pixels.shape != image.shape:
            raise SourceError(
                f"{self._path} changes its size in the middle, from {self._size} "
                f"to {Size.of(pixels)}.",
                "Cut it there, or convert it to one size first.",
            )
        np.copyto(image, pixels)
        return image

    def _unreadable(self, error: Exception) -> SourceError:
        reason = getattr(error, "strerror", None) or str(error)
        return SourceError(
            f"{self._path} cannot be read as a video: {reason}.",
            "Check the name, and that it plays in a video player.",
        )


def _rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= FASTEST_RATE:
            return Fraction(rate)
    return USUAL_RATE
