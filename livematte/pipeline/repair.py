"""The renderer of a run, replaced when it fails or hangs, or when the user chooses another."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from livematte.errors import LivematteError, RenderError, UsageError
from livematte.pipeline.health import Health
from livematte.pipeline.pending_threads import PendingThreads
from livematte.pipeline.render_thread import RenderThread
from livematte.pipeline.stall_timing import AwakeClock, StallTimer
from livematte.threads.request import Request, RunEndedError

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.pipeline.frame_queue import FrameQueue
    from livematte.pipeline.scene import Scene
    from livematte.render.renderer import OpenedRenderer
    from livematte.sources import Source

Opening = Callable[["Size"], "OpenedRenderer"]
"""Opens a renderer for frames of a size; called in its thread."""

JOIN_SECONDS: Final = 0.4
"""How long to wait for a thread to end; one that hangs in a driver is abandoned."""

FAILING_SECONDS: Final = 1.0
"""A renderer that fails on every frame for this long is reopened."""

DOUBTING_SECONDS: Final = 8.0
"""The same if every matte is refused, as when a device computes nonsense. Longer, since the person
can be the cause, and then moves."""

HANGING_SECONDS: Final = 4.0
"""A renderer that works on one frame for this long is abandoned."""

REOPENING_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)
"""The least time between restarts, after the first, the second, ... A renderer can recover by
itself."""

RETRY_SECONDS: Final = 0.5
"""The same if the renderer could not even be opened."""

MENDED_SECONDS: Final = 60.0
"""A renderer that has run for this long counts as repaired."""


class Renderers:
    """The current renderer, and its repair. Main thread only, except `exchange`.

    current: the thread that renders.
    """

    def __init__(
        self,
        source: Source,
        waiting: FrameQueue,
        scene: Callable[[], Scene],
        openings: tuple[Opening, Opening | None],
        health: Health,
        clock: AwakeClock,
        pending: PendingThreads,
        on_trouble: Callable[[str], None],
    ) -> None:
        """source: if it is live, failures are repaired; otherwise they are raised.

        waiting: its frames. scene: the current scene.
        openings: opens the renderer, and opens the fallback for when it fails again.
        """
        self._source = source
        self._waiting = waiting
        self._scene = scene
        self._opening, self._fallback = openings
        self._health = health
        self._clock = clock
        self._pending = pending
        self._on_trouble = on_trouble
        self.current = self._make(self._opening)
        self._given_up: list[RenderThread] = []
        self._was_open = False
        self._reopened = 0
        self._reopened_seconds = -RETRY_SECONDS
        self._asked: Request[Opening] | None = None
        self._former: Opening | None = None
        """Reopened if the requested renderer cannot be opened."""
        self._lock = threading.Lock()

    def _make(self, opening: Opening) -> RenderThread:
        source, clock = self._source, self._clock
        return RenderThread(
            lambda: opening(source.size),
            self._waiting,
            self._scene,
            lambda: clock.seconds,
            live=source.live,
        )

    def start(self) -> None:
        self._pending.start(self.current.start)

    def stop(self) -> None:
        """Close all renderers, and wait briefly for their threads."""
        for each in (*self._given_up, self.current):
            each.stop()
        for each in (*self._given_up, self.current):
            each.join(JOIN_SECONDS)
        with self._lock:
            asked, self._asked = self._asked, None
        if asked is not None:
            asked.end(RunEndedError())

    def exchange(self, opening: Opening) -> Request[Opening]:
        """Change the renderer of a live run; from any thread, one change at a time.

        If the other one cannot be opened, the former one is used again.

        Raises `UsageError` if another change is in progress.
        """
        asked = Request(opening)
        with self._lock:
            if self._asked is not None:
                raise UsageError("The device is already being changed.", "Wait until it is done.")
            self._asked = asked
        return asked

    def mend(self, timer: StallTimer) -> None:
        """Reopen a renderer that ended, keeps failing, or hangs."""
        self._given_up = [each for each in self._given_up if not each.join(0)]
        if self._exchange():
            return
        rendering, now = self.current, self._clock.seconds
        self._was_open |= rendering.choice is not None
        if rendering.error is not None and not (self._source.live and self._was_open):
            raise rendering.error
        if rendering.refusal is not None:
            self._health.failed(rendering.refusal, now)
        if rendering.error is not None:
            if now - self._reopened_seconds > RETRY_SECONDS:
                self._reopen(rendering.error)
            return
        kept_seconds = REOPENING_SECONDS[min(self._reopened, len(REOPENING_SECONDS)) - 1]
        if self._reopened and now - self._reopened_seconds < kept_seconds:
            return
        hanging_seconds = rendering.oldest_seconds() or 0.0
        if self._is_failing_for_long(now):
            assert self._health.last_failure is not None
            self._reopen(self._health.last_failure)
        elif self._source.live and hanging_seconds > timer.stretched(HANGING_SECONDS):
            problem = f"The network has not responded for {hanging_seconds:.0f} seconds."
            self._reopen(RenderError(problem, "Try another --device."))

    def _is_failing_for_long(self, now: float) -> bool:
        failing_since = self._health.failing_since_seconds
        doubting_since = self._health.doubting_since_seconds
        return (failing_since is not None and now - failing_since > FAILING_SECONDS) or (
            doubting_since is not None and now - doubting_since > DOUBTING_SECONDS
        )

    def _reopen(self, why: BaseException) -> None:
        """Replace the renderer with a new one."""
        now = self._clock.seconds
        if now - self._reopened_seconds > MENDED_SECONDS:
            self._reopened = 0
        use_fallback = self._reopened >= 1 and self._fallback is not None
        self._reopened += 1
        self._reopened_seconds = now
        problem = why.problem if isinstance(why, LivematteError) else str(why) or repr(why)
        where = " on the CPU" if use_fallback else ""
        self._on_trouble(f"{problem.rstrip('.')}. Restarting the network{where}.")
        del why
        if use_fallback and self._fallback is not None:
            # For good: a device that failed twice would fail a third time.
            self._opening = self._fallback
        self._replace(self._opening)

    def _replace(self, opening: Opening) -> None:
        """Open another renderer, once the current one has ended."""
        self._health.forget()
        given_up = self.current
        given_up.stop()
        self._given_up.append(given_up)

        def open_after_it(size: Size) -> OpenedRenderer:
            # The device may not have room for two at once. The first one's errors keep it alive
            # through tracebacks, in cycles whose size Python does not know.
            given_up.join(JOIN_SECONDS)
            given_up.forget()
            gc.collect()
            return opening(size)

        self.current = self._make(open_after_it)
        self.start()

    # --- another that was asked for

    def _exchange(self) -> bool:
        """Continue a requested change; returns whether it is still in progress."""
        asked = self._asked
        if asked is None:
            return False
        if self._former is None:
            if self.current.choice is None and self.current.error is None:
                return False  # one is being opened
            self._former = self._opening
            self._opening = asked.wanted
            self._replace(asked.wanted)
            return True
        if self.current.error is None and self.current.choice is None:
            return True
        former, self._former = self._former, None
        self._reopened = 0
        if (error := self.current.error) is not None:
            self._opening = former
            self._replace(former)
        with self._lock:
            self._asked = None
        asked.end(error)
        return False
