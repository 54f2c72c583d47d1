"""OpenVINO as a backend, on any of its devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livematte.network import weights
from livematte.network.openvino_runtime import load_openvino
from livematte.network.size import LIVE_SHORT_SIDE, network_size

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.options.rendering import RenderOptions
    from livematte.render.renderer import Renderer
    from livematte.render.still import StillNetwork


class OpenVinoBackend:
    def __init__(self, name: str) -> None:
        """name: OpenVINO's name of the device: CPU, GPU, GPU.1, NPU."""
        self._name = name

    def problem(self, options: RenderOptions) -> str | None:
        try:
            load_openvino()
        except ImportError as error:
            return f"OpenVINO cannot be used: {error}".rstrip(".")
        return None

    def open_renderer(
        self, options: RenderOptions, frame_size: Size, on_change: Callable[[str], None]
    ) -> Renderer:
        from livematte.render.openvino.network import REQUESTS, OpenVinoModel
        from livematte.render.openvino.renderer import OpenVinoRenderer

        model = OpenVinoModel(
            self._name,
            weights.find(options.weights),
            options.precision,
            options.threads,
            requests=REQUESTS * (2 if options.refinement.both_views else 1),
            on_change=on_change,
        )
        size = network_size(frame_size, options.matte_short_side or LIVE_SHORT_SIDE)
        return OpenVinoRenderer(model, model.compile(size), frame_size, options.refinement)

    def open_still(self, options: RenderOptions, parallel: int) -> StillNetwork:
        from livematte.render.openvino.network import OpenVinoModel
        from livematte.render.openvino.still import OpenVinoStillNetwork

        model = OpenVinoModel(
            self._name,
            weights.find(options.weights),
            options.precision,
            options.threads,
            streams=min(parallel, options.threads or parallel),
            requests=parallel,
        )
        return OpenVinoStillNetwork(model)
