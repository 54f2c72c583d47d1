"""The states of a run."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Sinks get new pictures of the person only while `SHOWING`; else slates, or nothing new."""

    STARTING = "the slate, until the network is open"
    SHOWING = "pictures as they come"
    HOLDING = "the last picture stays: no good one has come for a moment"
    SLATE = "the slate: no good picture has come for longer"
    FROZEN = "the last picture again, as the user chose"
    PAUSED = "the slate, as the user chose"
    IDLE = "the slate, since nobody watches and the camera is off"
    ENDED = "nothing"
