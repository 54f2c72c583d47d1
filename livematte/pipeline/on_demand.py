"""Turns the camera off while nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from livematte.pipeline.show import Show
from livematte.pipeline.slates import STARTING

IDLE_AFTER_SECONDS: Final = 5.0
"""The camera stays on this long after the last viewer left."""


class OnDemand(NamedTuple):
    """How to find out whether anybody watches, and how to turn the camera off and on.

    All are called from the main thread, `is_watched` several times a second.
    """

    is_watched: Callable[[], bool]
    turn_off: Callable[[], None]
    turn_on: Callable[[], None]


class Idling:
    """Turns the camera off when nobody has watched for a while, and on again for a viewer.

    Main thread only.

    is_off: whether the camera is off.
    """

    def __init__(
        self, on_demand: OnDemand | None, show: Show, on_idle: Callable[[bool], None]
    ) -> None:
        """on_demand: None for a camera that is always on.

        on_idle: called with True when the camera was turned off, False when on again.
        """
        self.is_off = False
        self._on_demand = on_demand
        self._show = show
        self._on_idle = on_idle
        self._watched_seconds: float | None = None
        """None until the network is open."""

    def begin(self, now_seconds: float) -> None:
        """Start: pictures can be made from now on."""
        self._watched_seconds = now_seconds

    def look(self, now_seconds: float) -> None:
        """Turn the camera off or on."""
        if self._on_demand is None or self._watched_seconds is None:
            return
        if self._on_demand.is_watched():
            self._watched_seconds = now_seconds
            if self.is_off:
                self.is_off = False
                self._show.tally.pause()
                self._show.send_slate(STARTING)
                self._on_demand.turn_on()
                self._on_idle(False)
        elif not self.is_off and now_seconds - self._watched_seconds > IDLE_AFTER_SECONDS:
            self.is_off = True
            self._show.collector.timer.lose()
            self._show.tally.pause(float("inf"))
            self._on_demand.turn_off()
            self._on_idle(True)
