"""Which size of matte holds the camera's rate: the arithmetic of `--matte-size auto`.

The network's time is proportional to the pixels it sees (27, 34 and 43 ms at 256, 288 and 320 in
int8 on two cores, which is 0.24, 0.23 and 0.23 us a pixel), so that what was measured at one size
tells the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Final

SMALLEST: Final = 256
"""auto goes no lower: at 224 the network begins to lose people. Who wants that asks for it."""

SHARE_TO_START: Final = 0.85
"""Of the time between two frames, what the network may take for a size to be chosen."""

SHARE_TO_KEEP: Final = 0.98
"""What it may take before the size is given up. The gap between the two keeps it from flapping."""

FRAMES: Final = 30
"""The present time of the network is the median of so many frames."""

PATIENCE_SECONDS: Final = 10.0
"""For how long there must have been room for a larger size before it is tried."""

MOST_PATIENCE_SECONDS: Final = 300.0
REGRET_SECONDS: Final = 30.0
"""A larger size given up sooner than this was a mistake: the next try waits twice as long."""


class RateKeeper:
    """Follows how long the network takes and says when another size should be taken.

    Sizes are called by their short side in pixels.
    """

    def __init__(self, pixels: Mapping[int, int], period_seconds: float) -> None:
        """pixels: how many the network sees, by short side; the sizes there are to choose from.

        period_seconds: the time between two frames of the camera.
        """
        self.short_side = min(pixels)
        self.present_seconds = 0.0
        """What the network took lately, at the present size or the one before it."""
        self._pixels = dict(sorted(pixels.items()))
        self._period_seconds = period_seconds
        self._seconds: deque[float] = deque(maxlen=FRAMES)
        self._roomy_since: float | None = None
        self._grown_at = float("-inf")
        self._patience_seconds = PATIENCE_SECONDS

    def fitting(self, short_side: int, seconds: float) -> int:
        """The largest size that leaves some time, if the network takes `seconds` at `short_side`.

        The smallest there is, if none does.
        """
        seconds_per_pixel = seconds / self._pixels[short_side]
        most_seconds = SHARE_TO_START * self._period_seconds
        sizes = self._pixels.items()
        fitting = [each for each, pixels in sizes if seconds_per_pixel * pixels <= most_seconds]
        return max(fitting, default=min(self._pixels))

    def take(self, short_side: int) -> int:
        """Say that this is the size from now on; returns it."""
        self._seconds.clear()
        self._roomy_since = None
        self.short_side = short_side
        return short_side

    def note(self, seconds: float, now_seconds: float) -> int | None:
        """The network took `seconds` for a frame; returns another size if one should be taken.

        now_seconds: of a clock that only goes forward.
        """
        self._seconds.append(seconds)
        if len(self._seconds) < FRAMES:
            return None
        self.present_seconds = median(self._seconds)
        if self.present_seconds > SHARE_TO_KEEP * self._period_seconds:
            return self._shrink(now_seconds)
        if self.fitting(self.short_side, self.present_seconds) > self.short_side:
            return self._grow(now_seconds)
        self._roomy_since = None
        return None

    def _shrink(self, now_seconds: float) -> int | None:
        self._roomy_since = None
        smaller = [each for each in self._pixels if each < self.short_side]
        if not smaller:
            return None
        if now_seconds - self._grown_at < REGRET_SECONDS:
            self._patience_seconds = min(2 * self._patience_seconds, MOST_PATIENCE_SECONDS)
        fitting = self.fitting(self.short_side, self.present_seconds)
        return self.take(min(fitting, smaller[-1]))

    def _grow(self, now_seconds: float) -> int | None:
        if self._roomy_since is None:
            self._roomy_since = now_seconds
        if now_seconds - self._roomy_since < self._patience_seconds:
            return None
        self._grown_at = now_seconds
        # One step at a time: each is tried before the next.
        return self.take(min(each for each in self._pixels if each > self.short_side))
