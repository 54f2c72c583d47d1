"""The loop: the only file with threads and queues, and the one that decides what is sent.

    capture thread            render thread              main thread
    source.frames()  ──────>  renderer.submit()  ─────>  renderer.collect()  ──>  every sink
               newest frame only               at most `depth`
               (files: every frame)            in flight

The main thread feeds the sinks because windows belong to it. Sinks are given what `collect`
returned or a slate: until the first matte, while the camera is stalled, and last of all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, Protocol

from livematte.errors import LivematteError
from livematte.sinks import Command, Sink
from livematte.slate import slate
from livematte.statistics import Statistics

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.frame import Frame, Rendered, Size
    from livematte.render.renderer import Choice, Renderer
    from livematte.sources import Source

FILE_QUEUE_FRAMES: Final = 2
"""Frames of a file that wait for the renderer: one to take next while another is decoded."""

POLL_SECONDS: Final = 0.02
"""How long the main thread waits for a picture before it looks at keys and errors again."""

SLATE_SECONDS: Final = 0.1
"""A slate is sent again this often, so that who opens a virtual camera sees it at once."""

STALL_SECONDS: Final = 1.0
"""A camera that has given no frame for this long has stalled, and the slate takes over."""

JOIN_SECONDS: Final = 0.4
"""How long a thread is given to end; one that is stuck in a driver is left behind."""


class Controls(Protocol):
    """Where a person's commands come from: the preview window."""

    def poll(self) -> list[Command]:
        """What was asked for since the last call. Also keeps the window alive."""
        ...


class Pipeline:
    """Runs one source through one renderer into any number of sinks.

    source: not open yet. Its `live` says whether frames may be dropped.
    open_renderer: called once, in the render thread, with the size of the frames. It is slow, so
        the sinks are shown a slate meanwhile.
    backgrounds: at least one. The first is shown first, the others follow on command.
    frames: end after so many pictures; None for no end.
    on_ready: called in the main thread once the renderer is open.
    on_sent: called in the main thread after each picture that was sent; it does not keep it.
    """

    def __init__(
        self,
        source: Source,
        open_renderer: Callable[[Size], Choice],
        backgrounds: Sequence[Background],
        sinks: Sequence[Sink],
        *,
        controls: Controls | None = None,
        frames: int | None = None,
        on_ready: Callable[[Choice], None] | None = None,
        on_sent: Callable[[Rendered], None] | None = None,
    ) -> None:
        self.statistics = Statistics()
        self.left_behind = False
        """Whether a thread was stuck when the run ended and may still be."""
        self._source = source
        self._open_renderer = open_renderer
        self._backgrounds = backgrounds
        self._background_index = 0
        self._sinks = sinks
        self._controls = controls
        self._frames = frames
        self._on_ready = on_ready
        self._on_sent = on_sent

        self._open: list[Sink] = []
        self._waiting = FrameQueue(source)
        self._in_flight: deque[Frame] = deque()
        self._collected = threading.Event()
        self.choice: Choice | None = None
        """The renderer, once it is open."""
        self._all_submitted = threading.Event()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._slate_seconds = 0.0

    @property
    def background(self) -> Background:
        """The background that frames are put on now."""
        return self._backgrounds[self._background_index]

    def stop(self) -> None:
        """End the run soon and in good order; from any thread, and from signal handlers."""
        self._stopping.set()

    def run(self) -> None:
        """Run until the source ends, `frames` are sent or `stop` is called, and close everything.

        Raises whatever failed, in whichever thread. Files keep what a camera gave until then; what
        was made from a file that fails half-way is thrown away.
        """
        with ExitStack() as closing_source:
            closing_source.enter_context(self._source)
            try:
                with ExitStack() as closing_sinks:
                    self._open_sinks(closing_sinks)
                    self._run_open()
            finally:
                if self.left_behind:
                    # Closing what a stuck thread still reads from could hang or crash.
                    closing_source.pop_all()

    def _run_open(self) -> None:
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
            for name, work in (("capture", self._capture), ("render", self._render))
        ]
        try:
            self._show_slate("Starting")
            for thread in threads:
                thread.start()
            self._feed_sinks()
        finally:
            self.stop()
            self._source.interrupt()
            self._waiting.close()
            self._collected.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join(JOIN_SECONDS)
                    self.left_behind |= thread.is_alive()
            with suppress(LivematteError):
                self._show_slate("Camera off")

    # --- the capture thread

    def _capture(self) -> None:
        for frame in self._source.frames():
            if not self._waiting.put(frame):
                return
        self._waiting.end()

    # --- the render thread

    def _render(self) -> None:
        self.choice = self._open_renderer(self._source.size)
        renderer = self.choice.renderer
        try:
            for frame in self._waiting:
                self._submit(renderer, frame)
            self._all_submitted.set()
            self._stopping.wait()
        finally:
            renderer.close()

    def _submit(self, renderer: Renderer, frame: Frame) -> None:
        """Submit `frame`, or a newer one if the renderer has no room before that has come."""
        while not self._stopping.is_set():
            # A live frame waits here, where a newer one can take its place, not in the renderer.
            if self._source.live and not renderer.wait_until_ready(POLL_SECONDS):
                continue
            frame = self._waiting.newer_than(frame)
            self._collected.clear()
            # Before submit, since the picture may be collected before submit returns.
            self._in_flight.append(frame)
            if renderer.submit(frame, self.background):
                return
            self._in_flight.pop()
            self._collected.wait(POLL_SECONDS)

    # --- the main thread

    def _open_sinks(self, closing: ExitStack) -> None:
        for sink in self._sinks:
            sink.open(self._source.size, self._source.frames_per_second)
            self._open.append(sink)

            def finish(kind: object, _error: object, _trace: object, sink: Sink = sink) -> None:
                if kind is None or self._source.live:
                    sink.close()
                else:
                    sink.abort()

            closing.push(finish)

    def _feed_sinks(self) -> None:
        told = False
        while not self._stopping.is_set():
            if self._failure is not None:
                raise self._failure
            if self.choice is None:
                self._repeat_slate("Starting")
                self._stopping.wait(POLL_SECONDS)
            else:
                if not told and self._on_ready is not None:
                    self._on_ready(self.choice)
                told = True
                if not self._feed_one(self.choice.renderer):
                    return
            self._obey()

    def _feed_one(self, renderer: Renderer) -> bool:
        """Send the next picture if it is done in time; False if it was the last one."""
        finished = self._all_submitted.is_set()
        picture = renderer.collect(POLL_SECONDS)
        if picture is not None:
            self._source.recycle(self._in_flight.popleft())
            self._collected.set()
            self._send(picture)
            self.statistics.sent(picture.captured_seconds)
            self.statistics.dropped = self._waiting.dropped
            if self._on_sent is not None:
                self._on_sent(picture)
            return self.statistics.frames != self._frames
        if self._source.live and not self._in_flight and self._waiting.stalled(STALL_SECONDS):
            self._repeat_slate("No picture from the camera")
        return not finished or bool(self._in_flight)

    def _send(self, picture: Rendered) -> None:
        for sink in tuple(self._open):
            try:
                sink.send(picture)
            except LivematteError:
                self._open.remove(sink)
                sink.abort()
                raise

    def _show_slate(self, notice: str) -> None:
        self._send(slate(self._source.size, self.background, notice))
        self._slate_seconds = time.monotonic()

    def _repeat_slate(self, notice: str) -> None:
        if time.monotonic() - self._slate_seconds >= SLATE_SECONDS:
            self._show_slate(notice)

    def _obey(self) -> None:
        for command in self._controls.poll() if self._controls is not None else ():
            if command is Command.QUIT:
                self.stop()
            elif command is Command.NEXT_BACKGROUND:
                self._background_index = (self._background_index + 1) % len(self._backgrounds)

    def _guard(self, work: Callable[[], None]) -> None:
        """Run the work of a thread; what it raises is raised again in the main thread."""
        try:
            work()
        except BaseException as error:
            self._failure = error
            self._waiting.close()


