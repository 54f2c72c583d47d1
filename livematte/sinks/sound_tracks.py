"""What becomes of one track of sound: its packets are copied, or made anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Protocol, cast

from livematte.media.channels import LAYOUTS
from livematte.media.sound_packets import TimedPacket
from livematte.media.steady_sound import SAMPLES_PER_SECOND, Samples, SteadySound, decode
from livematte.sinks.adts import ADTS_LAYOUTS, AdtsHeader

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

    from livematte.media.source_video import SourceVideo

PRIMING_SECONDS: Final = Fraction(1, 10)
"""A decoder warms up on sound that is not to be heard: 44 ms in Apple's AAC, 80 ms in Opus."""

WARM_UP_SECONDS: Final = Fraction(1, 2)
"""The same for sound that is decoded here, with time to spare."""

BITS_PER_CHANNEL: Final = 96_000


class Span:
    """What is wanted of a recording."""

    def __init__(self, recording: SourceVideo) -> None:
        self.zero = recording.zero_seconds
        self.start = recording.start_seconds
        self.end = recording.end_seconds

    def has_all_of(self, timed: TimedPacket) -> bool:
        """Whether a packet is wanted as a whole."""
        if self.start is not None and timed.begins < self.start:
            return False
        # What was cut away only MP4 can go on hiding.
        if timed.begins < self.zero - PRIMING_SECONDS:
            return False
        return self.end is None or timed.ends <= self.end

    def has_some_of(self, timed: TimedPacket) -> bool:
        """Whether a packet is wanted, or may warm up the decoder."""
        if timed.ends < self.zero - WARM_UP_SECONDS:
            return False
        return self.end is None or timed.begins < self.end


class Track(Protocol):
    stream: AudioStream
    name: str
    faults: int
    """How many packets in a row could not be written."""

    def take(self, timed: TimedPacket) -> Iterator[av.Packet[AudioStream]]:
        """What becomes of a packet."""
        ...

    def end_at(self, seconds: Fraction | None) -> None:
        """Make nothing that is heard later; None for no such time."""
        ...

    def rest(self) -> Iterator[av.Packet[AudioStream]]:
        """What is left at the end."""
        ...

    @property
    def problem(self) -> str:
        """What was wrong with it, in a sentence, or ""."""
        ...


