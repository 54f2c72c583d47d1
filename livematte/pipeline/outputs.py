"""Pictures to sinks: each has a thread and a queue of its own, so that none delays another.

    main thread                     a thread for each sink
    Outputs.send()  ── one copy ──> Outlet: queue ──> sink.open, send, ..., close or abort

A renderer uses the memory of its pictures again, so each picture is copied once, into a buffer that
all sinks read and that is used again when the last of them is done.
"""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from livematte.errors import LivematteError, SinkError
from livematte.frame import Rendered, Size
from livematte.pipeline.stall_timing import AwakeClock
from livematte.sinks.sink import Interruptible, KeepsPictures, Sink, View
from livematte.text.counted import counted
from livematte.threads.start import PATIENCE_SECONDS, NoThreadError, start

POLL_SECONDS: Final = 0.02
"""How long is waited for a sink before the main thread looks whether it is to stop."""

OPENING_SECONDS: Final = 4.0
"""The outputs of a camera that open start without those that have not opened by then."""

LONGEST_OPENING_SECONDS: Final = 20.0
"""Where none opens, or all are needed, it is an error after so long."""

STALLED_SECONDS: Final = 2.0
"""A sink that has been busy with one picture for so long is reported."""

TIMES_AS_LONG: Final = 3
"""Where pictures take long anyway, one may take so many times as long before it is reported."""

STUCK_SECONDS: Final = 5.0
"""At the end of a run, a sink that has been busy with one picture for so long is left behind."""

STUCK_IDLE_SECONDS: Final = 1.0
"""The same for one that was reported already, or works: without use of the processor."""

FINISHING_SECONDS: Final = 30.0
"""A sink that is being closed is waited for while the process works, and for so long while it does
not: to move the index of a long recording to its beginning takes its time."""

INTERRUPT_SECONDS: Final = 0.3
"""A sink that waits for something is told after so long that the run ends."""

FIRST_SECONDS: Final = 0.5
"""How long the first slate is waited for."""

SPARE_BUFFERS: Final = 2
"""A sink's share of the buffers that are kept to be used again: one waits, one is worked on."""

WORK_SECONDS: Final = 0.001
"""Less use of the processor is no sign of work."""


class Taken(NamedTuple):
    """A picture that a sink has taken.

    captured_seconds, taken_seconds: by `time.monotonic()`; what counts is the last sink that shows
        pictures.
    is_shown: whether such a sink has it, or there is none.
    """

    captured_seconds: float
    taken_seconds: float
    is_shown: bool


