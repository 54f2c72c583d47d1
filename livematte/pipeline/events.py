"""Callbacks and limits of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from livematte.errors import MatteError
    from livematte.frame import Frame, Rendered
    from livematte.pipeline.pace import Slow
    from livematte.render.renderer import OpenedRenderer

STALL_AFTER_SECONDS: Final = 0.5
"""After this long without a picture the slate is shown; later if pictures usually take longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """frames: stop after this many pictures; None for no limit.
    stall_after_seconds: show the slate after this long without a new picture.
    """

    frames: int | None = None
    stall_after_seconds: float = STALL_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class PipelineEvents:
    """Callbacks of a run; all are called from the main thread, except `trouble`.

    turn: many times a second, between two pictures.
    ready: once, when the renderer is open.
    sent: after each picture that was sent; it must not keep the picture.
    trouble: with a sentence, from any thread: what failed and what livematte does about it.
    idle: with True when the camera was turned off because nobody watches, False when on again.
    slow: once, if a live run was too slow for a while.
    doubt: for each frame of a file whose matte cannot be right, with the reason; what it raises
        ends the run. Such a frame is sent as the background only.
    """

    turn: Callable[[], None] = lambda: None
    ready: Callable[[OpenedRenderer], None] = lambda _choice: None
    sent: Callable[[Rendered], None] = lambda _picture: None
    trouble: Callable[[str], None] = lambda _sentence: None
    idle: Callable[[bool], None] = lambda _is_off: None
    slow: Callable[[Slow], None] = lambda _slow: None
    doubt: Callable[[Frame, MatteError], None] = lambda _frame, _error: None


NO_LIMITS: Final = Limits()
NO_EVENTS: Final = PipelineEvents()
