"""Writes video files, with the background or, in formats that support it, with alpha."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.media.pipe import READER_SECONDS, Pipe, StandardOutput
from livematte.media.video.colour import BT709_LIMITED
from livematte.media.video.container import FILES_ALONE, file_url
from livematte.media.whole_file import Taken, Target, free_name, require_free
from livematte.sinks.sink import MOST_WAITING, require_picture
from livematte.sinks.sound.soundtrack import Soundtrack
from livematte.sinks.video.clock import SHORTEST_TICK_SECONDS, Clock, FileClock, LiveClock
from livematte.sinks.video.codec import choose_codec, streamed_codec
from livematte.sinks.video.encoding import FrameMaker, add_video_stream
from livematte.sinks.video.errors import keep, stream_error, video_error
from livematte.sinks.video.muxing import muxer_options
from livematte.sinks.video.remains import count_pictures
from livematte.sinks.video.unfinished_file import UnfinishedFile

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from livematte.media.video.source import SourceVideo


class VideoWriter:
    """Writes a video in the format of its extension: .mp4, .mkv or .mov (H.264), .webm (VP9).

    With alpha: .mov (ProRes 4444) or .webm (VP9). The last row or column of an odd size is cut off,
    because 4:2:0 video stores colours per block of 2x2 pixels.

    The video begins at its first picture. Each picture is shown at its `media_seconds`, or at the
    nearest multiple of the frame duration. Colours are BT.709 in limited range and tagged so. A
    video made from a `SourceVideo` has the recording's times, colours, pixel aspect ratio and sound
    instead.

    Slates (pictures with a negative index) are skipped. The file is written under a hidden name
    beside its own, is readable at any time, and gets its name on `close`. After an error it is kept
    as "talk (incomplete).mp4". If no picture came, there is no file.

    A pipe is written to directly. Until a program reads it, pictures of a live source are skipped.
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
        """quality: 1 to 100, like JPEG; None for 75.

        recording: the source of the pictures; it must be open before this writer is.
        taken: what to do if a file already has the name, now or at the end.
        streamed: write to standard output instead of `path`.

        Raises `UsageError` if the extension is unsupported or cannot hold the requested alpha, if
        the codec has no quality setting, or if an existing file must not or cannot be replaced.
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
        """How many ticks before it is shown the first picture is decoded."""
        self._lacks_reader = False
        """Whether pictures were skipped because no program reads from the pipe."""
        self._sent_size = Size(0, 0)
        self._kept: list[str] = []

    @property
    def description(self) -> str:
        where = "standard output" if self._streamed else str(self._path)
        return f"{where} ({self._codec.name})"

    @property
    def remarks(self) -> list[str]:
        """What differs from the recording, and where an incomplete video was kept."""
        return [*([] if self._soundtrack is None else self._soundtrack.remarks), *self._kept]

    @property
    def complete(self) -> bool:
        """Whether all pictures of the recording have been written, including the last."""
        recording = self._recording
        if recording is None or recording.last_seconds is None or self._waiting is None:
            return False
        return self._last_media_seconds >= float(recording.last_seconds - recording.first_seconds)

    @property
    def takes_alpha(self) -> bool:
        return self._transparent

    def open(self, size: Size, frames_per_second: Fraction) -> None:

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
        self._frames = FrameMaker(self._codec, size, self._colour, transparent=self._transparent)
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
        """Start the video. Raises `SinkError`."""
        import av

        try:
            # The header is written with the first packet: FFmpeg cannot finish a fragmented file
            # that has only a header.
            self._container = self._open_container()
            self._stream = add_video_stream(
                self._container,
                self._codec,
                self._size,
                self._colour,
                1 / self._frame_seconds,
                self._clock.tick_seconds,
                is_live=self._recording is None,
            )
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
        container.options.update(
            muxer_options(
                self._codec,
                streamed=self._target.is_stream,
                of_recording=self._recording is not None,
                sound=self._soundtrack,
            )
        )

    def _write_header(self) -> None:
        """Start the file, without sound if the header cannot be written with it.

        After a failed header the container cannot be used, so it is opened again.
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

    def send(self, picture: Rendered) -> None:
        import av

        assert self._container is not None or self._target.is_stream, "open() comes first"
        require_picture(picture, self._sent_size)
        if picture.index < 0 or not self._has_reader():
            return
        frame = self._frames.make(picture)
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
        """Stop waiting for a pipe's reader; from any thread."""
        self._interrupted.set()

    def _has_reader(self) -> bool:
        """Whether the video has started: on a pipe it starts when a program reads from it."""
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
        """Encode the picture that waited for the next one's time, which gives its duration."""
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
            # The muxer interleaves: it writes a packet when those of other tracks have come. This
            # one is queued now; the one that failed was sound.
            if self._soundtrack is None or not self._soundtrack.note_fault(error):
                raise

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
            kept = keep(self._unfinished, self._path, has_pictures=self._encoded > 0)
            self._kept += [kept] if kept else []
            self._unfinished = None

    def _write_rest(self) -> None:
        """Write the waiting picture, the rest of the encoder's packets, and their sound."""
        from av.video.frame import PictureType

        if self._waiting is None or self._waiting.pts is None:
            return
        lasts, complete = self._frame_seconds, self.complete
        if complete and self._recording is not None:
            lasts = self._recording.last_duration_seconds or lasts
        end_ticks = self._waiting.pts + max(1, round(lasts / self._clock.tick_seconds))
        # As an I-frame it also comes last in the file. FFmpeg takes the end of the last fragment's
        # last packet for the end of the video.
        self._waiting.pict_type = PictureType.I
        self._encode_waiting(end_ticks)
        rest = self._stream.encode(None)
        if rest:
            self._tell_end(rest, end_ticks * self._clock.tick_seconds)
        self._mux(rest)
        if self._soundtrack is not None:
            self._soundtrack.finish(None if complete else end_ticks * self._clock.tick_seconds)

    def _tell_end(self, rest: list[av.Packet[VideoStream]], end_seconds: Fraction) -> None:
        """Extend the last packet to the end of the video.

        MP4 adds up decoding times, and the first picture is decoded before it is shown. The sum
        must be the time from the first picture to the end.
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
        import av

        container, self._container = self._container, None
        try:
            if container is not None:
                container.close()
        except av.FFmpegError as error:
            # The muxer writes queued packets last; if a packet of sound failed, the file is fine.
            # What a pipe lacks cannot be counted.
            if (
                self._unfinished is None
                or self._soundtrack is None
                or count_pictures(self._unfinished.path) < self._encoded
                or not self._soundtrack.note_last_fault(error)
            ):
                raise
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
            self._kept.append(f"{self._path} already exists now; saved the recording as {named}")
            return
        raise SinkError(
            f"The recording could not be saved as {self._path}: {unfinished.problem}.",
            f"The complete recording is saved as {named}.",
        )

    def _failed(self, error: Exception) -> SinkError:
        if self._streamed:
            return stream_error(error)
        return video_error(self._path, error, is_pipe=self._target.is_stream)
