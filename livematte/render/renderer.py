"""What a renderer promises.

`FakeRenderer` (`render.fake`) keeps the same promises without a network, for tests of what stands
around a renderer; `tests/render/test_contract.py` holds every implementation to them. Which one is
opened, `render.opening` chooses.
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

    Every frame that was submitted comes back exactly once, matted by its own matte and never by
    another frame's, on the background and in the refinement it was submitted with.

    `submit` and `collect` may be called from two different threads, each always from the same one.
    A renderer is made and closed by the thread that submits.
    """

    @property
    def depth(self) -> int:
        """How many frames may be in flight: submitted and not collected."""
        ...

    @property
    def description(self) -> str:
        """What the user is told: "OpenVINO int8 on the CPU, matte at 512x288". It may change."""
        ...

    @property
    def timings(self) -> Timings:
        """How long the stages of the last frames took; empty where a device does not tell."""
        ...

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Whether a frame would be worked on at once, waiting for that if need be.

        Who has a newer frame every moment submits only then, because a frame that waits in the
        renderer grows old. Who has a file need not ask: `submit` takes frames ahead.
        """
        ...

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        """Take a frame to render; False, at once and untouched, if `depth` are in flight.

        refinement: what is done to the matte from this frame on, beyond what the network says; None
            for no change. At first it is what the renderer was opened with. The network stays, and
            what is remembered of earlier frames too, while mattes are made steady.

        The renderer reads `frame.image` until the picture made from it has been collected.

        Raises `RenderError` if the frame is not of the size that the renderer was opened for, or
        if rendering failed.
        """
        ...

    def collect(self, timeout_seconds: float) -> Rendered | None:
        """The oldest picture in flight once it is done; None if it is not done in time.

        The picture's arrays belong to the renderer and are written again after the next call of
        `collect`: who keeps a picture longer copies it.

        Raises `RenderError` if rendering it failed, and of these `MatteError` if the network gave
        it a matte that cannot be right (`matting.matte_guard`); nothing of that is remembered.
        """
        ...

    def close(self) -> None:
        """Give everything back. Closing twice is fine; pictures in flight are lost."""
        ...


class OpenedRenderer(NamedTuple):
    """A renderer, and why it is this one where that was left to livematte; "" where it was not."""

    renderer: Renderer
    reason: str


def require_size(frame: Frame, size: Size) -> None:
    """Raises `RenderError` if `frame` is not of the size that a renderer was opened for."""
    if frame.size != size:
        raise RenderError(
            f"Frame {frame.index} is {frame.size}; the renderer was opened for {size}.",
            "Start again: the camera has changed its mode.",
        )
