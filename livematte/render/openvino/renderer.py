"""MODNet in OpenVINO, composited by OpenCV: the renderer for computers without an NVIDIA card.

thread that submits    resize 1, start      resize 2, start          resize 3, start
OpenVINO's threads              network 1  |       network 2        |     network 3
thread that collects                         refine 1, composite 1    refine 2, composite 2
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from livematte.background import Background, Transparent
from livematte.frame import Frame, Rendered, Size
from livematte.matting.shrink import shrink
from livematte.matting.steady import View
from livematte.options.refinement import DEFAULT, Refinement
from livematte.render.finishing import Finisher
from livematte.render.renderer import require_size
from livematte.render.timings import Timings

if TYPE_CHECKING:
    from livematte.render.openvino.network import OpenVinoModel, OpenVinoNetwork, Request

CLOSE_SECONDS: Final = 1.0
"""How long closing waits for inferences in flight."""


class _Asked(NamedTuple):
    """One view of a frame, and the request that computes its matte."""

    request: Request
    is_mirrored: bool


@dataclass(eq=False)
class _InFlight:
    views: list[_Asked]
    frame: Frame
    background: Background
    refinement: Refinement
    submitted_seconds: float
    computing: int
    """How many views are not done."""
    busy_seconds: float = 0.0
    """How long OpenVINO worked on it, without the wait for the frame before."""


class OpenVinoRenderer:
    """Two frames may be in flight: the network of one runs while the other is composited."""

    depth = 2

    def __init__(
        self,
        model: OpenVinoModel,
        network: OpenVinoNetwork,
        frame_size: Size,
        refinement: Refinement = DEFAULT,
    ) -> None:
        """network: of `model`, compiled."""
        self.timings = Timings()
        self.description = (
            f"OpenVINO {model.precision} on {model.device_name}, matte at {network.matte_size}"
        )
        self._network = network
        self._frame_size = frame_size
        self._refinement = refinement
        self._finisher = Finisher(frame_size, self.timings)
        shape = (frame_size.height, frame_size.width)
        self._image = np.zeros((*shape, 3), np.uint8)
        self._alpha = np.zeros(shape, np.uint8)
        self._in_flight: deque[_InFlight] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._last_done_seconds = 0.0

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(each.computing for each in self._in_flight), timeout_seconds
            )

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if (taken := self._taken_requests()) is None:
            return False
        require_size(frame, self._frame_size)
        self._refinement = refinement or self._refinement
        free = self._network.free(2 if self._refinement.both_views else 1, taken)
        with self.timings.stage("resize"):
            first = free[0].pixels
            shrink(frame.image, first)
            shown = self._finisher.next_views(first, self._refinement)
            views = [_Asked(*each) for each in zip(free, shown, strict=False)]
            for pixels in (each.request.pixels for each in views[1:]):
                np.copyto(pixels, first)
            for each in views:
                if each.is_mirrored:
                    cv2.flip(each.request.pixels, 1, dst=each.request.pixels)
        for each in views:
            each.request.prepare()  # can fail, so it comes before the frame counts as in flight
        submitted = _InFlight(
            views, frame, background, self._refinement, time.perf_counter(), len(views)
        )
        with self._changed:
            self._in_flight.append(submitted)
        for each in views:
            each.request.start(lambda: self._on_done(submitted))
        return True

    def _on_done(self, submitted: _InFlight) -> None:
        now_seconds = time.perf_counter()
        with self._changed:
            submitted.computing -= 1
            if submitted.computing:
                return
            begun_seconds = max(submitted.submitted_seconds, self._last_done_seconds)
            submitted.busy_seconds = now_seconds - begun_seconds
            self._last_done_seconds = now_seconds
            self._changed.notify_all()

    def collect(self, timeout_seconds: float) -> Rendered | None:
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._closed or (self._in_flight and not self._in_flight[0].computing),
                timeout_seconds,
            ):
                return None
            if self._closed:
                return None
            oldest = self._in_flight[0]
        try:
            return self._finish(oldest)
        finally:
            with self._changed:
                # Only now can its request be reused for another frame.
                self._in_flight.popleft()
                self._changed.notify_all()

    def close(self) -> None:
        deadline_seconds = time.monotonic() + CLOSE_SECONDS
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.wait_until_ready(deadline_seconds - time.monotonic())

    def _taken_requests(self) -> list[Request] | None:
        """The requests of the frames in flight; None if `depth` frames are."""
        with self._changed:
            if len(self._in_flight) == self.depth:
                return None
            return [view.request for each in self._in_flight for view in each.views]

    def _finish(self, submitted: _InFlight) -> Rendered:
        frame, background = submitted.frame, submitted.background
        image, alpha = self._image, self._alpha
        self.timings.record("network", submitted.busy_seconds)
        for each in submitted.views:
            each.request.wait()
        views = [
            View(each.request.pixels, each.request.matte, each.is_mirrored)
            for each in submitted.views
        ]
        self._finisher.finish(views, frame, background, submitted.refinement, image, alpha)
        return Rendered(
            image,
            alpha,
            frame.index,
            frame.captured_seconds,
            frame.media_seconds,
            transparent=isinstance(background, Transparent),
        )
