"""The main loop: captures, renders and sends pictures, and decides what to send when that fails.

    capture thread            render thread              main thread             a thread each
    source.frames()  ──────>  renderer.submit()  ─────>  renderer.collect()  ──> every sink
               newest frame only               at most `depth`          newest picture only
               (files: every frame)            in flight                (files: every picture)

Sinks get what `collect` returned or a slate, and nothing else. They get the slate until the first
matte, after `stall_after_seconds` without a good picture, while nobody watches or the run is
paused, and at the end. `Collector` checks pictures, `Show` chooses what to send, `Renderers`
repairs the renderer, and `Outputs` handles sinks that hang or fail.

A live run repairs what fails: the source reopens its device by itself; a renderer that fails or
hangs is closed and reopened, the next time on the CPU; and a sink that fails is removed. When a
file is processed, any failure ends the run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livematte.pipeline.capture import Capture
from livematte.pipeline.events import NO_EVENTS, NO_LIMITS, Limits, PipelineEvents
from livematte.pipeline.on_demand import Idling, OnDemand
from livematte.pipeline.outputs import Outputs
from livematte.pipeline.pending_threads import PendingThreads
from livematte.pipeline.repair import Opening, Renderers
from livematte.pipeline.show import Show
from livematte.pipeline.stage import Stage
from livematte.pipeline.stall_timing import AwakeClock

if TYPE_CHECKING:
    from livematte.pipeline.scene import Scene
    from livematte.pipeline.state import State
    from livematte.pipeline.statistics import Statistics
    from livematte.render.renderer import OpenedRenderer
    from livematte.sinks import Sink
    from livematte.sources import Source


class Pipeline:
    """Runs one source through one renderer into any number of sinks.

    source: not open yet. If it is `live`, frames can be dropped and failures are repaired.
    open_renderer: called in the render thread, with the size of the frames. It is slow, so sinks
        get a slate until it returns. Called again if the renderer fails.
    scene: what to show at first.
    open_fallback: opens another renderer, for when the reopened one fails too.
    on_demand: turns the camera on only while somebody watches; None for always on.

    During the run other threads may call `stop`, `stage.show` to change the scene,
    `renderers.exchange` to change the renderer, and `outputs.join` and `leave` to add and remove a
    sink.
    """

    def __init__(
        self,
        source: Source,
        open_renderer: Opening,
        scene: Scene,
        sinks: Sequence[Sink],
        *,
        open_fallback: Opening | None = None,
        on_demand: OnDemand | None = None,
        limits: Limits = NO_LIMITS,
        events: PipelineEvents = NO_EVENTS,
    ) -> None:
        self._source = source
        self._events = events
        self._stopping = threading.Event()
        self._is_ready = False
        self._clock = clock = AwakeClock()
        self.stage = stage = Stage(scene, live=source.live, on_trouble=events.trouble)
        self._capture = Capture(source, self._stopping)
        self.outputs = Outputs(sinks, clock, live=source.live, on_trouble=events.trouble)
        self._show = Show(
            source,
            self.outputs,
            self._capture.waiting,
            clock,
            lambda: stage.scene,
            limits,
            events,
            self._stopping,
        )
        self._idling = Idling(on_demand, self._show, events.idle)
        self._pending = PendingThreads(clock, events.trouble, live=source.live)
        self.renderers = Renderers(
            source,
            self._capture.waiting,
            lambda: stage.scene,
            (open_renderer, open_fallback),
            self._show.collector.health,
            clock,
            self._pending,
            events.trouble,
        )

    @property
    def state(self) -> State:
        return self._show.state

    @property
    def notice(self) -> str:
        """The text of the current slate; "" while pictures are sent."""
        return self._show.notice

    @property
    def statistics(self) -> Statistics:
        return self._show.tally.statistics

    @property
    def choice(self) -> OpenedRenderer | None:
        """The renderer, once it is open."""
        return self.renderers.current.choice

    @property
    def remarks(self) -> list[str]:
        """What recordings lack, one sentence each, after the run."""
        return self.outputs.remarks

    def stop(self) -> None:
        """End the run soon and cleanly; from any thread, and from signal handlers."""
        self._stopping.set()

    def run(self) -> None:
        """Run until the source ends, `frames` are sent or `stop` is called; then close everything.

        Raises any error that could not be repaired, from any thread, and at the end of a live run
        the error of a sink that was removed. Output files keep what was written until then; the
        output of a file that fails half-way is kept under a name that marks it as incomplete.
        """
        failed = True
        try:
            if not self._capture.open():
                return
            try:
                size, rate = self._source.size, self._source.frames_per_second
                self.outputs.open(size, rate, lambda: not self._stopping.is_set())
                self._run_open()
                failed = False
            finally:
                self.outputs.close(self._show.last_slate, failed=failed)
                self._show.tally.count()
        finally:
            self._capture.close()
        if self.outputs.error is not None:
            raise self.outputs.error

    def _run_open(self) -> None:
        try:
            self.stage.show(self.stage.scene)
            self._show.begin()
            self._pending.start(self._capture.start)
            self.renderers.start()
            self._loop()
        finally:
            self.stop()
            self._capture.stop()
            self.renderers.stop()
            self._show.end()
            self.stage.end()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._clock.tick()
            self._capture.check()
            self.outputs.check()
            if self.choice is not None and not self._is_ready:
                self._is_ready = True
                self._idling.begin(self._clock.seconds)
                self._events.ready(self.choice)
            if not self._show.step(self.renderers.current, is_off=self._idling.is_off):
                return
            self._show.tally.count()
            self._pending.try_again()
            self.renderers.mend(self._show.collector.timer)
            self._idling.look(self._clock.seconds)
            self._mind_pace()
            self._events.turn()

    def _mind_pace(self) -> None:
        if self._source.live and not self._idling.is_off:
            is_whole = not self._source.trouble and self.choice is not None
            if (slow := self._show.tally.slow(is_whole=is_whole)) is not None:
                self._events.slow(slow)
