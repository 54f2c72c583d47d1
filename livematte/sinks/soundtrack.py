"""The sound of a video file, on its way into another that has the same pictures."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from livematte.container import open_container

if TYPE_CHECKING:
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

    from livematte.recording import Recording

_AAC: Final = ("aac", "AAC")
_OPUS: Final = ("libopus", "Opus")

_OWN_CODECS: Final = {"webm": _OPUS, "matroska": _OPUS, "mp4": _AAC, "mov": _AAC}
"""What sound that a container cannot hold becomes in it: its encoder and its name."""

SAMPLES_PER_SECOND: Final = 48_000
"""Of sound that is encoded again; Opus knows few others."""

PRIMING_SECONDS: Final = Fraction(1, 10)
"""A decoder warms up on sound that is not to be heard: 44 ms in Apple's AAC, 80 ms in Opus."""

SEARCH_SECONDS: Final = 2
"""How far apart pictures and sound of the same time may lie in a file."""

BITS_PER_CHANNEL: Final = 96_000


class Soundtrack:
    """Every track of sound of a recording, added to a container whose video comes from elsewhere.

    Packets are copied as they are; only where the container cannot hold their codec is the sound
    encoded again. Of what is told about a track only its language is kept: the rest may tell where
    it was recorded.
    """

    def __init__(self, recording: Recording, container: OutputContainer) -> None:
        """Add the tracks to `container`, whose header is not written yet.

        Raises `av.FFmpegError` if the recording can no longer be opened.
        """
        self.remarks: list[str] = []
        """What is not as it was, for people to be told."""
        self._recording = recording
        self._container = container
        self._source: InputContainer = open_container(recording.path)
        self._packets = self._read()
        self._waiting = next(self._packets, None)
        # No empty tracks, where no sound is wanted.
        self._tracks = {
            stream.index: track
            for stream in self._source.streams.audio
            if self._waiting is not None and (track := self._add(stream)) is not None
        }

    @property
    def has_tracks(self) -> bool:
        """Whether there is any sound."""
        return bool(self._tracks)

    @property
    def is_known(self) -> bool:
        """Whether all that a header says of it is known before it comes."""
        # Broadcasts tell it in every packet.
        has_headers = {"mp4", "matroska"} & set(self._source.format.name.split(","))
        return bool(has_headers) and all(
            track.stream.codec_context.extradata for track in self._tracks.values()
        )

    def _add(self, stream: AudioStream) -> _Track | None:
        # What FFmpeg has no decoder for has no context, although PyAV's types say so.
        context = cast("AudioCodecContext | None", stream.codec_context)
        if context is None:
            self._remark("left out a track of sound of an unknown kind")
            return None
        track: _Track
        try:
            track = _Copied(self._container, stream)
        except ValueError:
            encoder, name = _OWN_CODECS[self._container.format.name]
            track = _Encoded(self._container, stream, encoder)
            ending = Path(self._container.name).suffix
            was = context.codec.canonical_name.upper()
            self._remark(f"encoded the sound again as {name}, since {ending} cannot hold {was}")
        if stream.language is not None:
            track.stream.metadata["language"] = stream.language
        return track

    def write_until(self, seconds: Fraction | None) -> None:
        """Write what begins before `seconds` of the new video; None for all that there is."""
        while self._waiting is not None:
            begins, packet = self._waiting
            if seconds is not None and begins - self._recording.zero_seconds >= seconds:
                return
            track = self._tracks.get(packet.stream_index)
            if track is not None:
                self._container.mux(track.take(packet, self._recording.zero_seconds))
            self._waiting = next(self._packets, None)

    def finish(self, seconds: Fraction | None) -> None:
        """As `write_until`, and then no more. The video is complete by now."""
        self.write_until(seconds)
        for track in self._tracks.values():
            self._container.mux(track.rest())
        self.close()

    def close(self) -> None:
        """Give the file back. Closing twice is fine."""
        self._packets.close()
        self._source.close()
        self._waiting = None

    def _read(self) -> Generator[tuple[Fraction, av.Packet[AudioStream]], None, None]:
        """Each packet that is wanted as a whole, with its time in the recording."""
        import av
        from av.stream import Discard

        if not self._source.streams.audio:
            return
        for stream in self._source.streams:
            if stream.type != "audio":
                stream.discard = Discard.all
        start, end = self._recording.start_seconds, self._recording.end_seconds
        if start is not None:
            # Where a container cannot be searched, it is read from the beginning.
            with suppress(av.FFmpegError):
                self._source.seek(int((start - SEARCH_SECONDS) * 1_000_000))
        packets = self._source.demux(*self._source.streams.audio)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # The pictures come from the same file, and there it is an error.
                return
            if packet is None:
                return
            time = packet.dts if packet.pts is None else packet.pts
            if time is None or packet.time_base is None:
                continue
            begins = time * packet.time_base
            if start is not None and begins < start:
                continue
            if packet.is_discard and begins < self._recording.zero_seconds - PRIMING_SECONDS:
                continue  # It was cut away, and only MP4 can go on hiding it.
            if end is not None and begins + (packet.duration or 0) * packet.time_base > end:
                continue
            yield begins, cast("av.Packet[AudioStream]", packet)

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)


class _Track(Protocol):
    stream: Any

    def take(
        self, packet: av.Packet[AudioStream], zero_seconds: Fraction
    ) -> list[av.Packet[AudioStream]]:
        """What becomes of a packet, so much earlier."""
        ...

    def rest(self) -> list[av.Packet[AudioStream]]:
        """What is left at the end."""
        ...


class _Copied:
    def __init__(self, container: OutputContainer, source: AudioStream) -> None:
        """Raises ValueError if the container cannot hold the codec."""
        self.stream = container.add_stream_from_template(source)
        self._last_ticks: int | None = None

    def take(
        self, packet: av.Packet[AudioStream], zero_seconds: Fraction
    ) -> list[av.Packet[AudioStream]]:
        assert packet.time_base is not None
        given = packet.pts if packet.dts is None else packet.dts
        assert given is not None
        ticks = given - round(zero_seconds / packet.time_base)
        if self._last_ticks is not None:
            # A muxer gives up where time goes back, as it does in some streams that were joined.
            ticks = max(ticks, self._last_ticks + 1)
        packet.dts = packet.pts = self._last_ticks = ticks
        packet.stream = self.stream
        return [packet]

    def rest(self) -> list[av.Packet[AudioStream]]:
        return []


class _Encoded:
    def __init__(self, container: OutputContainer, source: AudioStream, encoder: str) -> None:
        stream = container.add_stream(encoder, rate=SAMPLES_PER_SECOND)
        self.stream = cast("AudioStream", stream)
        channels = min(source.channels, 2)
        self.stream.layout = ("mono", "stereo")[channels - 1]
        self.stream.bit_rate = BITS_PER_CHANNEL * channels
        self._source = source

    def take(
        self, packet: av.Packet[AudioStream], zero_seconds: Fraction
    ) -> list[av.Packet[AudioStream]]:
        import av

        try:
            frames = self._source.codec_context.decode(packet)
        except av.InvalidDataError:
            return []
        encoded = []
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(zero_seconds / frame.time_base)
            encoded += self.stream.encode(frame)
        return encoded

    def rest(self) -> list[av.Packet[AudioStream]]:
        return self.stream.encode(None)
