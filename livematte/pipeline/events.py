"""Who hears what of a run, and how long it goes on."""

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
"""Without a picture for so long, the slate takes over; later where pictures take longer anyway."""


@dataclass(frozen=True, slots=True)
class Limits:
    """frames: end after so many pictures; None for no end.
    stall_after_seconds: how long at most no new picture is sent before the slate is.
    """

    frames: int | None = None
    stall_after_seconds: float = STALL_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class PipelineEvents:
    """What is called when something happens; all by the main thread, but for `trouble`.

    turn: many times a second, between two pictures.
    ready: once, when the renderer is open.
    sent: after each picture that was sent, which it does not keep.
    trouble: with a sentence, by any thread: what has failed and what is done about it.
    idle: whether the camera was turned off, since nobody watches, or on again.
    slow: once if pictures were too slow for long, of a live source.
    doubt: for each frame of a file whose matte cannot be right, and why; what it raises ends the
        run. Such a frame is sent as the background alone.
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
