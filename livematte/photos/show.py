"""A window that shows photos beside their mattes."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from livematte.errors import SinkError
from livematte.frame import Image, Size
from livematte.sinks.window.process import Show, WindowProcess
from livematte.sinks.window.window import Window

TITLE: Final = "livematte"

WIDEST: Final = 1500
"""The window is opened at most this wide, in pixels; it can be resized."""

LARGEST: Final = Size(3000, 2000)
"""Pictures sent to the window fit into this: twice its first size, in case it is enlarged."""

SHOWN_SECONDS: Final = 2.0
"""How long a comparison may take to appear; a screen that hangs does not hold up the photos."""

POLL_SECONDS: Final = 0.05


class Dismissed(NamedTuple):
    """The person has closed the window, or pressed a key in it."""

    by_key: bool


class ComparisonWindow:
    """Shows the comparisons one after the other; the last one stays until the window is closed.

    problem: why the window shows nothing any more, as a sentence; "" while it works.
    """

    def __init__(self) -> None:
        """Raises `SinkError` if no window can be opened here."""
        self.problem = ""
        self._dismissed = threading.Event()
        self._is_waiting = False
        self._has_shown = False
        self._longest_seconds = SHOWN_SECONDS
        self._process = WindowProcess(
            run,
            capacity_bytes=3 * LARGEST.width * LARGEST.height,
            on_message=self._hear,
        )
        try:
            self._process.open()
        except SinkError as error:
            raise SinkError(
                error.problem, "Leave out --show, and look at --save comparison."
            ) from error

    def show(self, comparison: Image) -> None:
        """Show a comparison, uint8 RGB (H, W, 3). If the window fails, the job goes on."""
        if self.problem or self._dismissed.is_set():
            return
        shown = _fitted(cv2.cvtColor(comparison, cv2.COLOR_RGB2BGR))
        try:
            is_seen = self._process.show(
                Show(Size.of(shown)), shown, longest_seconds=self._longest_seconds
            )
        except SinkError as error:
            self.problem = error.problem
            return
        self._has_shown = True
        self._longest_seconds = SHOWN_SECONDS if is_seen else 0.0

    def wait(self) -> None:
        """Wait until the window is closed or a key is pressed in it, unless it shows nothing."""
        self._is_waiting = True
        if self._has_shown and not self.problem:
            try:
                if not self._process.wait_until_shown(SHOWN_SECONDS):
                    self.problem = "The window does not respond."
            except SinkError as error:
                self.problem = error.problem
        while self._has_shown and not self.problem and not self._dismissed.wait(POLL_SECONDS):
            if self._process.has_ended:
                break
        self._process.close()

    def _hear(self, dismissed: Dismissed) -> None:
        if self._is_waiting or not dismissed.by_key:
            self._dismissed.set()


class ComparisonView(Window):
    """The window, in its own process."""

    def draw(self, show: Show, image: Image, alpha: Image | None) -> Image:
        scale = min(1.0, WIDEST / show.size.width)
        width, height = (max(1, round(scale * side)) for side in show.size)
        self.resize(Size(width, height))
        return image

    def obey(self, key: str) -> None:
        self.say(Dismissed(by_key=True))

    def closed(self) -> None:
        self.say(Dismissed(by_key=False))


def run(connection: Connection, memory: Any) -> None:
    """The window's process."""
    ComparisonView(connection, memory, TITLE).run()


def _fitted(image: Any) -> Image:
    """`image` reduced to fit into `LARGEST`; never enlarged."""
    size = Size.of(image)
    scale = min(1.0, LARGEST.width / size.width, LARGEST.height / size.height)
    if scale < 1:
        width, height = (max(1, int(scale * side)) for side in size)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)
