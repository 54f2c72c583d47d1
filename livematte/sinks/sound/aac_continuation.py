"""Encodes the sound that follows copied AAC but cannot be copied into the same track."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from livematte.media.sound.channels import LAYOUTS
from livematte.media.sound.steady import SteadySound
from livematte.sinks.sound.adts import ADTS_LAYOUTS, AdtsHeader
from livematte.sinks.sound.recoding import BITS_PER_CHANNEL, Decoded, Recoded
from livematte.sinks.sound.span import Span

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream


class SoundChangesError(Exception):
    """The following sound cannot be copied into the same track."""


class AacContinuation(Recoded):
    """Encodes sound that follows copied AAC as AAC of the same kind, as the track's header says."""

    def __init__(
        self, source: AudioStream, span: Span, header: AdtsHeader, begins: Fraction
    ) -> None:
        """Raises `SoundChangesError` if that kind of AAC cannot be encoded."""
        import av

        self.begins = begins
        self._zero = span.zero
        layout = ADTS_LAYOUTS.get(header.channels)
        if layout is None or not header.is_low_complexity:
            raise SoundChangesError(f"its format changes at {float(begins - span.zero):.1f} s")
        self._header = header
        sound = SteadySound(layout, header.rate, begins - span.zero)
        super().__init__(
            Decoded(source, span, sound), position=round((begins - span.zero) * header.rate)
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
            # The first packets are the encoder's warm-up, before `begins`.
            if each.pts is None or each.pts * each.time_base < self.begins - self._zero:
                continue
            packet = cast("av.Packet[AudioStream]", av.Packet(self._header.before(bytes(each))))
            packet.pts = packet.dts = each.pts
            packet.duration, packet.time_base = each.duration, each.time_base
            packet.is_keyframe = True
            yield packet
