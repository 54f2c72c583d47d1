"""PyTorch on the CPU as a backend. PyTorch takes seconds to load, so it is loaded on opening."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livematte.network import weights
from livematte.network.size import LIVE_SHORT_SIDE, network_size

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.options.rendering import RenderOptions
    from livematte.render.renderer import Renderer
    from livematte.render.still import StillNetwork


class TorchCpuBackend:
    def problem(self, options: RenderOptions) -> str | None:
        if options.precision not in ("auto", "fp32"):
            return f"PyTorch on the CPU supports only fp32, not {options.precision}"
        return None

    def open_renderer(
        self, options: RenderOptions, frame_size: Size, on_change: Callable[[str], None]
    ) -> Renderer:
        from livematte.network.modnet import load_modnet
        from livematte.render.torch_cpu.renderer import TorchRenderer

        return TorchRenderer(
            frame_size,
            network_size(frame_size, options.matte_short_side or LIVE_SHORT_SIDE),
            load_modnet(weights.fold(weights.read(weights.find(options.weights)))),
            options.refinement,
            threads=options.threads,
        )

    def open_still(self, options: RenderOptions, parallel: int) -> StillNetwork:
        from livematte.network.modnet import load_modnet
        from livematte.render.torch_cpu.still import TorchStillNetwork

        state = weights.fold(weights.read(weights.find(options.weights)))
        return TorchStillNetwork(load_modnet(state), options.threads)
