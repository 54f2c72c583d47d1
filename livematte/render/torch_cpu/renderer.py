"""MODNet in PyTorch on the CPU, composited by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from livematte.matting.shrink import shrink
from livematte.matting.steady import View
from livematte.network.modnet import normalise_
from livematte.options.refinement import DEFAULT, Refinement
from livematte.render.finishing import Finisher
from livematte.render.renderer import require_size
from livematte.render.result_buffers import ResultBuffers
from livematte.render.timings import Timings
from livematte.render.torch_cpu.threads import threads as using_threads

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.frame import Frame, Image, Rendered, Size
    from livematte.matting.matte_guard import MatteGuard
    from livematte.network.modnet import MODNet


class TorchRenderer:
    """Renders a frame within `submit`, so that only the code after `collect` runs in parallel.

    Two frames may be in flight: one waits to be collected while the next is rendered.
    """

    depth = 2

    def __init__(
        self,
        frame_size: Size,
        matte_size: Size,
        network: MODNet,
        refinement: Refinement = DEFAULT,
        guard: MatteGuard | None = None,
        threads: int | None = None,
    ) -> None:
        """network: in evaluation mode, float32, channels_last.

        guard: checks the mattes; None for a new one.
        threads: how many CPU cores the network may use; None for PyTorch's default.
        """
        self.timings = Timings()
        self.description = f"PyTorch float32 on the CPU, matte at {matte_size}"
        self._frame_size = frame_size
        self._network = network
        self._threads = threads
        self._refinement = refinement
        self._finisher = Finisher(frame_size, self.timings, guard)
        self._buffers = ResultBuffers(self.depth, frame_size)
        shape = (matte_size.height, matte_size.width)
        self._small_bgr = np.empty((*shape, 3), np.uint8)
        self._small_rgb = np.empty((*shape, 3), np.uint8)
        self._input = torch.empty(1, 3, *shape).contiguous(memory_format=torch.channels_last)
        self._view(np.zeros((*shape, 3), np.uint8), is_mirrored=False)  # warm up

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return self._buffers.wait_for_room(timeout_seconds)

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if not self._buffers.has_room():
            return False
        require_size(frame, self._frame_size)
        self._refinement = refinement or self._refinement
        with self._buffers.render(frame, background) as (image, alpha):
            with self.timings.stage("resize"):
                shrink(frame.image, self._small_bgr)
            shown = self._finisher.next_views(self._small_bgr, self._refinement)
            views = [self._view(self._small_bgr, each) for each in shown]
            self._finisher.finish(views, frame, background, self._refinement, image, alpha)
        return True

    def collect(self, timeout_seconds: float) -> Rendered | None:
        return self._buffers.collect(timeout_seconds)

    def close(self) -> None:
        """Nothing to release."""

    def _view(self, pixels: Image, is_mirrored: bool) -> View:
        """The network's output for a frame at the network's size, uint8 BGR (h, w, 3)."""
        if is_mirrored:
            pixels = cv2.flip(pixels, 1).astype(np.uint8, copy=False)
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=self._small_rgb)
        with self.timings.stage("network"), torch.inference_mode(), using_threads(self._threads):
            rgb = torch.from_numpy(self._small_rgb).permute(2, 0, 1)
            normalise_(self._input[0].copy_(rgb))
            return View(pixels, self._network(self._input)[0, 0].numpy(), is_mirrored)
