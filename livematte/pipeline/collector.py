"""Collects pictures from the renderer, and lets only good ones through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from livematte.errors import MatteError, RenderError
from livematte.pipeline.health import Health
from livematte.pipeline.picture_guard import PictureGuard
from livematte.pipeline.render_thread import RenderThread
from livematte.pipeline.scene import Scene
from livematte.pipeline.slate import backdrop
from livematte.pipeline.stall_timing import AwakeClock, StallTimer

if TYPE_CHECKING:
    from livematte.frame import Frame, Rendered
    from livematte.sources import Source

COLLECT_SECONDS: Final = 0.02
"""How long to wait for a picture before the main thread does its other work."""


class Collector:
    """Collects and checks pictures; main thread only.

    health: what is wrong with the pictures of a live source.
    timer: how long pictures take, and when the last good one came.
    """

    def __init__(
        self,
        source: Source,
        clock: AwakeClock,
        scene: Callable[[], Scene],
        stall_after_seconds: float,
        on_doubt: Callable[[Frame, MatteError], None],
    ) -> None:
        """clock: ticked by the main thread.

        stall_after_seconds: a picture that took longer is late, unless all pictures do.
        on_doubt: called for frames of a file that have no usable matte.
        """
        self.health = Health()
        self.timer = StallTimer(clock)
        self._source = source
        self._clock = clock
        self._scene = scene
        self._stall_after_seconds = stall_after_seconds
        self._on_doubt = on_doubt
        self._guard: PictureGuard | None = None

    @property
    def now_seconds(self) -> float:
        return self._clock.seconds

    def begin(self) -> None:
        """The source is open."""
        self._guard = PictureGuard(self._source.size)

    def next(self, rendering: RenderThread) -> Rendered | None:
        """The next picture if it is done in time and good; problems are noted in `health`.

        For files all errors are raised, except a wrong matte: its frame becomes the background
        only.
        """
        assert rendering.choice is not None, "a renderer is open"
        try:
            picture = rendering.choice.renderer.collect(COLLECT_SECONDS)
        except MatteError as error:
            return self._without_matte(rendering, error)
        except Exception as error:
            if not self._source.live:
                raise
            rendering.lost()
            self.health.failed(error, self._clock.seconds)
            return None
        if picture is None or not self._is_sound(rendering, picture):
            return None
        return picture

    def _without_matte(self, rendering: RenderThread, error: MatteError) -> Rendered | None:
        flight = rendering.lost()
        if flight is None:
            if not self._source.live:
                raise error
            self.health.failed(error, self._clock.seconds)
            return None
        if not self._source.live:
            self._on_doubt(flight.frame, error)
            picture = backdrop(flight.frame, self._scene().background)
            self._source.recycle(flight.frame)
            return picture
        self._source.recycle(flight.frame)
        self.timer.took(self._clock.seconds - flight.submitted_seconds)
        self.health.doubted(error, self._clock.seconds)
        return None

    def _is_sound(self, rendering: RenderThread, picture: Rendered) -> bool:
        flight = rendering.landed(picture)
        if flight is None:
            error = RenderError(
                f"The renderer returned an unexpected picture, of frame {picture.index}.",
                "Try another --device.",
            )
            if not self._source.live:
                raise error
            self.health.failed(error, self._clock.seconds)
            return False
        self._source.recycle(flight.frame)
        if not self._source.live:
            return True
        assert self._guard is not None, "begin() comes first"
        seconds = self._clock.seconds - flight.submitted_seconds
        self.timer.took(seconds)
        is_late = seconds > self.timer.stretched(self._stall_after_seconds)
        problem = (
            "The matte came too late"
            if is_late
            else self._guard.problem(picture, self._clock.seconds)
        )
        self.health.judged(problem)
        if not problem:
            self.timer.shown()
        return not problem
