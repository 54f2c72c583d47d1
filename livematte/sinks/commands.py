"""What a person asks for in the preview, and what its window's process tells of it."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import NamedTuple


class Command(enum.Enum):
    """What a person asked for that is not the window's own business."""

    QUIT = enum.auto()
    NEXT_BACKGROUND = enum.auto()


class Asked(NamedTuple):
    """A key was pressed that means a command."""

    command: Command


class Saved(NamedTuple):
    """A snapshot was written."""

    path: Path


class StatusWanted(NamedTuple):
    """Whether the lines of the statistics are to come with the pictures."""

    wanted: bool
