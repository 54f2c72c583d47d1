"""What a run does at one moment."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Sinks are given pictures of the person while it is `SHOWING`, else slates, or nothing new."""

    STARTING = "no network is open yet: the slate"
    SHOWING = "pictures as they come"
    HOLDING = "no picture that may be shown has come for a moment: the last one stands"
    SLATE = "none has come for longer"
    FROZEN = "the last picture again, as a person wished"
    PAUSED = "the slate, as a person wished"
    IDLE = "the slate, since nobody watches and the camera is off"
    ENDED = "nothing"
