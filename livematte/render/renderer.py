"""What a renderer promises, and the one place where one is chosen.

`FakeRenderer` (`render.fake`) keeps the same promises without a network, for tests of what stands
around a renderer; `tests/render/test_contract.py` holds every implementation to them.
"""

from __future__ import annotations

from typing import Protocol

from livematte.background import Background
from livematte.frame import Frame, Rendered


class Renderer(Protocol):
    """Turns frames into publishable pictures, in order, at most `depth` in flight.

    Every frame that was submitted comes back exactly once, matted by its own matte and never by
    another frame's, on the background it was submitted with.

    `submit` and `collect` may be called from two different threads, each always from the same one.
    A renderer is made and closed by the thread that submits.
    """

    depth: int
    """How many frames may be in flight: submitted and not collected."""

    description: str
    """What the user is told: "PyTorch float32 on the CPU, matte at 512x288"."""

    def submit(self, frame: Frame, background: Background) -> bool:
        """Take a frame to render; False, at once and without looking at it, if `depth` are in
        flight.

        The renderer reads `frame.image` until the picture made from it has been collected.

        Raises `RenderError` if the frame is not of the size that the renderer was opened for, or
        if rendering failed.
        """
        ...

    def collect(self, timeout_seconds: float) -> Rendered | None:
        """The oldest picture in flight once it is done; None if it is not done in time.

        The picture's arrays belong to the renderer and are written again after the next call of
        `collect`: who keeps a picture longer copies it.

        Raises `RenderError` if rendering it failed.
        """
        ...

    def close(self) -> None:
        """Give everything back. Closing twice is fine; pictures in flight are lost."""
        ...
