"""CUDA as a backend. PyTorch takes seconds to load, so it is loaded only if a driver is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livematte.network import weights
from livematte.network.size import LIVE_SHORT_SIDE, network_size
from livematte.render.cuda.driver import driver_problem

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.options.rendering import RenderOptions
    from livematte.render.renderer import Renderer
    from livematte.render.still import StillNetwork


class CudaBackend:
    def __init__(self, device: str) -> None:
        """device: "cuda" (the first device) or "cuda:N"."""
        self._device = "cuda:0" if device == "cuda" else device

    def problem(self, options: RenderOptions) -> str | None:
        if problem := driver_problem():
            return problem
        if options.precision == "int8":
            return "the CUDA renderer does not support int8"
        from livematte.render.cuda.renderer import cuda_problem

        return cuda_problem(self._device)

    def open_renderer(
        self, options: RenderOptions, frame_size: Size, on_change: Callable[[str], None]
    ) -> Renderer:
        from livematte.network.modnet import load_modnet
        from livematte.render.cuda.renderer import CudaRenderer

        return CudaRenderer(
            self._device,
            frame_size,
            network_size(frame_size, options.matte_short_side or LIVE_SHORT_SIDE),
            load_modnet(weights.fold(weights.read(weights.find(options.weights)))),
            precision=options.precision,
            refinement=options.refinement,
        )

    def open_still(self, options: RenderOptions, parallel: int) -> StillNetwork:
        from livematte.network.modnet import load_modnet
        from livematte.render.cuda.still import CudaStillNetwork

        state = weights.fold(weights.read(weights.find(options.weights)))
        return CudaStillNetwork(self._device, load_modnet(state), options.precision)
