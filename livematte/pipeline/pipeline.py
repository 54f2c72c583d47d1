"""The loop: what is captured, rendered and sent, and what is sent while that goes wrong.

    capture thread            render thread              main thread             a thread each
    source.frames()  ──────>  renderer.submit()  ─────>  renderer.collect()  ──> every sink
               newest frame only               at most `depth`          newest picture only
               (files: every frame)            in flight                (files: every picture)

Sinks are given what `collect` returned or a slate, and nothing else: the slate until the first
matte, whenever no picture that may be shown has come for `stall_after_seconds`, while nobody
watches, and last of all. See `outputs` for what they do when one is slow, hangs or fails.

What fails while a camera runs is mended: the source opens its device again by itself, a renderer
that fails or hangs is closed and opened anew, then on the CPU, and a sink that fails is given up.
Where a file is worked on, whatever fails ends the run.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from livematte.background import Picture
from livematte.errors import LivematteError, MatteError, RenderError
from livematte.options.changes import (
    Change,
    NextBackground,
    PreviousBackground,
    Quit,
    SetBackground,
)
from livematte.pipeline.frame_queue import FrameQueue
from livematte.pipeline.outputs import Outputs
from livematte.pipeline.pace import Pace, Slow
from livematte.pipeline.picture_guard import PictureGuard
from livematte.pipeline.render_thread import POLL_SECONDS, RenderThread
from livematte.pipeline.slate import backdrop, slate
from livematte.pipeline.stall_timing import AwakeClock, StallTimer
from livematte.pipeline.statistics import Statistics
from livematte.sinks import Sink
from livematte.threads.attempt import Attempt
from livematte.threads.start import PATIENCE_SECONDS, NoThreadError, start

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.frame import Frame, Rendered, Size
    from livematte.render.renderer import OpenedRenderer
    from livematte.sources import Source

STALL_AFTER_SECONDS: Final = 0.5
"""Without a picture for so long, the slate takes over; later where pictures take longer anyway."""

HOLD_SECONDS: Final = 0.25
"""The same where the last pictures are known to be wrong: the one before them is held so long."""

SLATE_SECONDS: Final = 0.1
"""A slate is sent again this often, so that who opens a virtual camera sees it at once."""

IDLE_SLATE_SECONDS: Final = 1.0
"""The same while nobody watches."""

IDLE_POLL_SECONDS: Final = 0.1
"""How often it is looked, while nobody watches, whether somebody does."""

IDLE_AFTER_SECONDS: Final = 5.0
"""The camera is kept on for so long after the last one who watched."""

PAUSE_SECONDS: Final = 1.0
"""Frames that are dropped so soon after a pause are those that a driver has kept."""

JOIN_SECONDS: Final = 0.4
"""How long a thread is given to end; one that is stuck in a driver is left behind."""

FAILING_SECONDS: Final = 1.0
"""A renderer that has failed on every frame for so long is opened anew."""

DOUBTING_SECONDS: Final = 8.0
"""The same of one whose every matte is refused: a device that computes nonsense. Longer, since a
person may be the cause, who then moves."""

HANGING_SECONDS: Final = 4.0
"""A renderer that has worked on one frame for so long is given up."""

REOPENING_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)
"""How long a renderer is kept after the first time that one was opened anew, the second, ... It may
well recover by itself."""

RETRY_SECONDS: Final = 0.5
"""The same where it could not even be opened."""

MENDED_SECONDS: Final = 60.0
"""A renderer that has run for so long counts as mended."""


class Controls(Protocol):
    """Where a person asks for changes: the preview window."""

    def poll(self) -> list[Change]:
        """What was asked for since the last call."""
        ...


class OnDemand(NamedTuple):
    """How to know whether anybody watches, and how to turn the camera off and on.

    All are called by the main thread, `is_watched` several times a second.
    """

    is_watched: Callable[[], bool]
    turn_off: Callable[[], None]
    turn_on: Callable[[], None]


class Pipeline:
    """Runs one source through one renderer into any number of sinks.

    source: not open yet. Its `live` says whether frames may be dropped, and faults be outlived.
    open_renderer: called in the render thread, with the size of the frames. It is slow, so the
        sinks are shown a slate meanwhile. Called again if the renderer fails.
    backgrounds: at least one. The first is shown first, the others follow on command.
    open_fallback: another renderer, for when the one that was opened anew fails as well.
    frames: end after so many pictures; None for no end.
    stall_after_seconds: how long at most no new picture is sent before the slate is.
    on_demand: the camera is on only while somebody watches; None for always.
    on_ready: called in the main thread once the renderer is open.
    on_sent: called in the main thread after each picture that was sent; it does not keep it.
    on_trouble: told in a sentence, by any thread, what has failed and what is done about it.
    on_idle: told whether the camera was turned off, since nobody watches, or on again.
    on_slow: told once if pictures were too slow for long, of a live source.
    on_doubt: told of each frame of a file whose matte cannot be right, and why; what it raises ends
        the run. Such a frame is sent as the background alone.
    """

    def __init__(
        self,
        source: Source,
        open_renderer: Callable[[Size], OpenedRenderer],
        backgrounds: Sequence[Background],
        sinks: Sequence[Sink],
        *,
        open_fallback: Callable[[Size], OpenedRenderer] | None = None,
        controls: Controls | None = None,
        frames: int | None = None,
        stall_after_seconds: float = STALL_AFTER_SECONDS,
        on_demand: OnDemand | None = None,
        on_ready: Callable[[OpenedRenderer], None] | None = None,
        on_sent: Callable[[Rendered], None] | None = None,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
        on_idle: Callable[[bool], None] = lambda _is_off: None,
        on_slow: Callable[[Slow], None] = lambda _slow: None,
        on_doubt: Callable[[Frame, MatteError], None] = lambda _frame, _error: None,
    ) -> None:
        self.statistics = Statistics()
        self.notice = "Starting"
        """What the slate says now; "" while pictures are sent."""
        self.left_behind = False
        """Whether a thread was stuck when the run ended and may still be."""
        self._source = source
        self._open_renderer = open_renderer
        self._open_fallback = open_fallback
        self._backgrounds = backgrounds
        self._background_index = 0
        self._controls = controls
        self._frames = frames
        self._stall_after_seconds = stall_after_seconds
        self._on_demand = on_demand
        self._on_ready = on_ready
        self._on_sent = on_sent
        self._on_trouble = on_trouble
        self._on_idle = on_idle
        self._on_slow = on_slow
        self._on_doubt = on_doubt

        self._waiting = FrameQueue(source)
        self._stopping = threading.Event()
        self._unstarted: list[Callable[[], None]] = []
        self._unstarted_since_seconds: float | None = None
        self._capture_error: BaseException | None = None
        self._is_capture_stuck = False
        self._slate_seconds = 0.0
        self._last_slate: Rendered | None = None

        self._clock = AwakeClock()
        self._outputs = Outputs(sinks, self._clock, live=source.live, on_trouble=on_trouble)
        self._handed = 0
        self._late = self._held_up = 0
        """Frames dropped before the renderer and before the outputs, counted or not."""
        self._slept = 0
        self._counting_from_seconds = 0.0
        self._pace = Pace()
        self._stall_timer = StallTimer(self._clock)
        self._rendering = self._make_rendering(open_renderer)
        self._given_up: list[RenderThread] = []
        self._told_ready = False
        self._reopened = 0
        self._reopened_seconds = -RETRY_SECONDS
        self._wrong = ""
        """Why the last picture was not sent, in a few words; "" if it was."""
        self._failing_since_seconds: float | None = None
        self._doubting_since_seconds: float | None = None
        self._last_failure: BaseException | None = None
        self._watched_seconds = 0.0
        self._is_off = False

    @property
    def background(self) -> Background:
        """The background that frames are put on now."""
        backgrounds = self._backgrounds  # another thread may replace them
        return backgrounds[self._background_index % len(backgrounds)]

    @property
    def choice(self) -> OpenedRenderer | None:
        """The renderer, once it is open."""
        return self._rendering.choice

    @property
    def remarks(self) -> list[str]:
        """What recordings lack, each in a sentence, once it has run."""
        return self._outputs.remarks

    @property
    def backgrounds(self) -> Sequence[Background]:
        """All that can be switched between."""
        return self._backgrounds

    def replace_backgrounds(self, backgrounds: Sequence[Background]) -> None:
        """Put frames on others from now on, at least one; from any thread."""
        before, self._backgrounds = self._backgrounds, tuple(backgrounds)
        self._play(self._backgrounds)
        _stop([each for each in before if each not in self._backgrounds])

    def stop(self) -> None:
        """End the run soon and in good order; from any thread, and from signal handlers."""
        self._stopping.set()

    def run(self) -> None:
        """Run until the source ends, `frames` are sent or `stop` is called, and close everything.

        Raises whatever failed and could not be mended, in whichever thread, and at the end of a
        live run what a sink was given up for. Files keep what was given until then; what was
        made from a file that fails half-way is kept under a name that tells so.
        """
        with ExitStack() as closing_source:
            if not self._open_source(closing_source):
                return
            try:
                self._outputs.open(
                    self._source.size, self._source.frames_per_second, self._is_wanted
                )
                self._run_open()
            except BaseException:
                self._close_outputs(failed=True)
                raise
            else:
                self._close_outputs(failed=False)
            finally:
                if self._is_capture_stuck:
                    # Closing what a stuck thread still reads from could hang or crash.
                    closing_source.pop_all()
        if self._outputs.error is not None:
            raise self._outputs.error

    def _is_wanted(self) -> bool:
        return not self._stopping.is_set()

    def _open_source(self, closing: ExitStack) -> bool:
        """Open it and have it closed at the end; False if the run is to end before it is open.

        It may take seconds in a driver or wait for an answer from afar, which nothing can end.
        """
        source = self._source
        if sys.platform == "darwin":
            # There the first camera must be opened by the main thread, which asks for permission.
            closing.enter_context(source)
            return not self._stopping.is_set()
        opening = Attempt(source.__enter__, "open")
        opening.start()
        while not opening.has_ended(POLL_SECONDS):
            if self._stopping.is_set():
                source.interrupt()
                if not opening.has_ended(JOIN_SECONDS):
                    self.left_behind = True
                break
        if self._stopping.is_set():
            opening.leave(lambda: source.__exit__(None, None, None))
            return False
        opening.raise_error()
        closing.push(source.__exit__)
        return True

    def _play(self, backgrounds: Sequence[Background]) -> None:
        for each in backgrounds:
            if isinstance(each, Picture):
                each.play(live=self._source.live, on_trouble=self._on_trouble)

    def _run_open(self) -> None:
        self._play(self._backgrounds)
        self._guard = PictureGuard(self._source.size)
        capture = threading.Thread(target=self._capture, name="capture", daemon=True)
        try:
            self._show_slate("Starting")
            self._outputs.wait_until_taken()
            self._start(lambda: start(capture))
            self._start(self._rendering.start)
            self._feed_sinks()
        finally:
            self.stop()
            self._source.interrupt()
            self._waiting.close()
            self._rendering.stop()
            if capture.ident is not None:
                capture.join(JOIN_SECONDS)
                self._is_capture_stuck = self.left_behind = capture.is_alive()
            for rendering in (*self._given_up, self._rendering):
                self.left_behind |= not rendering.join(JOIN_SECONDS)
            self.notice = "Camera off"
            self._last_slate = slate(self._source.size, self.background, self.notice)
            _stop(self._backgrounds)

    def _close_outputs(self, *, failed: bool) -> None:
        self._outputs.close(self._last_slate, failed=failed)
        self.left_behind |= self._outputs.left_behind
        self._count_taken()

    # --- the capture thread

    def _capture(self) -> None:
        try:
            for frame in self._source.frames():
                if not self._waiting.put(frame):
                    return
            self._waiting.end()
        except BaseException as error:
            self._capture_error = error
            self._waiting.close()

    # --- the main thread

    def _feed_sinks(self) -> None:
        while not self._stopping.is_set():
            self._clock.tick()
            if self._capture_error is not None:
                raise self._capture_error
            self._outputs.check()
            if not self._feed_one():
                return
            self._count_taken()
            self._start_threads()
            self._mend_rendering()
            self._mind_watchers()
            self._mind_pace()
            self._obey()

    def _start(self, start_thread: Callable[[], None]) -> None:
        """Start a thread, now or as soon as the system has one."""
        self._unstarted.append(start_thread)
        self._start_threads()

    def _start_threads(self) -> None:
        try:
            while self._unstarted:
                self._unstarted[0]()
                del self._unstarted[0]
            self._unstarted_since_seconds = None
        except NoThreadError as error:
            now = self._clock.seconds
            if self._unstarted_since_seconds is None:
                self._unstarted_since_seconds = now
                self._on_trouble(f"{error.problem} It is tried again. {error.remedy}")
            elif not self._source.live and now - self._unstarted_since_seconds > PATIENCE_SECONDS:
                raise

    def _feed_one(self) -> bool:
        """Send the next picture if it is done in time; False if it was the last one."""
        rendering = self._rendering
        if rendering.choice is None:
            self._repeat_slate("Starting")
            self._stopping.wait(POLL_SECONDS)
            return True
        if not self._told_ready:
            self._told_ready = True
            self._watched_seconds = self._clock.seconds
            if self._on_ready is not None:
                self._on_ready(rendering.choice)
        if self._is_off and not rendering.is_working:
            self._repeat_slate("Camera off", IDLE_SLATE_SECONDS)
            self._stopping.wait(IDLE_POLL_SECONDS)
            return True

        if self._source.live and not self._outputs.wait_for_room(POLL_SECONDS):
            return True
        finished = rendering.all_submitted.is_set()
        if self._send_next(rendering):
            return self._handed != self._frames
        is_wrong = self._wrong or self._failing_since_seconds is not None
        hold_seconds = min(HOLD_SECONDS, self._stall_after_seconds)
        if self._source.live and self._stall_timer.is_exhausted(
            hold_seconds if is_wrong else self._stall_after_seconds
        ):
            self._repeat_slate(self._trouble())
        return not finished or rendering.is_working

    def _send_next(self, rendering: RenderThread) -> bool:
        """Send the next picture if it is done in time and sound, and say whether it was sent.

        Of a live source a failure is only noted.
        """
        assert rendering.choice is not None
        try:
            picture = rendering.choice.renderer.collect(POLL_SECONDS)
        except MatteError as error:
            return self._do_without_matte(rendering, error)
        except Exception as error:
            if not self._source.live:
                raise
            rendering.lost()
            self._note_failure(error)
            return False
        return picture is not None and self._send_if_sound(rendering, picture)

    def _do_without_matte(self, rendering: RenderThread, error: MatteError) -> bool:
        """Of a file send the background alone, of a camera nothing; says whether it was sent."""
        flight = rendering.lost()
        if flight is None:
            if not self._source.live:
                raise error
            self._note_failure(error)
            return False
        if not self._source.live:
            self._on_doubt(flight.frame, error)
            picture = backdrop(flight.frame, self.background)
            self._source.recycle(flight.frame)
            return self._publish(picture)
        self._source.recycle(flight.frame)
        self._stall_timer.took(self._clock.seconds - flight.submitted_seconds)
        self._failing_since_seconds = None
        self._wrong = error.doubt
        if self._doubting_since_seconds is None:
            self._doubting_since_seconds = self._clock.seconds
        self._last_failure = error
        return False

    def _send_if_sound(self, rendering: RenderThread, picture: Rendered) -> bool:
        """Send a picture that is what it should be, and say whether it is."""
        flight = rendering.landed(picture)
        if flight is None:
            error = RenderError(
                f"The renderer gave a picture of frame {picture.index}, which it was not to make.",
                "Try another --device.",
            )
            if not self._source.live:
                raise error
            self._note_failure(error)
            return False
        self._source.recycle(flight.frame)
        if self._is_off:
            return False  # it was on its way when the camera was turned off
        if self._source.live:
            seconds = self._clock.seconds - flight.submitted_seconds
            self._stall_timer.took(seconds)
            is_late = seconds > self._stall_timer.stretched(self._stall_after_seconds)
            self._failing_since_seconds = None
            self._wrong = (
                "The matte came too late"
                if is_late
                else self._guard.problem(picture, self._clock.seconds)
            )
            if self._wrong:
                return False
            self._stall_timer.shown()
            self._doubting_since_seconds = None
        return self._publish(picture)

    def _publish(self, picture: Rendered) -> bool:
        self.notice = ""
        if not self._outputs.send(picture, self._is_wanted):
            return False
        self._handed += 1
        if self._on_sent is not None:
            self._on_sent(picture)
        return True

    def _count_taken(self) -> None:
        for each in self._outputs.taken():
            self.statistics.sent(each.captured_seconds, each.taken_seconds, each.is_shown)
        late, held_up = self._waiting.dropped, self._outputs.dropped
        dropped = late + held_up - self._late - self._held_up
        self._late, self._held_up = late, held_up
        if self._clock.slept > self._slept:
            self._slept = self._clock.slept
            self._pause(PAUSE_SECONDS)
        # What comes while the network is compiled, or is left in a driver after a pause, is not
        # dropped for want of time.
        if self._handed and self._clock.seconds >= self._counting_from_seconds:
            self.statistics.dropped += dropped

    def _pause(self, seconds: float) -> None:
        """Pictures go on after a pause, or are about to stop; what is dropped does not count."""
        self.statistics.pause()
        self._pace.pause()
        self._counting_from_seconds = self._clock.seconds + seconds

    def _mind_pace(self) -> None:
        if not self._source.live or not self._handed or self._is_off:
            return
        if self._source.trouble or self._rendering.choice is None:
            self._pace.pause()
            return
        frames, late, held_up = self.statistics.frames, self._late, self._held_up
        slow = self._pace.look(self._clock.seconds, frames, late, held_up)
        if slow is not None:
            self._on_slow(slow)

    def _trouble(self) -> str:
        """Why no picture comes, in a few words."""
        if self._source.trouble:
            return self._source.trouble
        if self._failing_since_seconds is not None:
            return "The matte failed, one moment"
        if self._wrong:
            return self._wrong
        if self._rendering.is_working:
            return "The matte takes too long, one moment"
        return self.notice or "No picture from the camera"

    def _show_slate(self, notice: str) -> None:
        self.notice = notice
        self._outputs.send(slate(self._source.size, self.background, notice), self._is_wanted)
        self._slate_seconds = time.monotonic()

    def _repeat_slate(self, notice: str, every_seconds: float = SLATE_SECONDS) -> None:
        if notice != self.notice or time.monotonic() - self._slate_seconds >= every_seconds:
            self._show_slate(notice)

    def _obey(self) -> None:
        for change in self._controls.poll() if self._controls is not None else ():
            if isinstance(change, Quit):
                self.stop()
            elif isinstance(change, NextBackground):
                self._background_index = (self._background_index + 1) % len(self._backgrounds)
            elif isinstance(change, PreviousBackground):
                self._background_index = (self._background_index - 1) % len(self._backgrounds)
            elif isinstance(change, SetBackground) and isinstance(change.background, int):
                self._background_index = change.background

    # --- the main thread: a renderer that fails

    def _make_rendering(self, open_renderer: Callable[[Size], OpenedRenderer]) -> RenderThread:
        return RenderThread(
            lambda: open_renderer(self._source.size),
            self._waiting,
            lambda: self.background,
            lambda: self._clock.seconds,
            live=self._source.live,
        )

    def _note_failure(self, error: BaseException) -> None:
        self._last_failure = error
        if self._failing_since_seconds is None:
            self._failing_since_seconds = self._clock.seconds

    def _mend_rendering(self) -> None:
        """Open a renderer anew that has ended, fails on and on, or hangs."""
        rendering, now = self._rendering, self._clock.seconds
        self._given_up = [each for each in self._given_up if not each.join(0)]
        if rendering.error is not None and not (self._source.live and self._told_ready):
            raise rendering.error
        if rendering.refusal is not None:
            self._note_failure(rendering.refusal)
        if rendering.error is not None:
            if now - self._reopened_seconds > RETRY_SECONDS:
                self._reopen(rendering.error)
            return
        kept_seconds = REOPENING_SECONDS[min(self._reopened, len(REOPENING_SECONDS)) - 1]
        if self._reopened and now - self._reopened_seconds < kept_seconds:
            return
        failing_since, doubting_since = self._failing_since_seconds, self._doubting_since_seconds
        hanging_seconds = rendering.oldest_seconds() or 0.0
        if (failing_since is not None and now - failing_since > FAILING_SECONDS) or (
            doubting_since is not None and now - doubting_since > DOUBTING_SECONDS
        ):
            assert self._last_failure is not None
            self._reopen(self._last_failure)
        elif self._source.live and hanging_seconds > self._stall_timer.stretched(HANGING_SECONDS):
            problem = f"The network has not answered for {hanging_seconds:.0f} seconds."
            self._reopen(RenderError(problem, "Try another --device."))

    def _reopen(self, why: BaseException) -> None:
        """Give the renderer up and open another in its place."""
        now = self._clock.seconds
        if now - self._reopened_seconds > MENDED_SECONDS:
            self._reopened = 0
        use_fallback = self._reopened >= 1 and self._open_fallback is not None
        self._reopened += 1
        self._reopened_seconds = now
        self._failing_since_seconds = self._doubting_since_seconds = None

        problem = why.problem if isinstance(why, LivematteError) else str(why) or repr(why)
        where = " on the CPU" if use_fallback else ""
        self._on_trouble(f"{problem.rstrip('.')}: the network is opened anew{where}.")
        del why
        self._last_failure = None
        given_up = self._rendering
        given_up.stop()
        self._given_up.append(given_up)
        opening = self._open_renderer
        if use_fallback and self._open_fallback is not None:
            # For good: who has failed twice on the device would fail a third time.
            opening = self._open_renderer = self._open_fallback

        def open_after_it(size: Size) -> OpenedRenderer:
            # Two at once may be more than the device has room for. What the first one raised holds
            # on to it by tracebacks, in cycles, whose size Python does not know.
            given_up.join(JOIN_SECONDS)
            given_up.forget()
            gc.collect()
            return opening(size)

        self._rendering = self._make_rendering(open_after_it)
        self._start(self._rendering.start)

    # --- the main thread: nobody watches

    def _mind_watchers(self) -> None:
        """Turn the camera off when nobody has watched for a while, and on when somebody does."""
        if self._on_demand is None or not self._told_ready:
            return
        if self._on_demand.is_watched():
            self._watched_seconds = self._clock.seconds
            if self._is_off:
                self._is_off = False
                self._pause(PAUSE_SECONDS)
                self._show_slate("Starting")
                self._on_demand.turn_on()
                self._on_idle(False)
        elif not self._is_off and self._clock.seconds - self._watched_seconds > IDLE_AFTER_SECONDS:
            self._is_off = True
            self._stall_timer.lose()
            self._pause(float("inf"))
            self._on_demand.turn_off()
            self._on_idle(True)


def _stop(backgrounds: Sequence[Background]) -> None:
    for each in backgrounds:
        if isinstance(each, Picture):
            each.stop()
