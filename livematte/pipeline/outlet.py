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
"""A sink that has been busy with one picture for so long is reported."""

TIMES_AS_LONG: Final = 3
"""Where pictures take long anyway, one may take so many times as long before it is reported."""


class Stage(enum.Enum):
    """What a sink does, or waits for."""

    OPENING = enum.auto()
    WAITING = enum.auto()
    SENDING = enum.auto()
    FINISHING = enum.auto()
    ENDED = enum.auto()


class Outlet:
    """One sink, the thread that calls it, and the pictures that wait for it.

    live: it may miss pictures and fail.
    joined: it came while the run was going on: its failure ends no run.
    error: why it failed; it has been aborted then, or could not be opened.
    was_open: whether it could be opened.
    left_out: how many pictures it was not given because it was busy.
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
        """Until it is started, and again when its thread needs nothing more."""
        self.error: BaseException | None = None
        self.was_open = False
        self.left_out = 0
        self.told = False
        self.live = live
        self.joined = joined
        self.keeps = isinstance(sink, KeepsPictures)
        # Of a file none is lost anyway, as who gives pictures waits.
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
        """Raises `SinkError` if the system has no thread to give."""
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
        """Whether `until` holds, which changes with the stage; from any thread."""
        with self._changed:
            return self._changed.wait_for(until, timeout_seconds)

    def join(self) -> None:
        """Wait for the thread of a sink that has ended."""
        if self._thread is not None:
            self._thread.join()

    @property
    def is_done(self) -> bool:
        """Whether it has taken all that it was given."""
        return self.stage is Stage.ENDED or (self.stage is Stage.WAITING and not self._waiting)

    @property
    def busy_seconds(self) -> float:
        """For how long the sink has been doing what it does."""
        if self.stage in (Stage.WAITING, Stage.ENDED):
            return 0.0
        return self._clock.seconds - self._since_seconds

    @property
    def is_late(self) -> bool:
        """Whether it has been busy for longer than it should."""
        return self.busy_seconds > max(STALLED_SECONDS, TIMES_AS_LONG * self._usual_seconds)

    @property
    def has_room(self) -> bool:
        return self.stage is Stage.ENDED or len(self._waiting) < self._most_waiting

    def offer(self, buffer: Buffer) -> None:
        """Have a picture wait, in place of one that does unless the sink keeps pictures."""
        if self.put(buffer):
            return
        self.left_out += 1
        if not self.keeps:
            self._buffers.release(self._waiting.popleft())
            self.put(buffer)

    def put(self, buffer: Buffer) -> bool:
        """Have a picture wait, and say whether there was room for it."""
        if not self.has_room:
            return False
        if self.stage is not Stage.ENDED:
            self._waiting.append(self._buffers.hold(buffer))
        return True

    def finish(self, last: Buffer | None, *, keep: bool) -> None:
        """Have the sink closed, or aborted without `keep`, after what waits and `last`."""
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
        """The next picture, once there is one; None if the sink is to be finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finishing is not None)
            self._since_seconds = self._clock.seconds
            self.stage = Stage.SENDING if self._waiting else Stage.FINISHING
            return self._waiting.popleft() if self._waiting else None

    def _send(self, buffer: Buffer) -> bool:
        """Whether the sink has taken a picture."""
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
