"""Decodes sound and encodes it again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from livematte.media.sound.packets import TimedPacket
from livematte.media.sound.steady import Samples, SteadySound, decode
from livematte.sinks.sound.span import Span

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream

BITS_PER_CHANNEL: Final = 96_000


class Decoded:
    """Decodes packets to a steady stream of samples."""

    def __init__(self, source: AudioStream, span: Span, sound: SteadySound) -> None:
        self.sound = sound
        self.damaged = 0
        """How many packets could not be decoded."""
        self.has_any = False
        """Whether any packet could be decoded."""
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


class Recoded(ABC):
    """Decodes packets and encodes them again. Subclasses provide the encoder."""

    def __init__(self, decoded: Decoded, position: int = 0) -> None:
        """position: of the first sample, in samples."""
        self._decoded = decoded
        self._position = position

    def take(self, timed: TimedPacket) -> Iterator[av.Packet[AudioStream]]:
        """The new packets for a packet."""
        for block in self._decoded.take(timed):
            yield from self._encode_block(block)

    def end_at(self, seconds: Fraction | None) -> None:
        """Drop sound after `seconds`; None for no limit."""
        self._decoded.end_at(seconds)

    def rest(self) -> Iterator[av.Packet[AudioStream]]:
        """The remaining packets at the end."""
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
        """Whether the encoder has received any frame."""

    @abstractmethod
    def _encode(self, frame: av.AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        """The encoder's packets for a frame; None flushes the encoder."""