class CopiedTrack:
    """Copies packets. Raises `SoundChangesError` where those of another kind follow.

    But AAC of another kind, as television has between programmes, is encoded as what it was before.
    """

    def __init__(self, container: OutputContainer, source: AudioStream, span: Span) -> None:
        """Raises ValueError if the container cannot hold the codec."""
        self.stream = container.add_stream_from_template(source)
        self.name = ""
        self.faults = 0
        self._source = source
        self._span = span
        self._tick = source.time_base or Fraction(1, SAMPLES_PER_SECOND)
        # Where a time stands still, as it may where it was rounded, these muxers take no packet.
        self._shortest_step = 0
        if container.format.name in ("mp4", "mov"):
            # They count samples.
            self._tick = min(self._tick, Fraction(1, max(1, source.codec_context.sample_rate)))
            self._shortest_step = 1
        self._last_ticks: int | None = None
        self._header: AdtsHeader | None = None
        self._odd: TimedPacket | None = None
        self._continuation: _AacContinuation | None = None

    @property
    def problem(self) -> str:
        if self._continuation is None:
            return ""
        seconds = float(self._continuation.begins - self._span.zero)
        return f"encoded the sound again as AAC from {seconds:.1f} s on, where its format changes"

    def take(self, timed: TimedPacket) -> Iterator[av.Packet[AudioStream]]:
        if self._continuation is not None:
            yield from self._number(self._continuation.take(timed))
            return
        if not self._span.has_all_of(timed):
            return
        self._require_same_kind(timed)
        header = AdtsHeader.of(bytes(timed.packet)[:7]) if self._is_adts else None
        if header is None or self._header is None or header == self._header:
            self._header = self._header or header
            odd, self._odd = self._odd, None
            for each in (odd, timed):
                if each is not None:
                    yield from self._copy(each)
        elif self._odd is None:
            self._odd = timed  # perhaps it is only damaged
        else:
            self._continuation = _AacContinuation(
                self._source, self._span, self._header, self._odd.begins
            )
            for each in (self._odd, timed):
                yield from self._number(self._continuation.take(each))

    def end_at(self, seconds: Fraction | None) -> None:
        if self._continuation is not None:
            self._continuation.end_at(seconds)

    def rest(self) -> Iterator[av.Packet[AudioStream]]:
        if self._continuation is not None:
            yield from self._number(self._continuation.rest())
        elif self._odd is not None:
            yield from self._copy(self._odd)

    @property
    def _is_adts(self) -> bool:
        context = self._source.codec_context
        return context.name == "aac" and not context.extradata

    def _require_same_kind(self, timed: TimedPacket) -> None:
        packet = timed.packet
        if self._last_ticks is None or not packet.has_sidedata("new_extradata"):
            return
        told = bytes(packet.get_sidedata("new_extradata"))
        if told != (self._source.codec_context.extradata or told):
            seconds = float(timed.begins - self._span.zero)
            raise SoundChangesError(f"its format changes at {seconds:.1f} s")

    def _copy(self, timed: TimedPacket) -> Iterator[av.Packet[AudioStream]]:
        packet = timed.packet
        packet.dts = packet.pts = round((timed.begins - self._span.zero) / self._tick)
        packet.duration = round((timed.ends - timed.begins) / self._tick)
        packet.time_base = self._tick
        yield from self._number(iter((packet,)))

    def _number(
        self, packets: Iterator[av.Packet[AudioStream]]
    ) -> Iterator[av.Packet[AudioStream]]:
        """Have times increase."""
        for packet in packets:
            if packet.pts is None:
                continue
            ticks = round(packet.pts * packet.time_base / self._tick)
            if self._last_ticks is not None:
                ticks = max(ticks, self._last_ticks + self._shortest_step)
            packet.duration = round((packet.duration or 0) * packet.time_base / self._tick)
            packet.dts = packet.pts = self._last_ticks = ticks
            packet.time_base = self._tick
            packet.stream = self.stream
            yield packet


class SoundChangesError(Exception):
    """What follows cannot be copied into the same track."""


class _Decoded:
    """Decodes packets to a steady stream of samples."""

    def __init__(self, source: AudioStream, span: Span, sound: SteadySound) -> None:
        self.sound = sound
        self.damaged = 0
        """How many packets could not be decoded."""
        self.has_any = False
        """Whether one could."""
        self._decoder = source.codec_context
        self._span = span
        if span.end is not None:
            sound.limit_seconds = span.end - span.zero

    def take(self, timed: TimedPacket) -> Iterator[Samples]:
        if not self._span.has_some_of(timed):
            return
        packet = timed.packet
        assert packet.time_base is not None
        packet.pts = packet.dts = round(timed.begins / packet.time_base)
        yield from self._decode(packet, is_heard=timed.ends > self._span.zero)

    def end_at(self, seconds: Fraction | None) -> None:
        if seconds is not None:
            self.sound.limit_seconds = seconds

    def rest(self) -> Iterator[Samples]:
        yield from self._decode(None, is_heard=False)
        yield from self.sound.rest()

    def _decode(
        self, packet: av.Packet[AudioStream] | None, *, is_heard: bool
    ) -> Iterator[Samples]:
        heard, is_whole = decode(self._decoder, packet)
        for each in heard:
            self.has_any = True
            if each.begins is not None:
                each.begins -= self._span.zero
            yield from self.sound.put(each)
        if not is_whole:
            self.damaged += is_heard
            self.sound.note_gap()


