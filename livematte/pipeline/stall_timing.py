"""How long to wait for a picture before something is wrong."""

from __future__ import annotations

import time
from collections import deque
from statistics import median
from typing import Final

LONGEST_STEP_SECONDS: Final = 0.25
"""Between two looks at the clock. Who looks later was asleep: the program was stopped, or the
computer's lid was closed, and nobody is to blame that no picture came."""

SLEPT_SECONDS: Final = 2.0
"""A busy computer may keep a program waiting for less; more is sleep."""

DURATIONS: Final = 5
TIMES_AS_LONG: Final = 3
"""A slow computer is not a fault: a picture may take this many times as long as the last ones."""


class AwakeClock:
    """Counts the seconds in which the program could run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept = 0
        """How many times the program has slept."""
        self._last_seconds = time.monotonic()

    def tick(self) -> None:
        """To be called many times a second."""
        now = time.monotonic()
        self.seconds += min(now - self._last_seconds, LONGEST_STEP_SECONDS)
        self.slept += now - self._last_seconds > SLEPT_SECONDS
        self._last_seconds = now


class StallTimer:
    """Knows when the last picture was shown, and how long they take."""

    def __init__(self, clock: AwakeClock) -> None:
        self._clock = clock
        self._durations: deque[float] = deque(maxlen=DURATIONS)
        self._shown_seconds: float | None = None

    def stretched(self, seconds: float) -> float:
        """At least `seconds`, and more where pictures take longer anyway."""
        usual = median(self._durations) if self._durations else 0.0
        return max(seconds, TIMES_AS_LONG * usual)

    def is_exhausted(self, after_seconds: float) -> bool:
        """Whether no picture has been shown for so long, stretched, or none ever."""
        return self._shown_seconds is None or (
            self._clock.seconds - self._shown_seconds > self.stretched(after_seconds)
        )

    def took(self, seconds: float) -> None:
        """A picture took so long, whether or not it was shown."""
        self._durations.append(seconds)

    def shown(self) -> None:
        """A picture is shown now."""
        self._shown_seconds = self._clock.seconds

    def lose(self) -> None:
        """Nothing is to be waited for any more: the camera is off."""
        self._shown_seconds = None
