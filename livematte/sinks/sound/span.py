"""Selects the part of a recording's sound to keep."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from livematte.media.sound.packets import TimedPacket

if TYPE_CHECKING:
    from livematte.media.video.source import SourceVideo

PRIMING_SECONDS: Final = Fraction(1, 10)
"""A decoder warms up on sound that is not played: 44 ms in Apple's AAC, 80 ms in Opus."""

WARM_UP_SECONDS: Final = Fraction(1, 2)
"""The same for sound that is decoded here, with a margin."""


class Span:
    """The wanted part of a recording."""

    def __init__(self, recording: SourceVideo) -> None:
        self.zero = recording.zero_seconds
        self.start = recording.start_seconds
        self.end = recording.end_seconds

    def has_all_of(self, timed: TimedPacket) -> bool:
        """Whether the whole packet is wanted."""
        if self.start is not None and timed.begins < self.start:
            return False
        # Only MP4 can keep hiding sound that was cut away.
        if timed.begins < self.zero - PRIMING_SECONDS:
            return False
        return self.end is None or timed.ends <= self.end

    def has_some_of(self, timed: TimedPacket) -> bool:
        """Whether part of the packet is wanted, or can warm up the decoder."""
        if timed.ends < self.zero - WARM_UP_SECONDS:
            return False
        return self.end is None or timed.begins < self.end
