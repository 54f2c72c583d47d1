"""Chooses what to send to the sinks: a picture, the last one again, or a slate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from livematte.pipeline.collector import Collector
from livematte.pipeline.events import Limits, PipelineEvents
from livematte.pipeline.frame_queue import FrameQueue
from livematte.pipeline.outputs import Outputs
from livematte.pipeline.render_thread import POLL_SECONDS, RenderThread
from livematte.pipeline.slates import CAMERA_OFF, IDLE_SLATE_SECONDS, STARTING, WITHDRAWN, Slates
from livematte.pipeline.stall_timing import AwakeClock
from livematte.pipeline.state import State
from livematte.pipeline.tally import Tally

if TYPE_CHECKING:
    from livematte.frame import Rendered
    from livematte.pipeline.scene import Scene
    from livematte.sources import Source

IDLE_POLL_SECONDS: Final = 0.1
"""How often viewers are looked for while idle."""

HOLD_SECONDS: Final = 0.25
"""If the latest pictures are known to be wrong, the one before is held for at most this long."""

PROVEN_SECONDS: Final = 0.5
"""A matte that is refused this soon after a picture was sent makes that picture doubtful too: some
faults need several frames to be detected. Such a picture is not used as the frozen one."""

_WITHOUT_PICTURES: Final = (State.PAUSED, State.FROZEN, State.IDLE)
"""States in which no picture is sent on purpose, so none counts as missing."""


class Show:
    """Chooses what to send, and sends it; main thread only.

    state: what the run is doing. tally: its counters. collector: the source of pictures.
    """

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        waiting: FrameQueue,
        clock: AwakeClock,
        scene: Callable[[], Scene],
        limits: Limits,
        events: PipelineEvents,
        stopping: threading.Event,
    ) -> None:
        """waiting: the queue of frames to render. clock: ticked by the main thread.

        stopping: set to end the run.
        """
        self.state = State.STARTING
        self.last_slate: Rendered | None = None
        """Sent when the outputs are closed."""
        self.tally = Tally(clock, waiting, outputs)
        self.collector = Collector(source, clock, scene, limits.stall_after_seconds, events.doubt)
        self._source = source
        self._outputs = outputs
        self._scene = scene
        self._limits = limits
        self._on_sent = events.sent
        self._stopping = stopping
        self._slates = Slates(outputs, scene, self._is_wanted)
        self._sent_seconds = 0.0
        self._is_unsure = False
        """Whether the frozen picture is doubtful; the slate is then sent in its place."""

    @property
    def notice(self) -> str:
        """The text of the slate; "" while pictures are sent."""
        return self._slates.notice

    def begin(self) -> None:
        """Send the first slate, once source and outputs are open, and wait until it is taken."""
        self.collector.begin()
        self.send_slate(STARTING)
        self._outputs.wait_until_taken()

    def send_slate(self, notice: str) -> None:
        self._slates.show(self._source.size, notice)

    def end(self) -> None:
        """Make the last slate."""
        self.state = State.ENDED
        self.last_slate = self._slates.end(self._source.size)

    def step(self, rendering: RenderThread, *, is_off: bool) -> bool:
        """Send the next picture or slate; False if nothing will follow.

        is_off: the camera is off because nobody watches.
        """
        self._enter(self._wished(rendering, is_off))
        if self.state is State.IDLE:
            notice = self._scene().notice or CAMERA_OFF
            self._slates.repeat(self._source.size, notice, IDLE_SLATE_SECONDS)
            self._stopping.wait(IDLE_POLL_SECONDS)
            return True
        if self.state is State.STARTING:
            self._slates.repeat(self._source.size, STARTING)
            self._stopping.wait(POLL_SECONDS)
            return True
        if self.state is State.PAUSED:
            self._slates.repeat(self._source.size, self._scene().notice or self.notice)
            return self._let_go(rendering)
        if self._source.live and not self._outputs.wait_for_room(POLL_SECONDS):
            return True
        finished = rendering.all_submitted.is_set()
        picture = self.collector.next(rendering)
        if picture is not None and not is_off and self._publish(picture):
            return self.tally.handed != self._limits.frames
        self._look_for_trouble(rendering)
        return not finished or rendering.is_working

    def _wished(self, rendering: RenderThread, is_off: bool) -> State:
        scene = self._scene()
        self._is_unsure &= scene.frozen
        if is_off and not rendering.is_working:
            return State.IDLE
        if scene.notice:
            return State.PAUSED
        if rendering.choice is None:
            return State.STARTING
        if self.state is State.FROZEN:
            return State.FROZEN if scene.frozen else State.HOLDING
        if self.state in (State.SHOWING, State.SLATE):
            return self.state
        return State.HOLDING

    def _enter(self, state: State) -> None:
        was, self.state = self.state, state
        if was is state:
            return
        if was is State.PAUSED:
            self.collector.timer.shown()  # the slate stays until pictures come again
        if state in _WITHOUT_PICTURES:
            self.tally.pause(float("inf"))
        elif was in _WITHOUT_PICTURES:
            self.tally.pause()

    def _let_go(self, rendering: RenderThread) -> bool:
        """While paused, drop a camera's pictures in flight; a file's wait.

        False if none will follow.
        """
        if self._source.live and rendering.choice is not None and rendering.is_working:
            self.collector.next(rendering)
            return True
        self._stopping.wait(POLL_SECONDS)
        return rendering.is_working or not rendering.all_submitted.is_set()

    def _publish(self, picture: Rendered) -> bool:
        """Send a good picture, or the frozen one in its place; returns whether it was sent."""
        scene = self._scene()
        if scene.notice and self._source.live:
            return False
        if scene.frozen and self._is_unsure:
            self._slates.repeat(self._source.size, WITHDRAWN)
            return True
        if scene.frozen and self._outputs.send_again(self._is_wanted, mirrored=scene.mirrored):
            self._slates.notice = ""
            self._enter(State.FROZEN)
            return True
        self._slates.notice = ""
        if not self._outputs.send(picture, self._is_wanted, mirrored=scene.mirrored):
            return False
        self._enter(State.SHOWING)
        self._sent_seconds = self.collector.now_seconds
        self.tally.handed += 1
        self._on_sent(picture)
        return True

    def _look_for_trouble(self, rendering: RenderThread) -> None:
        """No picture was sent: hold the last one for a while, then send the slate."""
        if not self._source.live:
            return
        health = self.collector.health
        if health.wrong and self.collector.now_seconds - self._sent_seconds < PROVEN_SECONDS:
            self._outputs.forget_last()
            self._is_unsure = self._scene().frozen
        longest_seconds = self._limits.stall_after_seconds
        if health.is_wrong:
            longest_seconds = min(HOLD_SECONDS, longest_seconds)
        if self.collector.timer.is_exhausted(longest_seconds):
            self._enter(State.SLATE)
            self._slates.repeat(self._source.size, self._trouble(rendering))
        elif health.is_wrong and self.state is State.SHOWING:
            self._enter(State.HOLDING)

    def _trouble(self, rendering: RenderThread) -> str:
        """Why no picture comes, in a few words."""
        health = self.collector.health
        if self._source.trouble:
            return self._source.trouble
        if health.is_failing:
            return "The matte failed, one moment"
        if health.wrong:
            return health.wrong
        if rendering.is_working:
            return "The matte takes too long, one moment"
        return self.notice or "No picture from the camera"

    def _is_wanted(self) -> bool:
        return not self._stopping.is_set()
