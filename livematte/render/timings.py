"""How long the stages of rendering take, frame by frame: what `livematte bench` reports."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

KEPT_FRAMES: Final = 1000


class Timings:
    """Durations in seconds by the name of a stage, of the last frames.

    A stage is one of resize (the frame to the network's size), network, refine (the matte to the
    frame's size) and composite. Writing and reading may happen in different threads.
    """

    def __init__(self) -> None:
        self._seconds: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=KEPT_FRAMES)
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done within."""
        started = time.perf_counter()
        yield
        self.record(name, time.perf_counter() - started)

    def record(self, name: str, seconds: float) -> None:
        """Note a duration that was measured otherwise, as that of a request in flight."""
        self._seconds[name].append(seconds)

    def by_stage(self) -> dict[str, list[float]]:
        """Copies of what was noted, in seconds, oldest first."""
        return {name: list(seconds) for name, seconds in list(self._seconds.items())}

    def clear(self) -> None:
        """Forget what was noted, as that of a warm-up."""
        self._seconds.clear()
