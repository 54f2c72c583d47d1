"""The interface of a renderer.

`FakeRenderer` (`render.fake`) implements it without a network, for tests of the code around
renderers; `tests/render/test_contract.py` tests every implementation against it. `render.opening`
chooses the implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from livematte.errors import RenderError

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.frame import Frame, Rendered, Size
    from livematte.options.refinement import Refinement
    from livematte.render.timings import Timings


class Renderer(Protocol):
    """Turns frames into publishable pictures, in order, at most `depth` in flight.

    Every submitted frame comes back exactly once, with its own matte and never another frame's, on
    the background and with the refinement it was submitted with.

    `submit` and `collect` may be called from two different threads, each always from the same one.
    The thread that submits also creates and closes the renderer.
    """

    @property
    def depth(self) -> int:
        """How many frames may be in flight: submitted and not collected."""
        ...

    @property
    def description(self) -> str:
        """Shown to the user: "OpenVINO int8 on the CPU, matte at 512x288". It can change."""
        ...

    @property
    def timings(self) -> Timings:
        """How long the stages of the last frames took; empty if the device does not report it."""
        ...

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Wait until a frame would be processed at once; returns whether that is so.

        With a live source, submit only then: a frame that waits in the renderer gets old. With a
        file this is not needed: `submit` accepts frames ahead.
        """
        ...

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        """Take a frame to render. Returns False at once, with no effect, if `depth` are in flight.

        refinement: how to refine the network's matte from this frame on; None for no change. The
            renderer starts with the one it was opened with. A change keeps the network, and the
            state from earlier frames while mattes are stabilised.

        The renderer reads `frame.image` until the picture made from it has been collected.

        Raises `RenderError` if the frame does not have the size the renderer was opened for, or if
        rendering failed.
        """
        ...

    def collect(self, timeout_seconds: float) -> Rendered | None:
        """Wait for the oldest picture in flight; None if it is not done in time.

        The picture's arrays belong to the renderer and are overwritten after the next call of
        `collect`: copy the picture to keep it longer.

        Raises `RenderError` if rendering failed. It raises its subclass `MatteError` if the matte
        cannot be right (`matting.matte_guard`); nothing of that matte is remembered.
        """
        ...

    def close(self) -> None:
        """Release everything. Closing twice is fine; pictures in flight are lost."""
        ...


class OpenedRenderer(NamedTuple):
    """A renderer, and why livematte chose it; "" if the user chose."""

    renderer: Renderer
    reason: str


def require_size(frame: Frame, size: Size) -> None:
    """Raises `RenderError` if `frame` does not have the size the renderer was opened for."""
    if frame.size != size:
        raise RenderError(
            f"Frame {frame.index} is {frame.size}; the renderer was opened for {size}.",
            "The camera changed its mode. Restart livematte.",
        )
