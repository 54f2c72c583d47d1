"""Messages between the preview and its window, which runs in its own process."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Pressed(NamedTuple):
    """The user pressed a key that the window does not handle itself: one character."""

    key: str


class Saved(NamedTuple):
    """A snapshot was written."""

    path: Path


class StatusWanted(NamedTuple):
    """Whether to send the lines of the statistics with the pictures."""

    wanted: bool


class Notes(NamedTuple):
    """Sent with each picture: mostly the text drawn over it, in this window only.

    said: the latest change, in a few words; "" when it is no longer shown.
    is_recording: whether to show the recording mark.
    is_mirrored: whether the picture is already mirrored, for everyone.
    statistics: names and values.
    """

    said: str = ""
    is_recording: bool = False
    is_mirrored: bool = False
    statistics: tuple[tuple[str, str], ...] = ()
