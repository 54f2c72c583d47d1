"""Takes the state of a run, with its rate, latency and CPU use."""

from __future__ import annotations

import time
from typing import Final

from livematte.options.settings import LiveState
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.state import State
from livematte.render.processor import cores
from livematte.sources import Source

FIGURES_SECONDS: Final = 0.2
"""How often rate and latency are computed; everything else is always current."""

SHARE_SECONDS: Final = 1.0
"""CPU use is averaged over this long."""


class StateTaker:
    """Takes the state of a run; main thread only."""

    def __init__(self, pipeline: Pipeline, source: Source) -> None:
        self._pipeline = pipeline
        self._source = source
        self._rate = 0.0
        self._latency_seconds: float | None = None
        self._figures_seconds = 0.0
        self._share: float | None = None
        self._share_seconds = time.monotonic()
        self._used_seconds = time.process_time()

    def take(self) -> LiveState:
        now = time.monotonic()
        pipeline = self._pipeline
        statistics = pipeline.statistics
        if now - self._figures_seconds >= FIGURES_SECONDS:
            self._figures_seconds = now
            self._rate = statistics.recent_frames_per_second
            self._latency_seconds = statistics.recent_latency_seconds
        if now - self._share_seconds >= SHARE_SECONDS:
            self._take_share(now)
        choice = pipeline.choice
        return LiveState(
            frames_per_second=self._rate,
            latency_seconds=self._latency_seconds,
            cpu_share=self._share,
            frames=statistics.frames,
            dropped=statistics.dropped,
            device="" if choice is None else choice.renderer.description,
            camera=self._source.description,
            notice=pipeline.notice,
            is_idle=pipeline.state is State.IDLE,
        )

    def _take_share(self, now: float) -> None:
        used_seconds = time.process_time()
        passed_seconds = now - self._share_seconds
        self._share = min(1.0, (used_seconds - self._used_seconds) / passed_seconds / cores())
        self._share_seconds, self._used_seconds = now, used_seconds
