"""Sends the slate repeatedly while there is no picture, with its text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from livematte.frame import Rendered, Size
from livematte.pipeline.outputs import Outputs
from livematte.pipeline.scene import Scene
from livematte.pipeline.slate import slate

SLATE_SECONDS: Final = 0.1
"""How often to send a slate again, so that a program that opens the camera sees it at once."""

IDLE_SLATE_SECONDS: Final = 1.0
"""The same while nobody watches."""

STARTING: Final = "Starting"
CAMERA_OFF: Final = "Camera off"
PAUSED: Final = "Be right back"

WITHDRAWN: Final = "One moment"
"""For a frozen picture that turned out to be wrong."""


class Slates:
    """Sends slates for the current scene; main thread only."""

    def __init__(
        self, outputs: Outputs, scene: Callable[[], Scene], wanted: Callable[[], bool]
    ) -> None:
        """wanted: False ends the wait for an output."""
        self.notice = STARTING
        """The text of the current slate; "" while pictures are sent."""
        self._outputs = outputs
        self._scene = scene
        self._wanted = wanted
        self._sent_seconds = 0.0

    def show(self, size: Size, notice: str) -> None:
        """Send a slate now."""
        self.notice = notice
        self._outputs.send(self._made(size, notice), self._wanted)
        self._sent_seconds = time.monotonic()

    def repeat(self, size: Size, notice: str, every_seconds: float = SLATE_SECONDS) -> None:
        """Send a slate if its text is new, or if the last one was sent some time ago."""
        is_due = time.monotonic() - self._sent_seconds >= every_seconds
        if is_due or notice != self.notice:
            self.show(size, notice)

    def end(self, size: Size) -> Rendered:
        """The last slate, to send when nothing else follows."""
        self.notice = CAMERA_OFF
        return self._made(size, self.notice)

    def _made(self, size: Size, notice: str) -> Rendered:
        scene = self._scene()
        return slate(size, scene.background, notice, mirrored=scene.mirrored)
