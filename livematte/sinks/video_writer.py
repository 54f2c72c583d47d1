"""Video files, with the background or, in formats that have it, with alpha."""

from __future__ import annotations

import errno
import os
import sys
import threading
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import cv2
import numpy as np

from livematte.errors import NoReaderError, SinkError
from livematte.frame import Image, Rendered, Size
from livematte.media.colour import BT709_LIMITED, FULL
from livematte.media.container import FILES_ALONE, file_url
from livematte.media.pipe import READER_SECONDS, Pipe, StandardOutput
from livematte.media.whole_file import Taken, Target, free_name, require_free, unwritable
from livematte.sinks.clock import SHORTEST_TICK_SECONDS, Clock, FileClock, LiveClock
from livematte.sinks.codec import Codec, choose_codec, streamed_codec
from livematte.sinks.remains import Remains, look_into, whole_size
from livematte.sinks.sink import MOST_WAITING, require_picture
from livematte.sinks.soundtrack import Soundtrack
from livematte.sinks.unfinished_file import UnfinishedFile

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from livematte.media.source_video import SourceVideo

FRAME_DURATION: Final = 1 << 8
"""AV_CODEC_FLAG_FRAME_DURATION: pictures tell how long they are shown."""

# From libswscale/swscale.h; PyAV has names for the last two from version 18 on.
SWS_BILINEAR: Final = 0x2
SWS_FULL_CHR_H_INP: Final = 0x4000
SWS_ACCURATE_RND: Final = 0x40000

FRAGMENT_SECONDS: Final = 0.5
"""How much is written at once. It, and the pictures that the encoder holds back, are lost if the
process is killed: one to two seconds of 30 pictures each in all."""

MOST_THREADS: Final = 4
"""Of the encoder of a live video: each holds a picture back, and 720p needs hardly one."""


