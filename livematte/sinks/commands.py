"""What the preview and its window, a process of its own, tell each other."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Pressed(NamedTuple):
    """A key was pressed that is not the window's own business: one character."""

    key: str


class Saved(NamedTuple):
    """A snapshot was written."""

    path: Path


class StatusWanted(NamedTuple):
    """Whether the lines of the statistics are to come with the pictures."""

    wanted: bool


class Notes(NamedTuple):
    """What goes with a picture: above all what is written over it, in this window only.

    said: what has just changed, in a few words; "" when that is long enough ago.
    is_recording: whether the mark for it is shown.
    is_mirrored: whether the picture is in the mirror already, for everyone.
    statistics: names and values.
    """

    said: str = ""
    is_recording: bool = False
    is_mirrored: bool = False
    statistics: tuple[tuple[str, str], ...] = ()
