"""Statistics of a run: frames, drops, frames per second, and latency from capture to display."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

RECENT_SECONDS: Final = 2.0
"""The current rate is averaged over this long."""

KEPT_LATENCIES: Final = 10_000
"""Percentiles cover this many last frames, so that memory does not grow with a long call."""


@dataclass(frozen=True)
class Summary:
    """The result of a run. Latencies are None before the first frame."""

    frames: int
    dropped: int
    frames_per_second: float
    median_latency_seconds: float | None
    p95_latency_seconds: float | None


class Statistics:
    """Counts what the pipeline sends. One thread writes and reads; only drops come from another."""

    def __init__(self) -> None:
        self.dropped = 0
        self.frames = 0
        self.last_seconds = 0.0
        """When the last picture was taken."""
        self._elapsed_seconds = 0.0
        self._gaps = 0
        """Intervals between pictures, without those that contain pauses."""
        self._is_paused = True
        self._recent: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=KEPT_LATENCIES)

    def sent(
        self, captured_seconds: float, taken_seconds: float | None = None, is_shown: bool = True
    ) -> None:
        """Count a picture that was accepted at `taken_seconds`; None for now.

        is_shown: whether its latency counts; it does not if only a recording got the picture.
        """
        now = time.monotonic() if taken_seconds is None else taken_seconds
        if not self._is_paused:
            self._elapsed_seconds += now - self.last_seconds
            self._gaps += 1
        self._is_paused = False
        self.frames += 1
        self.last_seconds = now
        if is_shown:
            self._latencies.append(now - captured_seconds)
        self._recent.append(now)
        while now - self._recent[0] > RECENT_SECONDS:
            self._recent.popleft()

    def pause(self) -> None:
        """Do not count time until the next picture: the camera is off, or the computer sleeps."""
        self._is_paused = True
        self._recent.clear()

    @property
    def recent_frames_per_second(self) -> float:
        """The rate of the last seconds; 0.0 until two frames have been sent."""
        if len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) / (self._recent[-1] - self._recent[0])

    @property
    def recent_latency_seconds(self) -> float | None:
        """The median latency of the frames of the last seconds."""
        latencies = list(self._latencies)[-max(1, len(self._recent)) :]
        return float(np.median(latencies)) if latencies else None

    def summary(self) -> Summary:
        """The whole run so far."""
        latencies = list(self._latencies)
        return Summary(
            self.frames,
            self.dropped,
            self._gaps / self._elapsed_seconds if self._elapsed_seconds > 0 else 0.0,
            float(np.median(latencies)) if latencies else None,
            float(np.percentile(latencies, 95)) if latencies else None,
        )
