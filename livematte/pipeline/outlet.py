"""One sink, the thread that calls it, and the pictures that wait for it."""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Final

from livematte.errors import LivematteError, SinkError
from livematte.frame import Size
from livematte.pipeline.buffers import Buffer, Buffers
from livematte.pipeline.stall_timing import AwakeClock
from livematte.sinks.sink import Interruptible, KeepsPictures, Sink
from livematte.threads.start import PATIENCE_SECONDS, NoThreadError, start

STALLED_SECONDS: Final = 2.0
"""A sink that is busy with one picture for this long is reported."""

TIMES_AS_LONG: Final = 3
"""If pictures usually take long, one can take this many times as long before it is reported."""


class Stage(enum.Enum):
    """What a sink is doing."""

    OPENING = enum.auto()
    WAITING = enum.auto()
    SENDING = enum.auto()
    FINISHING = enum.auto()
    ENDED = enum.auto()


class Outlet:
    """One sink, the thread that calls it, and the pictures that wait for it.

    live: it can miss pictures, and can fail without ending the run.
    joined: it was added during the run: its failure does not end the run.
    error: why it failed; it was aborted then, or could not be opened.
    was_open: whether it could be opened.
    left_out: how many pictures it missed because it was busy.
    told: whether it was reported as stalled.
    """

    def __init__(
        self,
        sink: Sink,
        clock: AwakeClock,
        changed: threading.Condition,
        buffers: Buffers,
        *,
        live: bool,
        joined: bool = False,
    ) -> None:
        self.stage = Stage.ENDED
        """`ENDED` before it is started, and again when its thread is done."""
        self.error: BaseException | None = None
        self.was_open = False
        self.left_out = 0
        self.told = False
        self.live = live
        self.joined = joined
        self.keeps = isinstance(sink, KeepsPictures)
        # For files no picture is lost anyway, because the sender waits.
        self._most_waiting = sink.most_waiting if live and isinstance(sink, KeepsPictures) else 1
        self._sink = sink
        self._clock = clock
        self._changed = changed
        self._buffers = buffers
        self._waiting: deque[Buffer] = deque()
        self._since_seconds = 0.0
        self._usual_seconds = 0.0
        self._finishing: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def start(self, size: Size, frames_per_second: Fraction) -> None:
        """Raises `SinkError` if the system cannot start a thread."""
        thread = threading.Thread(
            target=self._run, args=(size, frames_per_second), name="output", daemon=True
        )
        self._since_seconds = self._clock.seconds
        self.stage = Stage.OPENING
        try:
            start(thread, PATIENCE_SECONDS)
        except NoThreadError as error:
            self.stage = Stage.ENDED
            raise SinkError(
                f"{self.description} cannot be opened. {error.problem}", error.remedy
            ) from error
        self._thread = thread

    @property
    def description(self) -> str:
        return self._sink.description

    @property
    def problem(self) -> str:
        assert self.error is not None
        return problem_of(self.description, self.error)

    @property
    def ended(self) -> bool:
        return self.stage is Stage.ENDED

    def wait(self, until: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until `until`, which depends on the stage, holds; returns it. From any thread."""
        with self._changed:
            return self._changed.wait_for(until, timeout_seconds)

    def join(self) -> None:
        """Wait for the thread of a sink that ended."""
        if self._thread is not None:
            self._thread.join()

    @property
    def is_done(self) -> bool:
        """Whether it has processed all its pictures."""
        return self.stage is Stage.ENDED or (self.stage is Stage.WAITING and not self._waiting)

    @property
    def busy_seconds(self) -> float:
        """How long the sink has been in its current step; 0 while it waits for pictures."""
        if self.stage in (Stage.WAITING, Stage.ENDED):
            return 0.0
        return self._clock.seconds - self._since_seconds

    @property
    def is_late(self) -> bool:
        """Whether it is busy for longer than it should be."""
        return self.busy_seconds > max(STALLED_SECONDS, TIMES_AS_LONG * self._usual_seconds)

    @property
    def has_room(self) -> bool:
        return self.stage is Stage.ENDED or len(self._waiting) < self._most_waiting

    def offer(self, buffer: Buffer) -> None:
        """Queue a picture; if full, it replaces the oldest, unless the sink keeps pictures."""
        if self.put(buffer):
            return
        self.left_out += 1
        if not self.keeps:
            self._buffers.release(self._waiting.popleft())
            self.put(buffer)

    def put(self, buffer: Buffer) -> bool:
        """Queue a picture; returns whether there was room for it."""
        if not self.has_room:
            return False
        if self.stage is not Stage.ENDED:
            self._waiting.append(self._buffers.hold(buffer))
        return True

    def finish(self, last: Buffer | None, *, keep: bool) -> None:
        """Close the sink, or abort it without `keep`, after the queued pictures and `last`."""
        if self.stage is Stage.ENDED or self._finishing is not None:
            return
        self._finishing = self._sink.close if keep else self._sink.abort
        if not keep or (self.live and not self.keeps):
            self._forget()
        if last is not None and not self.keeps:
            self._waiting.append(self._buffers.hold(last))

    def interrupt(self) -> None:
        if isinstance(self._sink, Interruptible):
            self._sink.interrupt()

    # --- the sink's own thread

    def _run(self, size: Size, frames_per_second: Fraction) -> None:
        try:
            self._sink.open(size, frames_per_second)
        except BaseException as error:
            self._end(error)
            return
        with self._changed:
            self.stage = Stage.WAITING
            self.was_open = True
            self._changed.notify_all()
        while (buffer := self._next()) is not None:
            if not self._send(buffer):
                with suppress(Exception):
                    self._sink.abort()
                self._end(None)
                return
        try:
            assert self._finishing is not None
            self._finishing()
        except BaseException as error:
            self._end(error)
        else:
            self._end(None)

    def _next(self) -> Buffer | None:
        """Wait for the next picture; None if the sink must finish."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finishing is not None)
            self._since_seconds = self._clock.seconds
            self.stage = Stage.SENDING if self._waiting else Stage.FINISHING
            return self._waiting.popleft() if self._waiting else None

    def _send(self, buffer: Buffer) -> bool:
        """Send a picture to the sink; returns whether it accepted it."""
        failure: BaseException | None = None
        try:
            self._sink.send(buffer.picture)
        except BaseException as error:
            failure = error
        with self._changed:
            if failure is None and not (self.keeps and buffer.is_shown):
                buffer.taken_seconds = time.monotonic()
                buffer.is_shown = not self.keeps
            self._usual_seconds = self._clock.seconds - self._since_seconds
            self._buffers.release(buffer)
            self._since_seconds = self._clock.seconds
            self.stage = Stage.WAITING if failure is None else Stage.FINISHING
            self.error = failure
            self._changed.notify_all()
        return failure is None

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            self.error = self.error or error
            self._forget()
            self.stage = Stage.ENDED
            self._changed.notify_all()

    def _forget(self) -> None:
        while self._waiting:
            self._buffers.release(self._waiting.popleft())


def problem_of(description: str, error: BaseException) -> str:
    """What is wrong with a sink, in a sentence."""
    if isinstance(error, LivematteError):
        return error.problem
    return f"{description} failed: {str(error) or repr(error)}."
