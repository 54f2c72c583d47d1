"""Reads the frames of a video file, whatever it is for."""

from __future__ import annotations

import math
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from livematte.media.video.container import MOST_PIXELS, open_video, reason, unreadable
from livematte.media.video.deinterlace import Deinterlacer, TimedFrame
from livematte.media.video.timeline import Timeline, may_change

if TYPE_CHECKING:
    import av
    from av.video.codeccontext import VideoCodecContext
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

LATEST_START_SECONDS: Final = 10
"""What begins later is no late picture, but counts from elsewhere, as a part of a stream does."""

MISSING_SECONDS: Final = 0.5
"""A file that ends this much sooner than its header says has been cut off."""

SHORTEST_SECONDS: Final = Fraction(1, 1000)
"""Frames that are shown at one time are drawn apart by so much."""

LONGEST_STEP_BACK_SECONDS: Final = 64
"""A keyframe before the start is looked for so far back at most, and then from the beginning."""

_ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Of streams whose alpha is a second one beside it, which FFmpeg's own decoders leave out."""


class VideoReader:
    """The frames of a video, in order, with times that go on, and none that is damaged.

    It knows no more of the pictures in them than that some are interlaced; see `PictureConverter`.
    """

    def __init__(
        self, path: Path, file: BinaryIO | None = None, *, in_parallel: bool = True
    ) -> None:
        """Open it.

        file: what to read instead of opening `path`; it stays open.
        in_parallel: decode several frames at once, which is faster and takes more memory.

        Raises `SourceError` as `open_video` does, and `OSError` if `file` cannot be read.
        """
        self.path = path
        self.origin_seconds = Fraction(0)
        """Where the timeline that players show begins, in the file's own times."""
        self.damaged_seconds: set[Fraction] = set()
        """When each frame would have been shown that could not be decoded."""
        self.read_seconds = Fraction(-1)
        """The end of the last packet, of whatever stream, that was read."""
        self._file = file
        self._in_parallel = in_parallel
        self._open()

    def _open(self) -> None:
        if self._file is not None:
            self._file.seek(0)
        self.container, self.stream = open_video(self.path, self._file)
        self._decoder = _decoder(self.stream)
        self._decoder.thread_type = "AUTO" if self._in_parallel else "SLICE"
        self._told_aspect = self._decoder.sample_aspect_ratio
        self.pixel_aspect: Fraction | None = self.stream.sample_aspect_ratio or None
        """How wide a pixel of the frame that came last is for its height; None if not told."""
        self.tick_seconds = self.stream.time_base or 1 / USUAL_RATE
        starts = Fraction(self.container.start_time or 0, 1_000_000)
        if (
            self.container.format.name not in PROMISED_DURATION
            or abs(starts) > LATEST_START_SECONDS
        ):
            self.origin_seconds = starts

    def close(self) -> None:
        """Close the file, unless it was given. Closing twice is fine."""
        self.container.close()

    @property
    def frames_per_second(self) -> Fraction:
        """The nominal rate."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate is not None and 0 < rate <= FASTEST_RATE:
                return Fraction(rate)
        return USUAL_RATE

    @property
    def seconds(self) -> Fraction | None:
        """How long it says it is."""
        stream, container = self.stream, self.container
        if stream.duration is not None and stream.time_base is not None:
            return stream.duration * stream.time_base
        return None if container.duration is None else Fraction(container.duration, 1_000_000)

    @property
    def breaks_off(self) -> str:
        """The remark for a file that ended earlier than its header says; "" if it did not."""
        container = self.container
        if container.format.name not in PROMISED_DURATION or container.duration is None:
            return ""
        promised_seconds = container.duration / 1e6
        if self.read_seconds >= promised_seconds - MISSING_SECONDS:
            return ""
        return (
            f"{self.path} breaks off after {float(self.read_seconds):.1f} of "
            f"{promised_seconds:.1f} seconds"
        )

    def read(self, start: Fraction | None = None) -> Generator[TimedFrame, None, None]:
        """Every frame from `start` on, in the file's own times, and some from before it.

        Raises `SourceError` if the file cannot be read on.
        """
        deinterlacer = Deinterlacer()
        last_seconds: Fraction | None = None
        for timed in self._decode_from(start):
            seconds, frame = timed
            if last_seconds is not None and seconds <= last_seconds:
                seconds = last_seconds + SHORTEST_SECONDS
            last_seconds = seconds
            yield from deinterlacer.take(TimedFrame(seconds, frame))
        yield from deinterlacer.rest()

    def _decode_from(self, start: Fraction | None) -> Generator[TimedFrame, None, None]:
        import av

        if start is None or self._clock_changes_before(start):
            yield from self._decode()
            return
        back_seconds = Fraction(0)
        # Where a container's index goes by decoding times, or is a guess, the keyframe that it
        # leads to may be shown after the start, so this looks at what comes and tries further back.
        while back_seconds <= min(start - self.origin_seconds, Fraction(LONGEST_STEP_BACK_SECONDS)):
            offset = math.floor((start - back_seconds) / self.tick_seconds)
            try:
                self.container.seek(offset, stream=self.stream)
            except av.FFmpegError:
                break
            self._decoder.flush_buffers()
            frames = self._decode()
            first = next(frames, None)
            if first is not None and first[1].pts is not None and first[0] <= start:
                yield first
                yield from frames
                return
            back_seconds = max(Fraction(1), 2 * back_seconds)
        self._reopen()
        yield from self._decode()

    def _clock_changes_before(self, start: Fraction) -> bool:
        """Whether the file's times begin anew before `start`, where no index leads to it."""
        import av

        if not may_change(self.container) or start <= self.origin_seconds:
            return False
        self._reopen()
        timeline = Timeline(self.container)
        packets = self.container.demux()
        try:
            for packet in packets:
                timeline.follow(packet)
                if timeline.changes:
                    break
                is_video = packet.stream.index == self.stream.index
                if is_video and packet.dts is not None and packet.dts * self.tick_seconds > start:
                    break
        except av.FFmpegError:
            pass
        self._reopen()
        return timeline.changes > 0

    def _reopen(self) -> None:
        self.container.close()
        self._open()

    def _decode(self) -> Generator[TimedFrame, None, None]:
        """Every frame from where the file is being read on, with its time; damaged ones not."""
        import av

        stream, timeline = self.stream, Timeline(self.container)
        # Of all streams, because the sound may go on after the last picture.
        packets = self.container.demux()
        last_packet_seconds = last_seconds = Fraction(-1)
        step, next_seconds = 1 / self.frames_per_second, self.origin_seconds
        changes = 0
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                raise unreadable(self.path, reason(error)) from error
            if packet is None:
                break
            timeline.follow(packet)
            if packet.pts is not None and packet.time_base is not None:
                seconds = packet.pts * packet.time_base
                ends = seconds + (packet.duration or 0) * packet.time_base
                self.read_seconds = max(self.read_seconds, ends)
            # Not packet.stream_index, which is 0 of each packet that stands for a stream's end.
            if packet.stream.index != stream.index:
                continue
            if packet.pts is not None and not packet.is_discard:
                last_packet_seconds = max(last_packet_seconds, seconds)
            decoded: list[av.VideoFrame] = []
            if timeline.changes > changes:
                changes = timeline.changes
                if packet.is_keyframe:
                    # Another video begins, of another size perhaps, for which decoders forget the
                    # pictures that they hold back.
                    decoded += self._drain()
            try:
                decoded += self._decoder.decode(cast("Any", packet))
            except av.EOFError:
                break
            except av.FFmpegError:
                self.damaged_seconds.add(self._seconds(packet, next_seconds))
            for frame in decoded:
                last_seconds = self._seconds(frame, next_seconds)
                next_seconds = last_seconds + step
                if frame.is_corrupt:
                    self.damaged_seconds.add(last_seconds)
                else:
                    self._note_aspect()
                    yield TimedFrame(last_seconds, frame)
        if self._in_parallel and last_packet_seconds > last_seconds:
            yield from self._decode_again(last_seconds)

    def _drain(self) -> list[av.VideoFrame]:
        import av

        try:
            return self._decoder.decode(None)
        except av.FFmpegError:
            return []
        finally:
            self._decoder.flush_buffers()

    def _seconds(self, timed: av.VideoFrame | av.Packet[Any], otherwise: Fraction) -> Fraction:
        if timed.pts is None:
            return otherwise
        return timed.pts * (timed.time_base or self.tick_seconds)

    def _note_aspect(self) -> None:
        """Broadcasts change between 4:3 and 16:9 and tell it in the stream itself."""
        aspect = self._decoder.sample_aspect_ratio
        if aspect and aspect != self._told_aspect:
            self.pixel_aspect = self._told_aspect = aspect

    def _decode_again(self, after_seconds: Fraction) -> Generator[TimedFrame, None, None]:
        """The last frames, one after the other.

        Frames that are decoded in parallel are handed out at the end of the file, and the first
        damaged one among them takes those behind it with it.
        """
        self.damaged_seconds = {each for each in self.damaged_seconds if each <= after_seconds}
        self._in_parallel = False
        self._reopen()
        for seconds, frame in self._decode_from(max(after_seconds, self.origin_seconds)):
            if seconds > after_seconds:
                yield TimedFrame(seconds, frame)


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """What decodes `stream`, with its alpha if it has any."""
    import av

    context = stream.codec_context
    name = _ALPHA_DECODERS.get(context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return context
    if name not in av.codecs_available:
        return context
    decoder = cast("VideoCodecContext", av.CodecContext.create(name, "r"))
    decoder.options = {"max_pixels": str(MOST_PIXELS)}
    decoder.extradata = context.extradata
    return decoder
