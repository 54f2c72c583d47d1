"""One timeline for a file whose own times begin anew, as those of joined recordings do."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

BACK_SECONDS: Final = Fraction(1, 10)
"""Packets come in the order of their decoding times; one that is this much before the last one
belongs to another clock."""

GAP_SECONDS: Final = 10
"""The same of one that is so far ahead, where clocks may change: FFmpeg's `dts_delta_threshold`."""

TS_DISCONT: Final = 0x0200
"""AVFMT_TS_DISCONT: the clock of such containers may change, as that of broadcasts does."""


class Timeline:
    """Gives packets times that go on where those of the file begin anew.

    Every packet of a file must come by, in the file's order: then whoever reads it gets the same
    times. Where the clock changes, the first packet goes on from the end of its own stream, and all
    other streams change with it, so that sound stays with its pictures.
    """

    def __init__(self, container: InputContainer) -> None:
        self._may_change = may_change(container)
        self._offset = Fraction(0)
        self._last: dict[int, Fraction] = {}
        self._expected: dict[int, Fraction] = {}
        self.changes = 0
        """How often the clock has changed."""

    def follow(self, packet: av.Packet[Any]) -> None:
        """Put `packet` where it belongs; packets without times stay so."""
        tick = cast("Fraction | None", packet.time_base)
        if tick is None:
            return
        if packet.dts is not None and packet.stream.type in ("video", "audio"):
            index = packet.stream_index
            seconds = packet.dts * tick + self._offset
            expected = self._expected.get(index, seconds)
            if seconds < self._last.get(index, seconds) - BACK_SECONDS or (
                self._may_change and seconds > expected + GAP_SECONDS
            ):
                self._offset += expected - seconds
                self.changes += 1
                seconds = expected
            self._last[index] = seconds
            self._expected[index] = seconds + (packet.duration or 0) * tick
        if self._offset:
            ticks = round(self._offset / tick)
            if packet.pts is not None:
                packet.pts += ticks
            if packet.dts is not None:
                packet.dts += ticks


def may_change(container: InputContainer) -> bool:
    """Whether the clock of such a container may change."""
    return bool(container.format.flags & TS_DISCONT)
