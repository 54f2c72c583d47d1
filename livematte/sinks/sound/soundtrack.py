"""Copies the sound of a video file into another file with the same pictures."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from livematte.media.sound.channels import LAYOUTS, choose_layout
from livematte.media.sound.packets import SoundPackets, TimedPacket
from livematte.media.sound.steady import decode
from livematte.media.video.container import reason
from livematte.sinks.sound.span import Span
from livematte.sinks.sound.tracks import CopiedTrack, EncodedTrack, Track
from livematte.sinks.sound.trial import can_hold

if TYPE_CHECKING:
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

    from livematte.media.video.source import SourceVideo

_AAC: Final = ("aac", "AAC")
_OPUS: Final = ("libopus", "Opus")

_OWN_CODECS: Final = {"webm": _OPUS, "matroska": _OPUS, "mp4": _AAC, "mov": _AAC}
"""The codec for sound that a container cannot hold unchanged: encoder and name."""

TRIED_PACKETS: Final = 8
"""How many packets of a track to try: muxers look at the first one or a few."""

MOST_FAULTS: Final = 50
"""A track ends if this many packets in a row cannot be written."""

_FAULTS_OF_PACKETS: Final = frozenset({errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ERANGE})
_FIRST_OF_FFMPEG: Final = 1 << 20


def is_fault_of_packets(error: av.FFmpegError) -> bool:
    """Whether a muxer rejected a packet, as opposed to errors such as a full disk."""
    # FFmpeg's own error numbers are made of four letters.
    number = error.errno or 0
    return number in _FAULTS_OF_PACKETS or number >= _FIRST_OF_FFMPEG


class Soundtrack:
    """All audio tracks of a recording, added to a container whose video comes from elsewhere.

    Packets are copied unchanged. Only if the container cannot hold them is the sound encoded again,
    with silence where it is damaged. If that is impossible too, the sound is left out, and
    `remarks` says so: problems with the sound never harm the pictures. Of a track's metadata only
    the language is kept: the rest can reveal where it was recorded.
    """

    def __init__(self, recording: SourceVideo, container: OutputContainer) -> None:
        """Add the tracks to `container`, before its header is written."""
        self._recording = recording
        self._container = container
        self._remarks: list[str] = []
        self._tracks: dict[int, Track] = {}
        self._packets: SoundPackets | None = None
        self._faults = 0
        if not os.path.isfile(recording.path):
            self._leave_out("the input is not a regular file, so it cannot be read twice")
            return
        try:
            self._packets = SoundPackets(recording)
            for number, stream in enumerate(self._packets.streams, start=1):
                self._add(self._packets, number, stream)
        except Exception as error:  # libraries raise many kinds
            self._leave_out(reason(error))

    @property
    def remarks(self) -> list[str]:
        """Sentences for the user about what changed."""
        return self._remarks

    @property
    def has_tracks(self) -> bool:
        """Whether there is any sound."""
        return bool(self._tracks)

    @property
    def is_known(self) -> bool:
        """Whether everything for the header is known before the first packet."""
        return all(track.stream.codec_context.extradata for track in self._tracks.values())

    def _add(self, packets: SoundPackets, number: int, stream: AudioStream) -> None:
        name = _name(number, stream) if len(packets.streams) > 1 else "it"
        # Without a decoder in FFmpeg there is no context, although PyAV's types promise one.
        context = cast("AudioCodecContext | None", stream.codec_context)
        if context is None:
            self._leave_out(f"{name} has a codec that FFmpeg does not support")
            return
        span = Span(self._recording)
        whole = (each.packet for each in packets.ahead(stream) if span.has_all_of(each))
        first = list(islice(whole, TRIED_PACKETS))
        if not first and packets.has_ended:
            is_part = span.start is not None or span.end is not None
            if not is_part and next(packets.ahead(stream), None) is None:
                self._leave_out(f"{name} is empty")
            return
        track: Track
        if can_hold(self._container.format.name, stream, first):
            track = CopiedTrack(self._container, stream, span)
        else:
            speakers = _find_speakers(context, packets.ahead(stream))
            if not speakers and packets.has_ended:
                self._leave_out(f"{name} cannot be decoded")
                return
            layout = choose_layout(speakers) if speakers else "stereo"
            encoder, codec = _OWN_CODECS[self._container.format.name]
            track = EncodedTrack(self._container, stream, span, encoder, layout)
            mixed = f", mixed to {layout}" if len(speakers) > len(LAYOUTS[layout]) else ""
            ending = Path(self._container.name).suffix
            was = context.codec.canonical_name.upper()
            self._remark(
                f"encoded the sound again as {codec}{mixed}, since {ending} cannot hold {was}"
            )
        track.name = name
        if stream.language is not None:
            track.stream.metadata["language"] = stream.language
        self._tracks[stream.index] = track

    def write_until(self, seconds: Fraction | None) -> None:
        """Write the sound that begins before `seconds` of the new video; None for all of it.

        Raises `av.FFmpegError` or `OSError` if the disk or the pipe cannot be written.
        """
        while self._tracks:
            try:
                timed = None if self._packets is None else self._packets.peek()
            except Exception as error:  # libraries raise many kinds
                self._remark(f"The sound ends early: {reason(error)}")
                return
            if timed is None or self._packets is None:
                return
            begins = timed.begins - self._recording.zero_seconds
            if seconds is not None and begins >= seconds:
                return
            self._packets.take()
            track = self._tracks.get(timed.packet.stream_index)
            if track is not None:
                self._write(track, track.take(timed))

    def finish(self, seconds: Fraction | None) -> None:
        """Write the sound until `seconds`, and end the tracks. The video is complete by now."""
        for track in self._tracks.values():
            track.end_at(seconds)
        self.write_until(seconds)
        for track in list(self._tracks.values()):
            self._write(track, track.rest())
        for track in self._tracks.values():
            if track.problem:
                self._remark(track.problem)
        self.close()

    def give_up(self, error: av.FFmpegError) -> bool:
        """Drop all tracks after the header failed; returns whether that can help."""
        if not self._tracks or not is_fault_of_packets(error):
            return False
        self._leave_out(reason(error))
        self._tracks.clear()
        self.close()
        return True

    def note_fault(self, error: av.FFmpegError) -> bool:
        """Count a packet that failed to be written; returns whether it can be one of these."""
        if not self._tracks or not is_fault_of_packets(error):
            return False
        self._faults += 1
        if self._faults > MOST_FAULTS:
            for track in list(self._tracks.values()):
                self._end(track, error)
        return True

    def note_last_fault(self, error: av.FFmpegError) -> bool:
        """Note that the last packets failed to be written; returns whether it can be the sound."""
        if not self._tracks or not is_fault_of_packets(error):
            return False
        self._remark(f"The sound ends early: {reason(error)}")
        return True

    def close(self) -> None:
        """Close the input file. Closing twice is fine."""
        if self._packets is not None:
            self._packets.close()
            self._packets = None

    def _write(self, track: Track, packets: Iterator[av.Packet[AudioStream]]) -> None:
        """Write packets of a track; the track ends if that fails."""
        import av

        while True:
            try:
                packet = next(packets, None)
            except Exception as error:  # libraries raise many kinds
                self._end(track, error)
                return
            if packet is None:
                return
            try:
                self._container.mux(packet)
                track.faults = 0
            except av.FFmpegError as error:
                if not is_fault_of_packets(error):
                    raise
                track.faults += 1
                if track.faults > MOST_FAULTS:
                    self._end(track, error)
                    return

    def _end(self, track: Track, error: Exception) -> None:
        which = "the sound" if track.name == "it" else track.name
        self._remark(f"{which[:1].upper()}{which[1:]} ends early: {reason(error)}")
        self._tracks = {index: each for index, each in self._tracks.items() if each is not track}

    def _leave_out(self, why: str) -> None:
        self._remark(f"Sound left out: {why}")

    def _remark(self, sentence: str) -> None:
        if sentence not in self._remarks:
            self._remarks.append(sentence)


def _name(number: int, stream: AudioStream) -> str:
    return f"track {number}" + (f" ({stream.language})" if stream.language else "")


def _find_speakers(context: AudioCodecContext, packets: Iterable[TimedPacket]) -> tuple[str, ...]:
    """The speakers of the channels in the first of `packets` that decodes; () if none does."""
    try:
        for each in packets:
            for heard in decode(context, each.packet)[0]:
                return heard.speakers
        return ()
    finally:
        context.flush_buffers()