class Outputs:
    """All sinks of a run. Its methods are the main thread's."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        clock: AwakeClock,
        *,
        live: bool,
        on_trouble: Callable[[str], None],
    ) -> None:
        """clock: of the main thread, which ticks it; this ticks it while it waits.

        live: a sink that is busy gets the newest picture when it is done, and one that fails is
            given up. Otherwise every picture reaches every sink, and a failure ends the run; but
            not those of a `View` beside other sinks.
        on_trouble: told in a sentence what has failed and what is done about it.
        """
        self.error: BaseException | None = None
        """Why the first sink that failed was given up."""
        self.left_behind = False
        """Whether a sink hung when the run ended and may still hang."""
        self._clock = clock
        self._live = live
        self._on_trouble = on_trouble
        self._changed = threading.Condition()
        self._buffers = _Buffers(SPARE_BUFFERS * len(sinks) + 1)
        has_others = any(not isinstance(each, View) for each in sinks)
        self._outlets = [
            _Outlet(
                sink,
                clock,
                self._changed,
                self._buffers,
                live=live or (has_others and isinstance(sink, View)),
            )
            for sink in sinks
        ]
        self._active = list(self._outlets)

    def open(
        self, size: Size, frames_per_second: Fraction, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Open all sinks at once, and return when they are open.

        One that takes long to open is reported and the others start, if the run is live.

        wanted: False ends the wait.

        Raises what a sink raised that could not be opened, and `SinkError` if one hangs that is
        needed. `close` comes then, too.
        """
        for outlet in self._outlets:
            outlet.start(size, frames_per_second)
        began_seconds = self._clock.seconds
        while wanted():
            self._clock.tick()
            for outlet in self._outlets:
                if outlet.error is not None:
                    self._active.remove(outlet)
                    raise outlet.error
            opening = [each for each in self._outlets if each.stage is _Stage.OPENING]
            if not opening:
                return
            waited_seconds = self._clock.seconds - began_seconds
            is_enough = len(opening) < len(self._outlets) and all(each.live for each in opening)
            if is_enough and waited_seconds > OPENING_SECONDS:
                for outlet in opening:
                    outlet.told = True
                    self._on_trouble(
                        f"{outlet.description} has not opened for {waited_seconds:.0f} seconds. "
                        "The other outputs start without it."
                    )
                return
            if waited_seconds > LONGEST_OPENING_SECONDS:
                raise SinkError(
                    f"{opening[0].description} has not opened for {waited_seconds:.0f} seconds.",
                    "Name another output, or see whether its drive or display hangs.",
                )
            with self._changed:
                if all(each.stage is _Stage.OPENING for each in opening):
                    self._changed.wait(POLL_SECONDS)

    def send(self, picture: Rendered, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Hand a picture to every sink; it is copied.

        Where none may be left out, this waits for room, for as long as the picture is `wanted`;
        False if it was given up. Raises as `check` does.
        """
        self.check()
        takers = [each for each in self._active if not (each.keeps and picture.index < 0)]
        if not takers:
            return True
        buffer = self._buffers.filled(picture)
        try:
            with self._changed:
                for outlet in takers:
                    if outlet.live:
                        outlet.offer(buffer)
                self._changed.notify_all()
            return self._put_to_all([each for each in takers if not each.live], buffer, wanted)
        finally:
            with self._changed:
                self._buffers.release(buffer)

    def _put_to_all(
        self, takers: list[_Outlet], buffer: _Buffer, wanted: Callable[[], bool]
    ) -> bool:
        while takers:
            with self._changed:
                takers = [each for each in takers if not each.put(buffer)]
                self._changed.notify_all()
                if not takers:
                    break
                if not wanted():
                    return False
                self._changed.wait(POLL_SECONDS)
            self._clock.tick()
            self.check()
        return True

    def wait_for_room(self, timeout_seconds: float) -> bool:
        """Whether a sink has room, or is to have none; waits for it so long.

        Only sinks that keep pictures are ever full. It is no use to make more of them than those
        can take, unless another sink shows them.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    any(each.has_room or not each.keeps for each in self._active)
                    or all(each.told for each in self._active)
                ),
                timeout_seconds,
            )

    def wait_until_taken(self) -> None:
        """Wait for sinks to have taken what was sent, but not for long."""
        with self._changed:
            self._changed.wait_for(
                lambda: all(each.is_done for each in self._active), FIRST_SECONDS
            )

    def check(self) -> None:
        """Give up sinks that have failed, and report those that stall and that go on again.

        Raises why a sink failed if no other is left, or if none may fail.
        """
        for outlet in tuple(self._active):
            if outlet.error is not None:
                self._active.remove(outlet)
                if not outlet.live or not self._active:
                    raise outlet.error
                self.error = self.error or outlet.error
                self._on_trouble(f"{outlet.problem} The other outputs go on.")
                continue
            others = " The other outputs go on." if len(self._active) > 1 and outlet.live else ""
            if outlet.told and outlet.stage is not _Stage.OPENING and not outlet.is_late:
                outlet.told = False
                self._on_trouble(f"{outlet.description} takes pictures now.")
            elif not outlet.told and outlet.is_late and outlet.stage is _Stage.SENDING:
                outlet.told = True
                self._on_trouble(
                    f"{outlet.description} has not taken a picture for "
                    f"{outlet.busy_seconds:.0f} seconds.{others}"
                )

    def taken(self) -> Iterator[Taken]:
        """The pictures that sinks have taken since the last call."""
        is_shown = any(not each.keeps for each in self._active)
        while self._buffers.taken:
            taken = self._buffers.taken.popleft()
            yield taken if is_shown else taken._replace(is_shown=True)

    @property
    def dropped(self) -> int:
        """How many pictures no sink has taken, because newer ones came first."""
        return self._buffers.dropped

    @property
    def remarks(self) -> list[str]:
        """What recordings lack, each in a sentence."""
        return [
            f"{each.description}: {counted(each.left_out, 'picture is', 'pictures are')} missing: "
            "its encoder or drive was too slow."
            for each in self._outlets
            if each.keeps and each.left_out
        ]

    def close(self, last: Rendered | None, *, failed: bool = False) -> None:
        """Close all sinks after what waits for them and `last`; abort those of a file that failed.

        A sink that hangs is left behind. `error` tells of the first that failed, unless the run has
        `failed` for another reason; others are reported.
        """
        keep = self._live or not failed
        buffer = None if last is None else self._buffers.filled(last)
        with self._changed:
            for outlet in self._outlets:
                outlet.finish(buffer, keep=keep)
            if buffer is not None:
                self._buffers.release(buffer)
            self._changed.notify_all()
        left = self._wait_for_ends()
        self.left_behind = bool(left)
        for outlet in self._active:
            error = outlet.error
            if outlet in left:
                error = SinkError(
                    f"{outlet.description} does not respond and was left unfinished.",
                    "See whether its drive, display or reader still works.",
                )
            if error is not None and (failed or self.error is not None):
                self._on_trouble(_problem(outlet.description, error))
            elif error is not None:
                self.error = error

    def _wait_for_ends(self) -> list[_Outlet]:
        """Those that are left behind."""
        left: list[_Outlet] = []
        work = _Work(self._clock)
        began_seconds = self._clock.seconds
        stalled = [each for each in self._outlets if each.told]
        told: list[_Outlet] = []
        while waiting := [each for each in self._outlets if each not in left and not each.ended]:
            self._clock.tick()
            work.look()
            waited_seconds = self._clock.seconds - began_seconds
            for outlet in waiting:
                busy_seconds = min(outlet.busy_seconds, waited_seconds)
                if busy_seconds > INTERRUPT_SECONDS:
                    outlet.interrupt()
                if outlet.stage is _Stage.FINISHING:
                    if busy_seconds > STALLED_SECONDS and outlet not in told:
                        told.append(outlet)
                        self._on_trouble(f"{outlet.description} is being finished.")
                    hangs = min(busy_seconds, work.idle_seconds) > FINISHING_SECONDS
                else:
                    longest_seconds = STUCK_IDLE_SECONDS if outlet in stalled else STUCK_SECONDS
                    hangs = (
                        busy_seconds > longest_seconds and work.idle_seconds > STUCK_IDLE_SECONDS
                    )
                if hangs:
                    left.append(outlet)
            with self._changed:
                if not any(each.ended for each in waiting):
                    self._changed.wait(POLL_SECONDS)
        for outlet in self._outlets:
            if outlet not in left:
                outlet.join()
        return left