def _container_options(codec: Codec, *, streamed: bool, sound: Soundtrack | None) -> dict[str, str]:
    """How a video is to be readable at any moment while it is written.

    MP4 and MOV are a row of fragments until they are finished as ordinary files in the end (from
    FFmpeg 7.1 on); Matroska's clusters are much the same. Nothing waits for a buffer to fill:
    pictures that hardly change would take minutes.

    streamed: into a pipe, in which nothing written can be changed later.
    sound: what goes with the pictures.
    """
    options = {"flush_packets": "1"}
    if codec.container in ("matroska", "webm"):
        return {**options, "cluster_time_limit": str(round(FRAGMENT_SECONDS * 1000))}
    flags = "+default_base_moof" if streamed else "+hybrid_fragmented"
    if sound is None or not sound.has_tracks:
        # With a late header, that knows exactly where the first picture is.
        flags += "+empty_moov" if streamed else "+delay_moov"
    elif sound.is_known:
        flags += "+empty_moov"  # it need not wait for sound that may come late
    elif streamed:
        flags += "+empty_moov+delay_moov"
    options["frag_duration"] = str(round(FRAGMENT_SECONDS * 1_000_000))
    # Without an edit list, pictures that are reordered would begin a little after 0.
    return {**options, "movflags": flags, "use_editlist": "0" if streamed else "1"}


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
    But what is made from a `SourceVideo` has the recording's times, colours, shape of pixels and
    sound.

    Slates (pictures of a negative index) are left out. The file is written under a hidden name
    beside its own, readable at any moment, and gets its own on `close`. What an error ends is kept
    under a name that tells: "talk (incomplete).mp4". If no picture came there is no file.

    A pipe is written to as it is. Until a program reads it, pictures of a live source are left out.
    """

    most_waiting = MOST_WAITING

    def __init__(
        self,
        path: Path,
        transparent: bool = False,
        *,
        quality: int | None = None,
        recording: SourceVideo | None = None,
        taken: Taken = Taken.REFUSE,
        streamed: bool = False,
    ) -> None:
        """quality: 1 to 100, as a JPEG's; None for 75.

        recording: where the pictures come from; it is open before this is.
        taken: what to do if a file has the name, now or in the end.
        streamed: write to the standard output instead, whatever `path` is.

        Raises `UsageError` if the ending is unknown or cannot hold the alpha asked for, if there is
        no quality to choose, or if a file is there that may not or cannot be replaced.
        """
        self._streamed = streamed
        self._codec = (
            streamed_codec(transparent, quality)
            if streamed
            else choose_codec(path, transparent, quality)
        )
        self._path = path
        self._transparent = transparent
        self._recording = recording
        self._soundtrack: Soundtrack | None = None
        self._waiting: av.VideoFrame | None = None
        self._taken = taken
        if streamed:
            self._target = Target(path, is_stream=True)
        elif os.path.isdir(path):
            self._target = Target(path, is_stream=False)
        else:
            self._target = require_free(path, taken)
        if taken is Taken.NUMBER and os.path.lexists(self._target.path):
            self._target = self._target._replace(path=free_name(self._target.path))
            self._path = path.with_name(self._target.path.name)
        self._unfinished: UnfinishedFile | None = None
        self._pipe: Pipe | None = None
        self._interrupted = threading.Event()
        self._container: OutputContainer | None = None
        self._encoded = 0
        self._ahead: int | None = None
        """By how many ticks the first picture is decoded before it is shown."""
        self._lacks_reader = False
        """Whether pictures were left out because no program reads from the pipe."""
        self._sent_size = Size(0, 0)
        self._kept: list[str] = []

    @property
    def description(self) -> str:
        where = "standard output" if self._streamed else str(self._path)
        return f"{where} ({self._codec.name})"

    @property
    def remarks(self) -> list[str]:
        """What is not as it was in the recording, and what was kept of it where it is not whole."""
        return [*([] if self._soundtrack is None else self._soundtrack.remarks), *self._kept]

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

        if not self._streamed and os.path.isdir(self._path):
            raise SinkError(f"{self._path} is a folder.", "Name a file in it.")
        self._sent_size = size
        if self._codec.subsampled:
            size = Size(size.width // 2 * 2, size.height // 2 * 2)
        self._size = size
        self._frame_seconds = 1 / frames_per_second
        self._colour = BT709_LIMITED
        self._clock: Clock = LiveClock(frames_per_second)
        if self._recording is not None:
            self._colour = self._codec.colour(self._recording.colour)
            in_milliseconds = self._codec.container in ("matroska", "webm")
            self._clock = FileClock(
                self._recording, SHORTEST_TICK_SECONDS if in_milliseconds else Fraction(0)
            )
        self._matrix = self._colour.conversion(size.height)
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._bgra = np.empty((size.height, size.width, 4), np.uint8) if self._transparent else None
        if self._streamed:
            self._pipe = StandardOutput()
            self._start()
        elif not self._target.is_stream:
            try:
                self._unfinished = UnfinishedFile(self._target.path, self._taken)
            except OSError as error:
                raise self._failed(error) from error
            self._start()

    def _start(self) -> None:
        """Begin the video. Raises `SinkError`."""
        import av

        try:
            # The header is written with the first packet: with a header alone FFmpeg cannot finish
            # a file that is made of fragments.
            self._container = self._open_container()
            self._stream = self._add_stream(self._container, 1 / self._frame_seconds)
            if self._recording is not None:
                self._soundtrack = Soundtrack(self._recording, self._container)
            self._muxed_stream = self._stream
            self._set_options(self._container)
            self._stream.codec_context.open(strict=False)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from error

    def _open_container(self) -> OutputContainer:
        import av

        return av.open(
            file_url(self._unfinished.path) if self._unfinished is not None else self._pipe,
            "w",
            format=self._codec.container,
            options=dict(FILES_ALONE),
        )

    def _set_options(self, container: OutputContainer) -> None:
        if self._recording is not None:
            container.options.update(_RECORDING_OPTIONS[self._codec.container])
        container.options.update(
            _container_options(self._codec, streamed=self._target.is_stream, sound=self._soundtrack)
        )

    def _write_header(self) -> None:
        """Begin the file, without sound if it cannot be begun with it.

        Nothing else may be done with a container whose header has failed.
        """
        import av

        assert self._container is not None
        try:
            self._container.start_encoding()
        except av.FFmpegError as error:
            if self._soundtrack is None or not self._soundtrack.give_up(error):
                raise
            self._container.close()
            self._container = self._open_container()
            self._muxed_stream = self._container.add_stream_from_template(self._stream, opaque=True)
            self._set_options(self._container)
            self._container.start_encoding()

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
        if self._recording is None:
            context.thread_count = min(MOST_THREADS, os.cpu_count() or 1)
        context.flags |= FRAME_DURATION
        context.bit_rate = 0  # or it would stand above the quality that is asked for
        context.time_base = stream.time_base = self._clock.tick_seconds
        context.colorspace = self._colour.matrix
        context.color_range = self._colour.range
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        return stream

    def send(self, picture: Rendered) -> None:
        import av

        assert self._container is not None or self._target.is_stream, "open() comes first"
        require_picture(picture, self._sent_size)
        if picture.index < 0 or not self._has_reader():
            return
        frame = self._convert(picture)
        frame.pts = self._clock.ticks(picture.media_seconds)
        frame.time_base = self._clock.tick_seconds
        try:
            if self._unfinished is not None:
                self._unfinished.check()
            self._encode_waiting(frame.pts)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        self._waiting = frame
        self._last_media_seconds = picture.media_seconds

    def interrupt(self) -> None:
        """Wait no longer for a pipe's reader; from any thread."""
        self._interrupted.set()

    def _has_reader(self) -> bool:
        """Whether the video has begun: a pipe's does when a program reads from it."""
        if self._container is not None:
            return True
        try:
            seconds = 0.0 if self._recording is None else READER_SECONDS
            self._pipe = Pipe(self._path, seconds, self._interrupted)
        except OSError as error:
            if error.errno == errno.ENXIO and (
                self._recording is None or self._interrupted.is_set()
            ):
                self._lacks_reader = True
                return False
            raise self._failed(error) from error
        self._start()
        return True

    def _encode_waiting(self, until_ticks: int) -> None:
        """Encode the picture that waited for the next one to tell how long it is shown."""
        if self._waiting is None or self._waiting.pts is None:
            return
        waiting, self._waiting = self._waiting, None
        waiting.duration = until_ticks - (waiting.pts or 0)
        self._mux(self._stream.encode(waiting))
        if self._soundtrack is not None and self._encoded:
            self._soundtrack.write_until(until_ticks * self._clock.tick_seconds)

    def _mux(self, packets: list[av.Packet[VideoStream]]) -> None:
        assert self._container is not None
        if packets and not self._encoded:
            self._write_header()
        self._note_ahead(packets)
        for packet in packets:
            packet.stream = self._muxed_stream
            self._mux_one(packet)
        self._encoded += len(packets)

    def _mux_one(self, packet: av.Packet[VideoStream]) -> None:
        import av

        assert self._container is not None
        try:
            self._container.mux(packet)
        except av.FFmpegError as error:
            # Packets are written when those of other tracks have come. This one waits now, and the
            # one that could not be written was sound.
            if self._soundtrack is None or not self._soundtrack.note_fault(error):
                raise

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
            if self._lacks_reader and self._pipe is None:
                self._lacks_reader = False
                raise self._failed(OSError(errno.ENXIO, os.strerror(errno.ENXIO)))
            return
        if self._waiting is None:
            self.abort()
            return
        try:
            self._write_rest()
            self._close_container()
            self._give_name()
        except SinkError:
            raise
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from error

    def abort(self) -> None:
        import av

        self._lacks_reader = False
        with suppress(av.FFmpegError, OSError):
            self._write_rest()
        if self._soundtrack is not None:
            self._soundtrack.close()
        with suppress(av.FFmpegError, OSError):
            self._close_container()
        if self._unfinished is not None:
            self._keep(self._unfinished)
            self._unfinished = None

    def _write_rest(self) -> None:
        """Write what waits and what the encoder holds back, and the sound that goes with it."""
        from av.video.frame import PictureType

        if self._waiting is None or self._waiting.pts is None:
            return
        lasts, complete = self._frame_seconds, self.complete
        if complete and self._recording is not None:
            lasts = self._recording.last_duration_seconds or lasts
        end_ticks = self._waiting.pts + max(1, round(lasts / self._clock.tick_seconds))
        # A picture that no other is predicted from comes last in the file as well. FFmpeg takes the
        # end of what follows the beginning of the last fragment for that of the video.
        self._waiting.pict_type = PictureType.I
        self._encode_waiting(end_ticks)
        rest = self._stream.encode(None)
        if rest:
            self._tell_end(rest, end_ticks * self._clock.tick_seconds)
        self._mux(rest)
        if self._soundtrack is not None:
            self._soundtrack.finish(None if complete else end_ticks * self._clock.tick_seconds)

    def _tell_end(self, rest: list[av.Packet[VideoStream]], end_seconds: Fraction) -> None:
        """Have the last packet last until the end of the video.

        MP4 adds up the times at which pictures are decoded, whose first is before that at which the
        first picture is shown. The sum is to be the time from the first to the end.
        """
        last = rest[-1]
        self._note_ahead(rest)
        if last.pts is None or last.dts is None or last.time_base is None:
            return
        last.duration = round(end_seconds / last.time_base) - last.pts
        if self._codec.container in ("mp4", "mov") and self._ahead is not None:
            last.duration += max(0, last.pts - last.dts - self._ahead)

    def _note_ahead(self, packets: list[av.Packet[VideoStream]]) -> None:
        if self._ahead is None and packets:
            pts, dts = packets[0].pts, packets[0].dts
            self._ahead = None if pts is None or dts is None else pts - dts

    def _close_container(self) -> None:
        container, self._container = self._container, None
        try:
            if container is not None:
                container.close()
        finally:
            if self._pipe is not None:
                self._pipe.close()

    def _give_name(self) -> None:
        unfinished = self._unfinished
        if unfinished is None:
            return
        named = unfinished.finish()
        self._unfinished = None
        if named == self._target.path:
            return
        if self._taken is Taken.NUMBER and not unfinished.problem:
            self._kept.append(f"{self._path} was taken meanwhile: the recording is {named}")
            return
        raise SinkError(
            f"{self._path} could not get its name: {unfinished.problem}.",
            f"The whole recording is there, as {named}.",
        )

    def _keep(self, unfinished: UnfinishedFile) -> None:
        """Keep what an error has ended, if it is anything, and note where for people to be told."""
        with suppress(OSError):
            unfinished.truncate(whole_size(unfinished.path))
        remains = look_into(unfinished.path) if self._encoded else Remains(0, 0.0)
        if remains.frames == 0 and unfinished.is_there():
            unfinished.discard()
            return
        try:
            named = unfinished.keep()
        except OSError as error:
            self._kept.append(f"{self._path}: what was recorded is lost ({error.strerror})")
            return
        self._kept.append(f"kept as {named}: {remains}")

    def _failed(self, error: Exception) -> SinkError:
        number = getattr(error, "errno", 0)
        if self._streamed:
            if number in (errno.EPIPE, errno.EINVAL) and sys.platform == "win32":
                number = errno.EPIPE  # as Windows says it
            if number == errno.EPIPE:
                return NoReaderError()
            reason = getattr(error, "strerror", None) or str(error)
            return SinkError(
                f"The standard output cannot be written: {reason}.", "Send it elsewhere."
            )
        if number in (errno.ENXIO, errno.EPIPE) and self._target.is_stream:
            return unwritable(self._path, OSError(number, os.strerror(number)))
        reason = getattr(error, "strerror", None) or str(error)
        remedy = {
            errno.ENOENT: f"Make the folder {self._path.parent} first, or name another.",
            errno.EACCES: "Name a file in a folder that you may write to.",
            errno.ENOSPC: "Make room on the disk, or name a file on another.",
        }.get(number, "Name another file, or another kind of video.")
        return SinkError(f"{self._path} cannot be written: {reason}.", remedy)
