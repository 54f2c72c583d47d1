"""One timeline for a file whose own times begin anew, as those of joined recordings do."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

BACK_SECONDS: Final = Fraction(1, 10)
"""Packets come in the order of their decoding times; one that is this much before the last one
belongs to another clock."""

GAP_SECONDS: Final = 10
"""The same of one that is so far ahead, where clocks may change: FFmpeg's `dts_delta_threshold`."""

LATE_SECONDS: Final = 1
"""How far apart pictures and sound may end where recordings were joined. And for so long after a
change sound of the clock before it may come: streams are cut into packets one by one, and the last
packet is complete only when more comes."""

TS_DISCONT: Final = 0x0200
"""AVFMT_TS_DISCONT: the clock of such containers may change, as that of broadcasts does."""


class Timeline:
    """Gives packets times that go on where those of the file begin anew.

    Every packet of a file must come by, in the file's order: then whoever reads it gets the same
    times. The clock is that of the pictures. Where it changes, sound changes with it, so that it
    stays with its pictures; sound whose times jump alone moves no picture.
    """

    def __init__(self, container: InputContainer) -> None:
        self._may_change = may_change(container)
        self._offset = self._offset_before = Fraction(0)
        self._last: dict[int, Fraction] = {}
        self._expected: dict[int, Fraction] = {}
        self._alone: dict[int, Fraction] = {}
        """How far tracks of sound are moved that jumped before the pictures do, or without them."""
        self._behind: set[int] = set()
        """Tracks of sound of which nothing has come since the last change."""
        self.changes = 0
        """How often the clock has changed."""

    def follow(self, packet: av.Packet[Any]) -> None:
        """Put `packet` where it belongs; packets without times stay so."""
        tick = packet.time_base
        if not tick:
            return
        offset, kind = self._offset, packet.stream.type
        if packet.dts is not None and kind in ("video", "audio"):
            index, told = packet.stream_index, packet.dts * tick
            place = self._place_picture if kind == "video" else self._place_sound
            offset = place(index, told)
            before, now = self._last.get(index), told + offset
            lasts = (packet.duration or 0) * tick
            if not lasts and before is not None:
                lasts = max(now - before, Fraction(0))
            self._last[index], self._expected[index] = now, now + lasts
            if packet.pts is not None:
                ahead = (packet.pts - packet.dts) * tick
                if not -BACK_SECONDS <= ahead <= GAP_SECONDS:
                    packet.pts = None  # FFmpeg has made it up of the other clock's times
        if offset:
            ticks = round(offset / tick)
            if packet.pts is not None:
                packet.pts += ticks
            if packet.dts is not None:
                packet.dts += ticks

    def _place_picture(self, index: int, told: Fraction) -> Fraction:
        """How far a packet is moved that says that it is decoded when it is `told`."""
        if self._jumps(index, told + self._offset):
            own = self._expected[index] - told
            # Where sound was first and went on a little longer, pictures follow it.
            near = (each for each in self._alone.values() if 0 <= each - own < LATE_SECONDS)
            self._offset_before, self._offset = self._offset, next(near, own)
            self._behind = set(self._expected) - set(self._alone)
            self._alone.clear()
            self._changed_seconds = told + self._offset
            self.changes += 1
        elif self._behind and told + self._offset > self._changed_seconds + LATE_SECONDS:
            self._behind.clear()
        return self._offset

    def _place_sound(self, index: int, told: Fraction) -> Fraction:
        expected = self._expected.get(index)
        if expected is None:
            return self._offset
        if index in self._behind:
            if abs(told + self._offset_before - expected) < BACK_SECONDS:
                return self._offset_before
            self._behind.discard(index)
        if index in self._alone:
            if abs(told + self._offset - expected) < BACK_SECONDS:
                del self._alone[index]
        elif self._jumps(index, told + self._offset):
            self._alone[index] = expected - told
        return self._alone.get(index, self._offset)

    def _jumps(self, index: int, seconds: Fraction) -> bool:
        return seconds < self._last.get(index, seconds) - BACK_SECONDS or (
            self._may_change and seconds > self._expected.get(index, seconds) + GAP_SECONDS
        )


def may_change(container: InputContainer) -> bool:
    """Whether the clock of such a container may change."""
    return bool(container.format.flags & TS_DISCONT)
