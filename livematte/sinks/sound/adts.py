"""Broadcast AAC: each packet begins with a header that describes it.

ISO/IEC 13818-7, section 6.2: the Audio Data Transport Stream.
"""

from __future__ import annotations

from typing import Final, NamedTuple

HEADER_BYTES: Final = 7
LOW_COMPLEXITY: Final = 1

ADTS_LAYOUTS: Final = {1: "mono", 2: "stereo", 6: "5.1"}
"""FFmpeg's names of channel configurations."""

_RATES: Final = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050),
    *(16_000, 12_000, 11_025, 8000, 7350),
)


class AdtsHeader(NamedTuple):
    """A packet's profile, sample rate in Hz, and channel configuration."""

    profile: int
    rate: int
    channels: int

    @classmethod
    def of(cls, data: bytes) -> AdtsHeader | None:
        """The header at the start of `data`; None if there is none."""
        if len(data) < HEADER_BYTES or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
            return None
        rate = data[2] >> 2 & 0xF
        if rate >= len(_RATES):
            return None
        return cls(data[2] >> 6, _RATES[rate], (data[2] & 1) << 2 | data[3] >> 6)

    @property
    def is_low_complexity(self) -> bool:
        """Whether this is AAC-LC, the usual profile."""
        return self.profile == LOW_COMPLEXITY

    def before(self, data: bytes) -> bytes:
        """The header followed by `data`. Raises ValueError if that is too long."""
        length = HEADER_BYTES + len(data)
        if length >= 1 << 13:
            raise ValueError("a packet of AAC is too long")
        rate = _RATES.index(self.rate)
        fullness = 0x7FF  # of a variable bit rate
        return (
            bytes(
                (
                    0xFF,
                    0xF1,  # MPEG-4, without a checksum
                    self.profile << 6 | rate << 2 | self.channels >> 2,
                    (self.channels & 3) << 6 | length >> 11,
                    length >> 3 & 0xFF,
                    (length & 7) << 5 | fullness >> 6,
                    (fullness & 0x3F) << 2,
                )
            )
            + data
        )
