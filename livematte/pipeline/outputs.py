"""Sends pictures to sinks: each has its own thread and queue, so that none delays another.

    main thread                     a thread for each sink
    Outputs.send()  ── one copy ──> Outlet: queue ──> sink.open, send, ..., close or abort

A renderer reuses the memory of its pictures, so each picture is copied once, into a buffer that all
sinks read. The buffer is reused when the last of them is done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.pipeline.buffers import Buffer, Buffers, Taken
from livematte.pipeline.outlet import Outlet, Stage, problem_of
from livematte.pipeline.outputs_ending import wait_for_ends
from livematte.pipeline.stall_timing import AwakeClock
from livematte.sinks.sink import Sink, View
from livematte.text.counted import counted

POLL_SECONDS: Final = 0.02
"""How long to wait for a sink before the main thread checks whether to stop."""

OPENING_SECONDS: Final = 4.0
"""A live run starts without outputs that have not opened by then."""

LONGEST_OPENING_SECONDS: Final = 20.0
"""If no output opens, or all are needed, the run fails after this long."""

FIRST_SECONDS: Final = 0.5
"""How long to wait until the first slate is taken."""

SPARE_BUFFERS: Final = 2
"""Free buffers to keep per sink: one is queued, one is in use."""


class Outputs:
    """All sinks of a run. Main thread only, except `join` and `leave`."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        clock: AwakeClock,
        *,
        live: bool,
        on_trouble: Callable[[str], None],
    ) -> None:
        """clock: the main thread's; ticked here while it waits.

        live: a busy sink gets the newest picture when it is done, and a failed one is removed.
            Otherwise every picture reaches every sink, and a failure ends the run, except that of
            a `View` beside other sinks.
        on_trouble: called with a sentence: what failed and what livematte does about it.
        """
        self.error: BaseException | None = None
        """The error of the first sink that failed."""
        self.remarks: list[str] = []
        """What recordings lack, one sentence each, once they are finished."""
        self._clock = clock
        self._live = live
        self._on_trouble = on_trouble
        self._changed = threading.Condition()
        self._buffers = Buffers(SPARE_BUFFERS * len(sinks) + 1)
        self._form: tuple[Size, Fraction] | None = None
        self._is_closed = False
        has_others = any(not isinstance(each, View) for each in sinks)
        self._outlets = [
            self._outlet(sink, live=live or (has_others and isinstance(sink, View)))
            for sink in sinks
        ]
        self._active = list(self._outlets)
        self._leaving: list[Outlet] = []

    def _outlet(self, sink: Sink, *, live: bool, joined: bool = False) -> Outlet:
        return Outlet(sink, self._clock, self._changed, self._buffers, live=live, joined=joined)

    # --- the beginning

    def open(
        self, size: Size, frames_per_second: Fraction, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Open all sinks in parallel, and return when they are open.

        In a live run, a sink that takes long is reported, and the others start without it.

        wanted: False ends the wait.

        Raises the error of a sink that could not be opened, and `SinkError` if a required one
        hangs. Call `close` in that case too.
        """
        self._form = (size, frames_per_second)
        for outlet in self._outlets:
            outlet.start(size, frames_per_second)
        began_seconds = self._clock.seconds
        while wanted():
            self._clock.tick()
            for outlet in self._outlets:
                if outlet.error is not None:
                    self._active.remove(outlet)
                    raise outlet.error
            opening = [each for each in self._outlets if each.stage is Stage.OPENING]
            if not opening or self._can_do_without(opening, self._clock.seconds - began_seconds):
                return
            with self._changed:
                if all(each.stage is Stage.OPENING for each in opening):
                    self._changed.wait(POLL_SECONDS)

    def _can_do_without(self, opening: Sequence[Outlet], waited_seconds: float) -> bool:
        """Whether the others can start without those still opening; reports them if so."""
        is_enough = len(opening) < len(self._outlets) and all(each.live for each in opening)
        if is_enough and waited_seconds > OPENING_SECONDS:
            for outlet in opening:
                outlet.told = True
                self._on_trouble(
                    f"{outlet.description} did not open within {waited_seconds:.0f} seconds. "
                    "The other outputs start without it."
                )
            return True
        if waited_seconds > LONGEST_OPENING_SECONDS:
            raise SinkError(
                f"{opening[0].description} did not open within {waited_seconds:.0f} seconds.",
                "Name another output, or check that its drive or display responds.",
            )
        return False

    # --- pictures

    def send(
        self,
        picture: Rendered,
        wanted: Callable[[], bool] = lambda: True,
        *,
        mirrored: bool = False,
    ) -> bool:
        """Copy a picture and queue it for every sink.

        For sinks that must not miss any, this waits for room while the picture is `wanted`; False
        if it was not sent. Raises as `check` does.

        mirrored: every sink gets the mirror image.
        """
        self.check()
        is_slate = picture.index < 0
        takers = [each for each in self._active if not (each.keeps and is_slate)]
        if is_slate and not takers:
            return True
        buffer = self._buffers.filled(picture, mirrored)
        try:
            if not is_slate:
                with self._changed:
                    self._buffers.keep(buffer)
            return self._hand(buffer, takers, wanted)
        finally:
            with self._changed:
                self._buffers.release(buffer)

    def send_again(self, wanted: Callable[[], bool], *, mirrored: bool) -> bool:
        """Send the last picture to every sink once more; False if there is none.

        Recordings do not get it: there, a picture lasts until the next one.
        """
        self.check()
        buffer = self._buffers.last
        if buffer is None:
            return False
        with self._changed:
            if buffer.is_mirrored == mirrored:
                self._buffers.hold(buffer)
            else:
                buffer = self._buffers.filled(buffer.picture, True)
                buffer.is_mirrored = mirrored
                buffer.is_counted = True
                self._buffers.keep(buffer)
        try:
            self._hand(buffer, [each for each in self._active if not each.keeps], wanted)
        finally:
            with self._changed:
                self._buffers.release(buffer)
        return True

    def forget_last(self) -> None:
        """Release the last picture, so that it cannot be sent again."""
        with self._changed:
            self._buffers.keep(None)

    def _hand(self, buffer: Buffer, takers: list[Outlet], wanted: Callable[[], bool]) -> bool:
        takers = [each for each in takers if not (each.joined and each.stage is Stage.OPENING)]
        with self._changed:
            for outlet in takers:
                if outlet.live:
                    outlet.offer(buffer)
            self._changed.notify_all()
        waiting = [each for each in takers if not each.live]
        while waiting:
            with self._changed:
                waiting = [each for each in waiting if not each.put(buffer)]
                self._changed.notify_all()
                if not waiting:
                    break
                if not wanted():
                    return False
                self._changed.wait(POLL_SECONDS)
            self._clock.tick()
            self.check()
        return True

    def wait_for_room(self, timeout_seconds: float) -> bool:
        """Wait until a sink has room or no sink will; returns whether that is so.

        Only sinks that keep pictures are ever full. Rendering more than they can accept is useless,
        unless another sink shows the pictures.
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
        """Wait briefly until sinks have accepted what was sent."""
        with self._changed:
            self._changed.wait_for(
                lambda: all(each.is_done for each in self._active), FIRST_SECONDS
            )

    def taken(self) -> Iterator[Taken]:
        """The pictures that sinks accepted since the last call."""
        is_shown = any(not each.keeps for each in self._active)
        while self._buffers.taken:
            taken = self._buffers.taken.popleft()
            yield taken if is_shown else taken._replace(is_shown=True)

    @property
    def dropped(self) -> int:
        """How many pictures no sink accepted, because newer ones came first."""
        return self._buffers.dropped

    # --- sinks that fail, come and go

    def check(self) -> None:
        """Remove sinks that failed, and report those that stall or work again.

        Raises the error of a failed sink if no other is left, or if the run needs all of them.
        """
        for outlet in tuple(self._active):
            if outlet.error is not None:
                self._give_up(outlet)
                continue
            others = " The other outputs continue." if len(self._active) > 1 and outlet.live else ""
            if outlet.told and outlet.stage is not Stage.OPENING and not outlet.is_late:
                outlet.told = False
                self._on_trouble(f"{outlet.description} accepts pictures now.")
            elif not outlet.told and outlet.is_late and outlet.stage is Stage.SENDING:
                outlet.told = True
                self._on_trouble(
                    f"{outlet.description} has not accepted a picture for "
                    f"{outlet.busy_seconds:.0f} seconds.{others}"
                )
        for outlet in tuple(self._leaving):
            if outlet.ended:
                self._leaving.remove(outlet)
                self._remove(outlet)

    def _give_up(self, outlet: Outlet) -> None:
        assert outlet.error is not None
        with self._changed:
            if outlet not in self._active:
                return  # it just left
            self._active.remove(outlet)
        if outlet.joined:
            self._remove(outlet)
            if not outlet.was_open:
                return  # the caller of `join` gets the error
        elif not outlet.live or not self._active:
            raise outlet.error
        self.error = self.error or outlet.error
        self._on_trouble(f"{outlet.problem} The other outputs continue.")

    def join(self, sink: Sink) -> Outlet:
        """Add and open a sink for all pictures from now on; from any thread.

        Raises `SinkError` if the run has ended, or the system cannot start a thread.
        """
        outlet = self._outlet(sink, live=self._live, joined=True)
        if self._form is not None and not self._is_closed:
            outlet.start(*self._form)  # outside the lock, since it may wait for a thread
        with self._changed:
            if self._form is None or self._is_closed:
                outlet.finish(None, keep=True)
                self._changed.notify_all()
                raise SinkError(
                    f"{sink.description} cannot be opened: the run has ended.", "Start it again."
                )
            self._buffers.most_spare += SPARE_BUFFERS
            self._outlets.append(outlet)
            self._active.append(outlet)
        return outlet

    def leave(self, outlet: Outlet) -> None:
        """Finish a sink that was added with `join`, after its queued pictures; from any thread."""
        with self._changed:
            if outlet in self._active:
                self._active.remove(outlet)
                self._leaving.append(outlet)
            outlet.finish(None, keep=True)
            self._changed.notify_all()

    def _remove(self, outlet: Outlet) -> None:
        """Remove a sink that has ended."""
        with self._changed:
            self._outlets.remove(outlet)
            self._buffers.most_spare -= SPARE_BUFFERS
        self._note_left_out(outlet)

    def _note_left_out(self, outlet: Outlet) -> None:
        if outlet.keeps and outlet.left_out:
            lacking = counted(outlet.left_out, "picture is", "pictures are")
            self.remarks.append(
                f"{outlet.description}: {lacking} missing, since its encoder or drive was too slow."
            )

    # --- the end

    def close(self, last: Rendered | None, *, failed: bool = False) -> None:
        """Close all sinks after their queued pictures and `last`; abort those of a failed file run.

        A sink that hangs is abandoned. `error` is that of the first sink that failed, unless the
        run has `failed` for another reason; other errors are reported.
        """
        keep = self._live or not failed
        buffer = None if last is None else self._buffers.filled(last)
        with self._changed:
            self._is_closed = True
            self._buffers.keep(None)
            for outlet in self._outlets:
                outlet.finish(buffer, keep=keep)
            if buffer is not None:
                self._buffers.release(buffer)
            self._changed.notify_all()
        left = wait_for_ends(self._outlets, self._clock, self._changed, self._on_trouble)
        for outlet in self._outlets:
            self._note_left_out(outlet)
        for outlet in (*self._active, *self._leaving):
            error = outlet.error
            if outlet in left:
                error = SinkError(
                    f"{outlet.description} does not respond and was left unfinished.",
                    "Check that its drive, display or reader works.",
                )
            if error is not None and (failed or self.error is not None):
                self._on_trouble(problem_of(outlet.description, error))
            elif error is not None:
                self.error = error
