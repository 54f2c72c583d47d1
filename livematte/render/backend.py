"""What a backend promises: a library that computes mattes, on one device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.options.rendering import RenderOptions
    from livematte.render.renderer import Renderer
    from livematte.render.still import StillNetwork


class Backend(Protocol):
    """Opens what computes on it. Making one loads nothing.

    `render.opening` asks for a problem first. Opening raises `DeviceError` if the device cannot be
    used after all, or not as is asked, and `WeightsError` if the weights cannot.
    """

    def problem(self, options: RenderOptions) -> str | None:
        """Why it cannot be used; None if nothing speaks against it, and it is worth a try.

        A clause for the middle of a sentence, without a full stop.
        """
        ...

    def open_renderer(
        self, options: RenderOptions, frame_size: Size, on_change: Callable[[str], None]
    ) -> Renderer: ...

    def open_still(self, options: RenderOptions, parallel: int) -> StillNetwork: ...
