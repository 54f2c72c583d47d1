"""From the network's output to the finished picture, for renderers that finish on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from livematte.errors import MatteError
from livematte.matting.composite import Compositor
from livematte.matting.enlarge import MatteEnlarger
from livematte.matting.matte_guard import MatteGuard
from livematte.matting.steady import Refiner, View
from livematte.options.refinement import PLAIN, Refinement

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.frame import Frame, Image, Size
    from livematte.render.timings import Timings


class Finisher:
    """Checks, refines, enlarges and composites the mattes of successive frames.

    Owns the state kept from earlier frames. The refinement may change with each frame; nothing is
    recreated for that. One thread may call `next_views` while another calls `finish`.
    """

    def __init__(self, frame_size: Size, timings: Timings, guard: MatteGuard | None = None) -> None:
        """timings: records how long the stages take.

        guard: checks the mattes; None for a new one.
        """
        self._timings = timings
        self._guard = guard or MatteGuard()
        self._refiner = Refiner(PLAIN)
        self._enlarger = MatteEnlarger(frame_size, edges=False)
        self._compositor = Compositor(frame_size)

    def next_views(self, pixels: Image, refinement: Refinement) -> tuple[bool, ...]:
        """How to show the next frame to the network; see `Refiner.next_views`."""
        return self._refiner.next_views(pixels, refinement)

    def finish(
        self,
        views: Sequence[View],
        frame: Frame,
        background: Background,
        refinement: Refinement,
        image: Image,
        alpha: Image,
    ) -> None:
        """Write the picture of a frame: `image`, uint8 BGR (H, W, 3), and `alpha`, uint8 (H, W).

        views: the network's output for each of `next_views`.

        Raises `MatteError` if the matte cannot be right; nothing of it is remembered.
        """
        with self._timings.stage("refine"):
            if doubt := self._guard.problem(views):
                self._refiner.forget()
                raise MatteError(doubt, frame.index)
            matte, pixels = self._refiner.refine(views, refinement)
            self._enlarger.edges = refinement.edges
            self._enlarger.enlarge(matte, pixels, frame.image, alpha)
            del matte  # frees memory for compositing
        with self._timings.stage("composite"):
            self._compositor.colours = refinement.colours
            self._compositor.light_wrap = refinement.light_wrap
            self._compositor.compose(frame, alpha, background, image)
