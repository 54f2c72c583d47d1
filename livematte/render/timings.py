"""How long the stages of rendering take, frame by frame. `livematte bench` reports it."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

KEPT_FRAMES: Final = 1000


class Timings:
    """Durations of the last frames in seconds, by stage.

    The stages are resize (the frame to the network's size), network, refine (the matte to the
    frame's size) and composite. Different threads may write and read.
    """

    def __init__(self) -> None:
        self._seconds: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=KEPT_FRAMES)
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        started = time.perf_counter()
        yield
        self.record(name, time.perf_counter() - started)

    def record(self, name: str, seconds: float) -> None:
        """Add a duration that was measured elsewhere, such as that of a request in flight."""
        self._seconds[name].append(seconds)

    def by_stage(self) -> dict[str, list[float]]:
        """Copies of the recorded durations, in seconds, oldest first."""
        return {name: list(seconds) for name, seconds in list(self._seconds.items())}

    def clear(self) -> None:
        """Discard all durations, such as those of a warm-up."""
        self._seconds.clear()
