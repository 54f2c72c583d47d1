"""Writes one audio track: its packets are copied, or decoded and encoded again."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, cast

from livematte.media.sound.channels import LAYOUTS
from livematte.media.sound.packets import TimedPacket
from livematte.media.sound.steady import SAMPLES_PER_SECOND, SteadySound
from livematte.sinks.sound.aac_continuation import AacContinuation, SoundChangesError
from livematte.sinks.sound.ac3 import begins_a_frame
from livematte.sinks.sound.adts import AdtsHeader
from livematte.sinks.sound.recoding import BITS_PER_CHANNEL, Decoded, Recoded
from livematte.sinks.sound.span import Span

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import OutputContainer


class Track(Protocol):
    stream: AudioStream
    name: str
    faults: int
    """How many packets in a row failed to be written."""

    def take(self, timed: TimedPacket) -> Iterator[av.Packet[AudioStream]]:
        """The new packets for a packet."""
        ...

    def end_at(self, seconds: Fraction | None) -> None:
        """Drop sound after `seconds`; None for no limit."""
        ...

    def rest(self) -> Iterator[av.Packet[AudioStream]]:
        """The remaining packets at the end."""
        ...

    @property
    def problem(self) -> str:
        """What went wrong, in a sentence, or ""."""
        ...


class CopiedTrack:
    """Copies packets. Raises `SoundChangesError` if the format changes.

    An exception is AAC whose format changes, as on television between programmes: the rest is
    encoded in the first format.
    """

    def __init__(self, container: OutputContainer, source: AudioStream, span: Span) -> None:
        """Raises ValueError if the container cannot hold the codec."""
        self.stream = container.add_stream_from_template(source)
        self.name = ""
        self.faults = 0
        self._source = source
        self._span = span
        self._tick = source.time_base or Fraction(1, SAMPLES_PER_SECOND)
        # These muxers refuse a packet with the time of the one before, which rounding can cause.
        self._shortest_step = 0
        if container.format.name in ("mp4", "mov"):
            # Their ticks are samples.
            self._tick = min(self._tick, Fraction(1, max(1, source.codec_context.sample_rate)))
            self._shortest_step = 1
        self._last_ticks: int | None = None
        self._header: AdtsHeader | None = None
        self._odd: TimedPacket | None = None
        self._continuation: AacContinuation | None = None
        is_ac3 = source.codec_context.name in ("ac3", "eac3")
        self._refuses_broken_ac3 = is_ac3 and container.format.name in ("mp4", "mov")
        self._refused = 0

    @property
    def problem(self) -> str:
        if self._refused:
            return f"{_damaged(self._refused, self.name)} left out"
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
        if self._refuses_broken_ac3 and not begins_a_frame(bytes(timed.packet)[:8]):
            self._refused += 1
            return
        header = AdtsHeader.of(bytes(timed.packet)[:7]) if self._is_adts else None
        if header is None or self._header is None or header == self._header:
            self._header = self._header or header
            odd, self._odd = self._odd, None
            for each in (odd, timed):
                if each is not None:
                    yield from self._copy(each)
        elif self._odd is None:
            self._odd = timed  # maybe it is only damaged
        else:
            self._continuation = AacContinuation(
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
        """Make times increase."""
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


def _damaged(count: int, name: str) -> str:
    which = "sound" if name == "it" else name
    return (
        f"{count} damaged {f'packets of {which} were' if count > 1 else f'packet of {which} was'}"
    )


class EncodedTrack(Recoded):
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
        super().__init__(Decoded(source, span, SteadySound(layout)))

    @property
    def problem(self) -> str:
        if not self._decoded.has_any:
            return f"Sound left out: {self.name} cannot be decoded"
        damaged = self._decoded.damaged
        return f"{_damaged(damaged, self.name)} replaced by silence" if damaged else ""

    @property
    def _has_begun(self) -> bool:
        return self._position > 0

    def _encode(self, frame: av.AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        yield from self.stream.encode(frame)
