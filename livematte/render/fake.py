"""A renderer without a network, for tests of the code around renderers."""

from __future__ import annotations

import time
from typing import Final

import cv2
import numpy as np

from livematte.background import Background
from livematte.frame import Frame, Rendered, Size
from livematte.matting.composite import Compositor
from livematte.options.refinement import PLAIN, Refinement
from livematte.render.renderer import require_size
from livematte.render.result_buffers import ResultBuffers
from livematte.render.timings import Timings

PERSON_BRIGHTNESS: Final = 128
"""Pixels with all channels above this count as the person."""


class FakeRenderer:
    """Implements `Renderer`, with a threshold on brightness in place of the network.

    seconds_per_frame: delay per frame, to simulate a slow network.
    refinement: only its compositing options are applied; see `Compositor`.
    """

    depth = 2
    description = "fake renderer"

    def __init__(
        self,
        frame_size: Size,
        seconds_per_frame: float = 0.0,
        refinement: Refinement = PLAIN,
    ) -> None:
        self.timings = Timings()
        self._size = frame_size
        self._seconds_per_frame = seconds_per_frame
        self._refinement = refinement
        self._compositor = Compositor(frame_size)
        self._buffers = ResultBuffers(self.depth, frame_size)

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return self._buffers.wait_for_room(timeout_seconds)

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if not self._buffers.has_room():
            return False
        require_size(frame, self._size)
        self._refinement = refinement or self._refinement
        self._compositor.colours = self._refinement.colours
        self._compositor.light_wrap = self._refinement.light_wrap
        with self._buffers.render(frame, background) as (image, alpha):
            time.sleep(self._seconds_per_frame)
            np.copyto(alpha, cv2.inRange(frame.image, (PERSON_BRIGHTNESS,) * 3, (255,) * 3))
            self._compositor.compose(frame, alpha, background, image)
        return True

    def collect(self, timeout_seconds: float) -> Rendered | None:
        return self._buffers.collect(timeout_seconds)

    def close(self) -> None:
        """Nothing to release."""
