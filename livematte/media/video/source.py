"""Timing, colour and sound of a video file, carried over to a video made from it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Protocol

from livematte.media.video.colour import Colour


class SourceVideo(Protocol):
    """The video file that pictures are made from; `VideoFile` is one. Known once it is open.

    Times are the file's own, in seconds: what its packets say.
    """

    @property
    def path(self) -> Path:
        """The file, whose sound goes with the pictures."""
        ...

    @property
    def zero_seconds(self) -> Fraction:
        """The time that is 0 in what is made from it."""
        ...

    @property
    def first_seconds(self) -> Fraction:
        """The time of the first picture, whose `media_seconds` is 0."""
        ...

    @property
    def tick_seconds(self) -> Fraction:
        """The unit that the times of the pictures are whole multiples of."""
        ...

    @property
    def start_seconds(self) -> Fraction | None:
        """Nothing from before this time is wanted; None for everything."""
        ...

    @property
    def end_seconds(self) -> Fraction | None:
        """Nothing that reaches beyond this time is wanted; None for everything."""
        ...

    @property
    def colour(self) -> Colour:
        """What can be encoded and means the same colours."""
        ...

    @property
    def last_seconds(self) -> Fraction | None:
        """The time of the last picture that is wanted; None while more may come."""
        ...

    @property
    def last_duration_seconds(self) -> Fraction | None:
        """How long the last picture is shown; None while more may come, or if it is not told."""
        ...
