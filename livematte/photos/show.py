"""A window in which photos are compared with their mattes."""

from __future__ import annotations

from typing import Final

import cv2

from livematte.errors import SinkError
from livematte.frame import Image, Size
from livematte.sinks.x11 import display_problem, prepare_qt

TITLE: Final = "livematte"

WIDEST: Final = 1500
"""The window is opened at most this wide, in pixels; it can be resized."""

POLL_MILLISECONDS: Final = 50


class ComparisonWindow:
    """Shows one comparison after the other, as they come; the last one stays until it is closed."""

    def __init__(self) -> None:
        """Raises `SinkError` if no window can be opened here."""
        problem = display_problem()
        if problem is not None:
            raise SinkError(problem, "Leave out --show, and look at --save comparison.")
        prepare_qt()
        self._is_open = False

    def show(self, comparison: Image) -> None:
        """Show a comparison, uint8 RGB (H, W, 3)."""
        size = Size.of(comparison)
        scale = min(1.0, WIDEST / size.width)
        if not self._is_open:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            self._is_open = True
        cv2.resizeWindow(TITLE, max(1, int(size.width * scale)), max(1, int(size.height * scale)))
        cv2.imshow(TITLE, cv2.cvtColor(comparison, cv2.COLOR_RGB2BGR))
        cv2.pollKey()

    def wait(self) -> None:
        """Wait until the window is closed or a key is pressed in it."""
        while self._is_open and cv2.waitKey(POLL_MILLISECONDS) == -1:
            try:
                self._is_open = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
            except cv2.error:  # of Qt, when the last window was closed
                self._is_open = False
