"""When packets of sound are heard, where a file's own times are missing, jump or are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

STEADY_SECONDS: Final = Fraction(1, 2)
"""A packet that begins no further from the end of the one before it follows it."""

LONGEST_SECONDS: Final = 60
"""A packet that claims to be longer is not believed: its end is where the next one begins."""

LONGEST_GAP_SECONDS: Final = 3600
"""A longer silence is a clock that was set anew."""

LONGEST_LAST_GAP_SECONDS: Final = 10
"""Before the last packet, after which none says whether its time is right."""


class Timed(NamedTuple, Generic[T]):
    """A packet, from when to when it is heard."""

    begins: Fraction
    ends: Fraction
    packet: T


class PacketTimes(Generic[T]):
    """Gives each packet of one track its time, in seconds.

    Where a time jumps, what comes next says what to think of it: if that goes on from there, there
    is a gap, or the clock has gone back, as in recordings that were joined, and what follows goes
    on from the end; else that one time was wrong.
    """

    def __init__(self, first_seconds: Fraction) -> None:
        """first_seconds: the time of the first packet, if it has none."""
        self._expected = first_seconds
        self._began = False
        self._offset = Fraction(0)
        self._held: tuple[Fraction, Fraction, T] | None = None

    def put(self, packet: T, begins: Fraction | None, lasts: Fraction) -> Iterator[Timed[T]]:
        """The packets whose time is known now, in order.

        begins, lasts: what is told of `packet`; None and 0 where nothing is.
        """
        if not 0 <= lasts <= LONGEST_SECONDS:
            lasts = Fraction(0)
        if self._held is not None:
            yield self._judge(begins)
        time = None if begins is None else self._shifted(begins)
        if time is None:
            yield self._place(packet, self._expected, lasts)
        elif self._is_steady(time):
            yield self._place(packet, time, lasts)
        else:
            assert begins is not None
            self._held = begins, lasts, packet

    def is_told_twice(self, begins: Fraction, lasts: Fraction) -> bool:
        """Whether most of a packet is for a time that is over."""
        return self._began and begins + lasts / 2 < self._expected

    def rest(self) -> Iterator[Timed[T]]:
        """What is still held back."""
        if self._held is not None:
            yield self._judge(None)

    def _is_steady(self, time: Fraction) -> bool:
        if not self._began:
            return time - self._expected <= LONGEST_LAST_GAP_SECONDS
        return abs(time - self._expected) <= STEADY_SECONDS

    def _shifted(self, begins: Fraction) -> Fraction:
        """A time in the file's clock, by the clock of what came before."""
        if self._began and self._offset and abs(begins - self._expected) <= STEADY_SECONDS:
            self._offset = Fraction(0)
        return begins + self._offset

    def _judge(self, following: Fraction | None) -> Timed[T]:
        assert self._held is not None
        begins, lasts, packet = self._held
        self._held = None
        time = begins + self._offset
        ahead = time - self._expected
        if ahead > 0:
            longest = LONGEST_LAST_GAP_SECONDS if following is None else LONGEST_GAP_SECONDS
            goes_on = following is None or following >= begins
            if goes_on and ahead <= longest:
                return self._place(packet, time, lasts)
        else:
            goes_on = following is not None and following >= begins
        if goes_on and following is not None:
            back_in_step = abs(following + self._offset - self._expected) <= STEADY_SECONDS
            if not back_in_step:
                self._offset = self._expected - begins
        return self._place(packet, self._expected, lasts)

    def _place(self, packet: T, begins: Fraction, lasts: Fraction) -> Timed[T]:
        self._began = True
        self._expected = begins + lasts
        return Timed(begins, self._expected, packet)
