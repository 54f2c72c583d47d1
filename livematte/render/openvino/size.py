"""At which size the OpenVINO network runs: one that was asked for, or whatever holds a rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from livematte.errors import LivematteError
from livematte.network.size import AUTO_SHORT_SIDES, network_size
from livematte.render.rate import RateKeeper
from livematte.threads.start import NoThreadError, start

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.render.openvino.network import OpenVinoModel, OpenVinoNetwork

CLOSE_SECONDS: Final = 1.0
"""How long closing waits for a network that is being compiled."""


class FixedSize:
    """Always the same network."""

    reason = ""

    def __init__(self, network: OpenVinoNetwork) -> None:
        self.network = network

    def note(self, _seconds: float) -> None:
        """Nothing follows from how long a frame took."""

    def close(self) -> None:
        """Nothing goes on in the background."""


class RateHoldingSize:
    """The largest size of `AUTO_SHORT_SIDES` that holds the camera's rate, as the machine allows.

    network: the present one. Another is compiled beside it, so that pictures go on meanwhile, and
        takes its place between two frames.
    reason: why the first size was chosen, for the user.

    `note` is called by one thread, `network` may be read by another.
    """

    def __init__(
        self,
        model: OpenVinoModel,
        frame_size: Size,
        frames_per_second: Fraction,
        on_change: Callable[[str], None],
        views: int = 1,
    ) -> None:
        """on_change: told in a sentence when the size has changed.

        views: how many times the network sees each frame.
        """
        self._model = model
        self._views = views
        self._rate = float(frames_per_second)
        self._on_change = on_change
        self._sizes = {each: network_size(frame_size, each) for each in AUTO_SHORT_SIDES}
        pixels = {each: size.width * size.height for each, size in self._sizes.items()}
        self._keeper = RateKeeper(pixels, 1 / self._rate)
        self._compiling: threading.Thread | None = None

        short_side = min(self._sizes)
        seconds = self._compile(short_side)
        larger = self._keeper.fitting(short_side, seconds)
        if larger > short_side:
            short_side, seconds = larger, self._compile(larger)
            # A prediction is not a measurement: on some devices large pictures cost more.
            smaller = self._keeper.fitting(short_side, seconds)
            if smaller < short_side:
                short_side, seconds = smaller, self._compile(smaller)
        self._keeper.take(short_side)
        self.reason = self._reason(short_side, seconds)

    def _compile(self, short_side: int) -> float:
        """Make this the present size; returns the seconds that its network takes for a frame."""
        self.network = self._model.compile(self._sizes[short_side])
        return self._views * self.network.measured_seconds()

    def note(self, seconds: float) -> None:
        """A frame took the network so long; may begin to prepare another size."""
        if self._compiling is not None and self._compiling.is_alive():
            return
        old = self._keeper.short_side
        new = self._keeper.note(seconds, time.monotonic())
        if new is not None:
            compiling = threading.Thread(
                target=self._change, args=(old, new), name="compile", daemon=True
            )
            try:
                start(compiling)
            except NoThreadError:
                self._keeper.take(old)  # which asks again, if it is still so
            else:
                self._compiling = compiling

    def close(self) -> None:
        """Wait for what is being compiled, though not for ever."""
        if self._compiling is not None:
            self._compiling.join(CLOSE_SECONDS)

    def _change(self, old: int, new: int) -> None:
        old_size, new_size = self._sizes[old], self._sizes[new]
        try:
            self.network = self._model.compile(new_size)
        except LivematteError as error:
            self._keeper.take(old)
            self._on_change(f"Matte stays at {old_size}: {error.problem}")
            return
        if new < old:
            old_rate = 1 / self._keeper.present_seconds
            why = f"{old_size} gave only {old_rate:.1f} of {self._rate:g} frames/s"
        else:
            why = f"there is time for more than {old_size} again"
        self._on_change(f"Matte at {new_size} now: {why}.")

    def _reason(self, short_side: int, seconds: float) -> str:
        """Promises no rate: the work around the network, capture and outputs take time as well."""
        if seconds * self._rate > 1:
            most = f"at most {1 / seconds:.0f} of {self._rate:g} frames/s here"
            return f"the smallest that auto takes, {most}"
        if short_side == max(self._sizes):
            return "larger ones are no more accurate"
        return "the largest for which there is time here"
