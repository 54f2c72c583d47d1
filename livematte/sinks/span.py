"""Which of a recording's sound is wanted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from livematte.media.sound.packets import TimedPacket

if TYPE_CHECKING:
    from livematte.media.video.source import SourceVideo

PRIMING_SECONDS: Final = Fraction(1, 10)
"""A decoder warms up on sound that is not to be heard: 44 ms in Apple's AAC, 80 ms in Opus."""

WARM_UP_SECONDS: Final = Fraction(1, 2)
"""The same for sound that is decoded here, with time to spare."""


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