class FrameQueue:
    """Frames on their way from the capture to the render thread.

    Of a live source only the newest waits: an older one is recycled and counted as dropped. Of a
    file a few wait, and `put` blocks while there is no room.
    """

    def __init__(self, source: Source) -> None:
        self.dropped = 0
        self._source = source
        self._frames: deque[Frame] = deque()
        self._put_seconds = time.monotonic()
        self._ended = self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> bool:
        """Add a frame; False if the queue is closed and nobody will want it."""
        with self._changed:
            if self._source.live:
                self._drop()
            else:
                self._changed.wait_for(
                    lambda: self._closed or len(self._frames) < FILE_QUEUE_FRAMES
                )
            self._frames.append(frame)
            self._put_seconds = time.monotonic()
            self._changed.notify_all()
            return not self._closed

    def end(self) -> None:
        """No frame will follow; those that wait are still taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more is put or taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        """Take frames, waiting for each, until the queue is closed, or ended and empty."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frames or self._ended or self._closed)
                if self._closed or not self._frames:
                    return
                frame = self._frames.popleft()
                self._changed.notify_all()
            yield frame

    def newer_than(self, frame: Frame) -> Frame:
        """A live source's newest frame in place of `frame`, which is dropped; else `frame`."""
        with self._changed:
            if not self._source.live or not self._frames:
                return frame
            newest = self._frames.popleft()
            self._frames.append(frame)
            self._drop()
            return newest

    def stalled(self, seconds: float) -> bool:
        """Whether nothing waits and nothing was put for so long."""
        with self._changed:
            return not self._frames and time.monotonic() - self._put_seconds > seconds

    def _drop(self) -> None:
        while self._frames:
            self._source.recycle(self._frames.popleft())
            self.dropped += 1