class _Stage(enum.Enum):
    """What a sink does, or waits for."""

    OPENING = enum.auto()
    WAITING = enum.auto()
    SENDING = enum.auto()
    FINISHING = enum.auto()
    ENDED = enum.auto()


class _Outlet:
    """One sink, the thread that calls it, and the pictures that wait for it.

    live: it may miss pictures and fail.
    error: why it failed; it has been aborted then, or could not be opened.
    left_out: how many pictures it was not given because it was busy.
    told: whether it was reported as stalled.
    """

    def __init__(
        self,
        sink: Sink,
        clock: AwakeClock,
        changed: threading.Condition,
        buffers: _Buffers,
        *,
        live: bool,
    ) -> None:
        self.stage = _Stage.ENDED
        """Until it is started, and again when its thread needs nothing more."""
        self.error: BaseException | None = None
        self.left_out = 0
        self.told = False
        self.live = live
        self.keeps = isinstance(sink, KeepsPictures)
        # Of a file none is lost anyway, as who gives pictures waits.
        self._most_waiting = sink.most_waiting if live and isinstance(sink, KeepsPictures) else 1
        self._sink = sink
        self._clock = clock
        self._changed = changed
        self._buffers = buffers
        self._waiting: deque[_Buffer] = deque()
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
        self.stage = _Stage.OPENING
        try:
            start(thread, PATIENCE_SECONDS)
        except NoThreadError as error:
            self.stage = _Stage.ENDED
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
        return _problem(self.description, self.error)

    @property
    def ended(self) -> bool:
        return self.stage is _Stage.ENDED

    def join(self) -> None:
        """Wait for the thread of a sink that has ended."""
        if self._thread is not None:
            self._thread.join()

    @property
    def is_done(self) -> bool:
        """Whether it has taken all that it was given."""
        return self.stage is _Stage.ENDED or (self.stage is _Stage.WAITING and not self._waiting)

    @property
    def busy_seconds(self) -> float:
        """For how long the sink has been doing what it does."""
        if self.stage in (_Stage.WAITING, _Stage.ENDED):
            return 0.0
        return self._clock.seconds - self._since_seconds

    @property
    def is_late(self) -> bool:
        """Whether it has been busy for longer than it should."""
        return self.busy_seconds > max(STALLED_SECONDS, TIMES_AS_LONG * self._usual_seconds)

    @property
    def has_room(self) -> bool:
        return self.stage is _Stage.ENDED or len(self._waiting) < self._most_waiting

    def offer(self, buffer: _Buffer) -> None:
        """Have a picture wait, in place of one that does unless the sink keeps pictures."""
        if self.put(buffer):
            return
        self.left_out += 1
        if not self.keeps:
            self._buffers.release(self._waiting.popleft())
            self.put(buffer)

    def put(self, buffer: _Buffer) -> bool:
        """Have a picture wait, and say whether there was room for it."""
        if not self.has_room:
            return False
        if self.stage is not _Stage.ENDED:
            self._waiting.append(self._buffers.hold(buffer))
        return True

    def finish(self, last: _Buffer | None, *, keep: bool) -> None:
        """Have the sink closed, or aborted without `keep`, after what waits and `last`."""
        if self.stage is _Stage.ENDED:
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
            self.stage = _Stage.WAITING
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

    def _next(self) -> _Buffer | None:
        """The next picture, once there is one; None if the sink is to be finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finishing is not None)
            self._since_seconds = self._clock.seconds
            self.stage = _Stage.SENDING if self._waiting else _Stage.FINISHING
            return self._waiting.popleft() if self._waiting else None

    def _send(self, buffer: _Buffer) -> bool:
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
            self.stage = _Stage.WAITING if failure is None else _Stage.FINISHING
            self.error = failure
            self._changed.notify_all()
        return failure is None

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            self.error = self.error or error
            self._forget()
            self.stage = _Stage.ENDED
            self._changed.notify_all()

    def _forget(self) -> None:
        while self._waiting:
            self._buffers.release(self._waiting.popleft())


class _Buffer:
    """A picture that several sinks read.

    holders: how many wait for it or read it.
    taken_seconds, is_shown: see `Taken`; None until a sink has it.
    """

    def __init__(self, picture: Rendered) -> None:
        self._image = np.empty_like(picture.image)
        self._alpha = np.empty_like(picture.alpha)
        self.fill(picture)

    def fits(self, picture: Rendered) -> bool:
        return self._image.shape == picture.image.shape

    def fill(self, picture: Rendered) -> None:
        np.copyto(self._image, picture.image)
        np.copyto(self._alpha, picture.alpha)
        self.picture = replace(picture, image=self._image, alpha=self._alpha)
        self.holders = 1
        self.taken_seconds: float | None = None
        self.is_shown = False


class _Buffers:
    """Buffers that are used again. All but `filled` is called under the lock of the outputs.

    dropped: how many pictures none has.
    """

    def __init__(self, most_spare: int) -> None:
        self.taken: deque[Taken] = deque()
        self.dropped = 0
        self._most_spare = most_spare
        self._spare: deque[_Buffer] = deque()

    def filled(self, picture: Rendered) -> _Buffer:
        """A copy of `picture`, held by who called; the main thread's."""
        with suppress(IndexError):
            buffer = self._spare.pop()
            if buffer.fits(picture):
                buffer.fill(picture)
                return buffer
        return _Buffer(picture)

    def hold(self, buffer: _Buffer) -> _Buffer:
        buffer.holders += 1
        return buffer

    def release(self, buffer: _Buffer) -> None:
        buffer.holders -= 1
        if buffer.holders:
            return
        picture = buffer.picture
        if picture.index >= 0:
            if buffer.taken_seconds is None:
                self.dropped += 1
            else:
                self.taken.append(
                    Taken(picture.captured_seconds, buffer.taken_seconds, buffer.is_shown)
                )
        if len(self._spare) < self._most_spare:
            self._spare.append(buffer)


class _Work:
    """Knows for how long the process has not used the processor, but for the thread that asks."""

    def __init__(self, clock: AwakeClock) -> None:
        self._clock = clock
        self._last_seconds = clock.seconds
        self._used_seconds = _used_by_others()

    def look(self) -> None:
        used_seconds = _used_by_others()
        if used_seconds - self._used_seconds > WORK_SECONDS:
            self._used_seconds = used_seconds
            self._last_seconds = self._clock.seconds

    @property
    def idle_seconds(self) -> float:
        return self._clock.seconds - self._last_seconds


def _used_by_others() -> float:
    return time.process_time() - time.thread_time()


def _problem(description: str, error: BaseException) -> str:
    if isinstance(error, LivematteError):
        return error.problem
    return f"{description} failed: {str(error) or repr(error)}."
