"""Cut-outs in the person's own colours, whatever renders them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from livematte.background import Background
from livematte.foreground import estimate_foreground
from livematte.frame import Frame, Rendered
from livematte.render.renderer import Renderer
from livematte.render.timings import Timings


class ForegroundRenderer:
    """A renderer on whose transparent pictures the room's colour is taken out of soft edges.

    It costs tens of milliseconds a frame, so it is for files.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._in_flight: deque[Frame] = deque()

    @property
    def depth(self) -> int:
        return self._renderer.depth

    @property
    def description(self) -> str:
        return self._renderer.description

    @property
    def timings(self) -> Timings:
        return self._renderer.timings

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return self._renderer.wait_until_ready(timeout_seconds)

    def submit(self, frame: Frame, background: Background) -> bool:
        # Before submit, since the picture may be collected before submit returns.
        self._in_flight.append(frame)
        try:
            taken = self._renderer.submit(frame, background)
        except BaseException:
            self._in_flight.pop()
            raise
        if not taken:
            self._in_flight.pop()
        return taken

    def collect(self, timeout_seconds: float) -> Rendered | None:
        picture = self._renderer.collect(timeout_seconds)
        if picture is None:
            return None
        frame = self._in_flight.popleft()
        if not picture.transparent:
            return picture
        return replace(picture, image=estimate_foreground(frame.image, picture.alpha))

    def close(self) -> None:
        self._renderer.close()
