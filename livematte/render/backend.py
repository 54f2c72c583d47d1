"""The interface of a backend: a library that computes mattes, on one device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.options.rendering import RenderOptions
    from livematte.render.renderer import Renderer
    from livematte.render.still import StillNetwork


class Backend(Protocol):
    """Opens renderers and networks for single pictures. Creating a backend loads nothing.

    `render.opening` calls `problem` first. Opening raises `DeviceError` if the device cannot be
    used after all, or not with these options, and `WeightsError` if the weights cannot be used.
    """

    def problem(self, options: RenderOptions) -> str | None:
        """Why the backend cannot be used; None if it is worth trying.

        A clause for the middle of a sentence, without a full stop.
        """
        ...

    def open_renderer(
        self, options: RenderOptions, frame_size: Size, on_change: Callable[[str], None]
    ) -> Renderer: ...

    def open_still(self, options: RenderOptions, parallel: int) -> StillNetwork: ...
