"""Measures how long to wait for a picture before something is wrong."""

from __future__ import annotations

import time
from collections import deque
from statistics import median
from typing import Final

LONGEST_STEP_SECONDS: Final = 0.25
"""Between two ticks of the clock. A longer gap means that the process was suspended or the
computer's lid was closed; then a missing picture is not a fault."""

SLEPT_SECONDS: Final = 2.0
"""On a busy computer a process can wait for less; a longer gap is sleep."""

DURATIONS: Final = 5
TIMES_AS_LONG: Final = 3
"""A slow computer is not a fault: a picture can take this many times as long as the last ones."""


class AwakeClock:
    """Counts the seconds in which the process could run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept = 0
        """How often the process was suspended."""
        self._last_seconds = time.monotonic()

    def tick(self) -> None:
        """Call this many times a second."""
        now = time.monotonic()
        self.seconds += min(now - self._last_seconds, LONGEST_STEP_SECONDS)
        self.slept += now - self._last_seconds > SLEPT_SECONDS
        self._last_seconds = now


class StallTimer:
    """Tracks when the last picture was shown, and how long pictures take."""

    def __init__(self, clock: AwakeClock) -> None:
        self._clock = clock
        self._durations: deque[float] = deque(maxlen=DURATIONS)
        self._shown_seconds: float | None = None

    def stretched(self, seconds: float) -> float:
        """At least `seconds`, and more if pictures usually take longer."""
        usual = median(self._durations) if self._durations else 0.0
        return max(seconds, TIMES_AS_LONG * usual)

    def is_exhausted(self, after_seconds: float) -> bool:
        """Whether no picture was shown for `after_seconds`, stretched, or none ever."""
        return self._shown_seconds is None or (
            self._clock.seconds - self._shown_seconds > self.stretched(after_seconds)
        )

    def took(self, seconds: float) -> None:
        """Note how long a picture took, shown or not."""
        self._durations.append(seconds)

    def shown(self) -> None:
        """Note that a picture is shown now."""
        self._shown_seconds = self._clock.seconds

    def lose(self) -> None:
        """Forget the last picture, because the camera is off."""
        self._shown_seconds = None
