"""Checks whether a packet begins with an AC-3 or E-AC-3 frame. MP4's muxer refuses others.

ETSI TS 102 366 (ATSC A/52), clauses 4.3 and E.1.2: the synchronization and bit stream information.
"""

from __future__ import annotations

from typing import Final

_SYNC: Final = b"\x0b\x77"
_LEAST_BYTES: Final = 7
_LAST_AC3: Final = 10
"""The bit stream identification of E-AC-3 is higher, up to `_LAST`."""
_LAST: Final = 16
_MOST_SIZES: Final = 37
_RESERVED: Final = 3


def begins_a_frame(data: bytes) -> bool:
    """Whether the header is valid, as far as needed for the frame's length."""
    if len(data) < _LEAST_BYTES or data[:2] != _SYNC:
        return False
    rate, identification = data[4] >> 6, data[5] >> 3
    if identification > _LAST:
        return False
    if identification <= _LAST_AC3:
        return rate != _RESERVED and data[4] & 0x3F <= _MOST_SIZES
    is_rate_known = rate != _RESERVED or data[4] >> 4 & 3 != _RESERVED
    length = 2 * (((data[2] & 7) << 8 | data[3]) + 1)
    return data[2] >> 6 != _RESERVED and is_rate_known and length >= _LEAST_BYTES
