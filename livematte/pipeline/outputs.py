"""Pictures to sinks: each has a thread and a queue of its own, so that none delays another.

    main thread                     a thread for each sink
    Outputs.send()  ── one copy ──> Outlet: queue ──> sink.open, send, ..., close or abort

A renderer uses the memory of its pictures again, so each picture is copied once, into a buffer that
all sinks read and that is used again when the last of them is done.
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
"""How long is waited for a sink before the main thread looks whether it is to stop."""

OPENING_SECONDS: Final = 4.0
"""The outputs of a camera that open start without those that have not opened by then."""

LONGEST_OPENING_SECONDS: Final = 20.0
"""Where none opens, or all are needed, it is an error after so long."""

FIRST_SECONDS: Final = 0.5
"""How long the first slate is waited for."""

SPARE_BUFFERS: Final = 2
"""A sink's share of the buffers that are kept to be used again: one waits, one is worked on."""


class Outputs:
    """All sinks of a run. Its methods are the main thread's, but for `join` and `leave`."""

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
        self.remarks: list[str] = []
        """What recordings lack, each in a sentence, once they are finished."""
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
        """Open all sinks at once, and return when they are open.

        One that takes long to open is reported and the others start, if the run is live.

        wanted: False ends the wait.

        Raises what a sink raised that could not be opened, and `SinkError` if one hangs that is
        needed. `close` comes then, too.
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
        """Whether the others start without those that are opening still, which is said then."""
        is_enough = len(opening) < len(self._outlets) and all(each.live for each in opening)
        if is_enough and waited_seconds > OPENING_SECONDS:
            for outlet in opening:
                outlet.told = True
                self._on_trouble(
                    f"{outlet.description} has not opened for {waited_seconds:.0f} seconds. "
                    "The other outputs start without it."
                )
            return True
        if waited_seconds > LONGEST_OPENING_SECONDS:
            raise SinkError(
                f"{opening[0].description} has not opened for {waited_seconds:.0f} seconds.",
                "Name another output, or see whether its drive or display hangs.",
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
        """Hand a picture to every sink; it is copied.

        Where none may be left out, this waits for room, for as long as the picture is `wanted`;
        False if it was given up. Raises as `check` does.

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
        """Hand the picture that was sent last to every sink once more; False if there is none.

        Not to recordings: a picture lasts there until the next one.
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
        """Let go of the picture that was sent last: it is not to be sent again."""
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

    # --- sinks that fail, come and go

    def check(self) -> None:
        """Give up sinks that have failed, and report those that stall and that go on again.

        Raises why a sink failed if no other is left, or if none may fail.
        """
        for outlet in tuple(self._active):
            if outlet.error is not None:
                self._give_up(outlet)
                continue
            others = " The other outputs go on." if len(self._active) > 1 and outlet.live else ""
            if outlet.told and outlet.stage is not Stage.OPENING and not outlet.is_late:
                outlet.told = False
                self._on_trouble(f"{outlet.description} takes pictures now.")
            elif not outlet.told and outlet.is_late and outlet.stage is Stage.SENDING:
                outlet.told = True
                self._on_trouble(
                    f"{outlet.description} has not taken a picture for "
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
                return  # it has just left
            self._active.remove(outlet)
        if outlet.joined:
            self._remove(outlet)
            if not outlet.was_open:
                return  # who asked for it is told
        elif not outlet.live or not self._active:
            raise outlet.error
        self.error = self.error or outlet.error
        self._on_trouble(f"{outlet.problem} The other outputs go on.")

    def join(self, sink: Sink) -> Outlet:
        """Open a sink that takes what is sent from now on; from any thread.

        Raises `SinkError` if the run has ended, or the system has no thread to give.
        """
        outlet = self._outlet(sink, live=self._live, joined=True)
        if self._form is not None and not self._is_closed:
            outlet.start(*self._form)  # may wait for a thread, which the others need not
        with self._changed:
            if self._form is None or self._is_closed:
                outlet.finish(None, keep=True)
                self._changed.notify_all()
                raise SinkError(
                    f"{sink.description} cannot be opened: nothing is running.", "Start again."
                )
            self._buffers.most_spare += SPARE_BUFFERS
            self._outlets.append(outlet)
            self._active.append(outlet)
        return outlet

    def leave(self, outlet: Outlet) -> None:
        """Have a sink that has joined finished, after what waits for it; from any thread."""
        with self._changed:
            if outlet in self._active:
                self._active.remove(outlet)
                self._leaving.append(outlet)
            outlet.finish(None, keep=True)
            self._changed.notify_all()

    def _remove(self, outlet: Outlet) -> None:
        """Forget a sink that has ended."""
        with self._changed:
            self._outlets.remove(outlet)
            self._buffers.most_spare -= SPARE_BUFFERS
        self._note_left_out(outlet)

    def _note_left_out(self, outlet: Outlet) -> None:
        if outlet.keeps and outlet.left_out:
            lacking = counted(outlet.left_out, "picture is", "pictures are")
            self.remarks.append(
                f"{outlet.description}: {lacking} missing: its encoder or drive was too slow."
            )

    # --- the end

    def close(self, last: Rendered | None, *, failed: bool = False) -> None:
        """Close all sinks after what waits for them and `last`; abort those of a file that failed.

        A sink that hangs is left behind. `error` tells of the first that failed, unless the run has
        `failed` for another reason; others are reported.
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
                    "See whether its drive, display or reader still works.",
                )
            if error is not None and (failed or self.error is not None):
                self._on_trouble(problem_of(outlet.description, error))
            elif error is not None:
                self.error = error