class _Recoded(ABC):
    """Decodes packets and encodes them again; with what, and for what, subclasses know."""

    def __init__(self, decoded: _Decoded, position: int = 0) -> None:
        """position: of the first sample, in samples."""
        self._decoded = decoded
        self._position = position

    def take(self, timed: TimedPacket) -> Iterator[av.Packet[AudioStream]]:
        """What becomes of a packet."""
        for block in self._decoded.take(timed):
            yield from self._encode_block(block)

    def end_at(self, seconds: Fraction | None) -> None:
        """Make nothing that is heard later; None for no such time."""
        self._decoded.end_at(seconds)

    def rest(self) -> Iterator[av.Packet[AudioStream]]:
        """What is left at the end."""
        for block in self._decoded.rest():
            yield from self._encode_block(block)
        if self._has_begun:
            yield from self._encode(None)

    def _encode_block(self, block: Samples) -> Iterator[av.Packet[AudioStream]]:
        import av

        sound = self._decoded.sound
        frame = av.AudioFrame.from_ndarray(block, "fltp", sound.layout)
        frame.sample_rate = sound.rate
        frame.pts, frame.time_base = self._position, Fraction(1, sound.rate)
        self._position += block.shape[1]
        yield from self._encode(frame)

    @property
    @abstractmethod
    def _has_begun(self) -> bool:
        """Whether the encoder has had anything to encode."""

    @abstractmethod
    def _encode(self, frame: av.AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        """The encoder's packets for a frame; None for what it still holds."""


class EncodedTrack(_Recoded):
    """Decodes packets and encodes them again."""

    def __init__(
        self,
        container: OutputContainer,
        source: AudioStream,
        span: Span,
        encoder: str,
        layout: str,
    ) -> None:
        """layout: one of `LAYOUTS`."""
        self.stream = cast("AudioStream", container.add_stream(encoder, rate=SAMPLES_PER_SECOND))
        self.stream.layout = layout
        self.stream.format = "flt" if encoder == "libopus" else "fltp"
        self.stream.bit_rate = BITS_PER_CHANNEL * len(LAYOUTS[layout])
        self.name = ""
        self.faults = 0
        super().__init__(_Decoded(source, span, SteadySound(layout)))

    @property
    def problem(self) -> str:
        if not self._decoded.has_any:
            return f"The sound was left out: {self.name} cannot be decoded"
        damaged = self._decoded.damaged
        if not damaged:
            return ""
        which = "sound" if self.name == "it" else self.name
        packets = f"packets of {which} were" if damaged > 1 else f"packet of {which} was"
        return f"{damaged} damaged {packets} replaced by silence"

    @property
    def _has_begun(self) -> bool:
        return self._position > 0

    def _encode(self, frame: av.AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        yield from self.stream.encode(frame)


class _AacContinuation(_Recoded):
    """Encodes what follows copied AAC as AAC of the same kind, as the header promises."""

    def __init__(
        self, source: AudioStream, span: Span, header: AdtsHeader, begins: Fraction
    ) -> None:
        """Raises `SoundChangesError` if that kind cannot be made."""
        import av

        self.begins = begins
        self._zero = span.zero
        layout = ADTS_LAYOUTS.get(header.channels)
        if layout is None or not header.is_low_complexity:
            raise SoundChangesError(f"its format changes at {float(begins - span.zero):.1f} s")
        self._header = header
        sound = SteadySound(layout, header.rate, begins - span.zero)
        super().__init__(
            _Decoded(source, span, sound), position=round((begins - span.zero) * header.rate)
        )
        self._encoder = av.CodecContext.create("aac", "w")
        self._encoder.layout, self._encoder.rate = layout, header.rate
        self._encoder.format, self._encoder.time_base = "fltp", Fraction(1, header.rate)
        self._encoder.bit_rate = BITS_PER_CHANNEL * len(LAYOUTS[layout])

    @property
    def _has_begun(self) -> bool:
        return self._encoder.is_open

    def _encode(self, frame: av.AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        import av

        for each in self._encoder.encode(frame):
            # The first is what the encoder warms up with, before `begins`.
            if each.pts is None or each.pts * each.time_base < self.begins - self._zero:
                continue
            packet = cast("av.Packet[AudioStream]", av.Packet(self._header.before(bytes(each))))
            packet.pts = packet.dts = each.pts
            packet.duration, packet.time_base = each.duration, each.time_base
            packet.is_keyframe = True
            yield packet
