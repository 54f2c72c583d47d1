"""Runs one renderer in its own thread, and tracks its frames in flight."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from livematte.threads.start import start

if TYPE_CHECKING:
    from livematte.frame import Frame, Rendered
    from livematte.pipeline.frame_queue import FrameQueue
    from livematte.pipeline.scene import Scene
    from livematte.render.renderer import OpenedRenderer, Renderer

POLL_SECONDS: Final = 0.02
"""How long the thread waits for the renderer before it checks whether to stop."""


class Flight(NamedTuple):
    """A submitted frame, and when it was submitted, by the thread's `clock`."""

    frame: Frame
    submitted_seconds: float


class RenderThread:
    """Opens a renderer, submits frames to it, and closes it. Another thread collects.

    choice: the renderer, once it is open.
    error: the error that ended the thread; None if it was stopped, or has not ended.
    refusal: why the last frame of a live source could not be submitted; None if it could.
    all_submitted: set when no frame will follow.
    """

    def __init__(
        self,
        open_renderer: Callable[[], OpenedRenderer],
        waiting: FrameQueue,
        scene: Callable[[], Scene],
        clock: Callable[[], float],
        *,
        live: bool,
    ) -> None:
        """open_renderer: called in the thread.

        waiting: the queue of frames.
        scene: the current scene; frames of a live source are not rendered while it is a slate.
        live: skip a frame that the renderer refuses and try the next; otherwise it ends the thread.
        """
        self.choice: OpenedRenderer | None = None
        self.error: BaseException | None = None
        self.refusal: Exception | None = None
        self.all_submitted = threading.Event()
        self._open_renderer: Callable[[], OpenedRenderer] | None = open_renderer
        self._waiting = waiting
        self._scene = scene
        self._clock = clock
        self._live = live
        self._in_flight: deque[Flight] = deque()
        self._collected = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="render", daemon=True)

    def start(self) -> None:
        """Raises `NoThreadError` if the system cannot start a thread; try again later."""
        start(self._thread)

    def stop(self) -> None:
        """End soon, and close the renderer; frames in flight may be lost."""
        self._stopping.set()
        self._collected.set()
        self._waiting.wake()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the thread to end; returns whether it has."""
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def forget(self) -> None:
        """Release the renderer, so that its memory is freed once the thread has ended too."""
        self.choice = self.error = self.refusal = None
        self._in_flight.clear()

    @property
    def is_working(self) -> bool:
        """Whether a submitted frame has not been collected yet."""
        return bool(self._in_flight)

    def oldest_seconds(self) -> float | None:
        """How long the oldest frame has been in flight; None if there is none."""
        try:
            return self._clock() - self._in_flight[0].submitted_seconds
        except IndexError:
            return None

    def landed(self, picture: Rendered) -> Flight | None:
        """The frame of a collected picture; None if the picture was not expected.

        Earlier frames in flight are dropped: pictures come in order.
        """
        self._collected.set()
        while self._in_flight:
            flight = self._in_flight.popleft()
            if flight.frame.index >= picture.index:
                return flight if flight.frame.index == picture.index else None
        return None

    def lost(self) -> Flight | None:
        """Remove the oldest frame in flight after collecting failed, and return it, if any."""
        flight = self._in_flight.popleft() if self._in_flight else None
        self._collected.set()
        return flight

    def _run(self) -> None:
        opening, self._open_renderer = self._open_renderer, None  # may hold the former renderer
        assert opening is not None, "a thread is started once"
        try:
            self.choice = opening()
            del opening
            renderer = self.choice.renderer
            try:
                self._submit_all(renderer)
            finally:
                renderer.close()
        except BaseException as error:
            self.error = error

    def _submit_all(self, renderer: Renderer) -> None:
        while (frame := self._waiting.take(lambda: not self._stopping.is_set())) is not None:
            try:
                if self._is_let_go(frame):
                    continue
                self._submit(renderer, frame)
                self.refusal = None
            except Exception as error:
                if not self._live:
                    raise
                self.refusal = error
                self._stopping.wait(POLL_SECONDS)
        self.all_submitted.set()
        self._stopping.wait()

    def _is_let_go(self, frame: Frame) -> bool:
        """While a slate is wanted, drop a camera's frame, but wait with a file's."""
        while self._scene().notice and not self._stopping.is_set():
            if self._live:
                self._waiting.let_go(frame)
                return True
            self._stopping.wait(POLL_SECONDS)
        return False

    def _submit(self, renderer: Renderer, frame: Frame) -> None:
        """Submit `frame`, or a newer one if that comes before the renderer has room."""
        while not self._stopping.is_set():
            # A live frame waits here, where a newer one can replace it, not in the renderer.
            if self._live and not renderer.wait_until_ready(POLL_SECONDS):
                continue
            frame = self._waiting.newer_than(frame)
            self._collected.clear()
            # Before submit, since the picture may be collected before submit returns.
            flight = Flight(frame, self._clock())
            self._in_flight.append(flight)
            try:
                scene = self._scene()
                taken = renderer.submit(frame, scene.background, scene.refinement)
            except Exception:
                self._withdraw(flight)
                raise
            if taken:
                return
            self._withdraw(flight)
            self._collected.wait(POLL_SECONDS)

    def _withdraw(self, flight: Flight) -> None:
        if self._in_flight and self._in_flight[-1] is flight:
            self._in_flight.pop()
