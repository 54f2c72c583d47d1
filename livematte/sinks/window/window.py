"""A window, in the process that is there for nothing else; see `window_process`.

It imports no more than it draws with, since it is to appear at once.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

import cv2
import numpy as np

from livematte.frame import Image, Size
from livematte.linux.x11 import display_problem, prepare_qt
from livematte.linux.x11_window import X11Window, character_of
from livematte.sinks.window.process import Failed, Opened, Show, Shown

POLL_SECONDS: Final = 0.015
"""How long keys wait while no picture comes."""


class Window:
    """Shows what the other process sends. What keys do is for who inherits from it."""

    flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL

    repeating = ""
    """The keys that do something again and again while they are held, where that can be known."""

    def __init__(
        self,
        connection: Connection,
        memory: Any,
        title: str,
        size: Size | None = None,
    ) -> None:
        """memory: an array of bytes, shared with the process that sends.

        size: of the window, which can be changed; None for it to appear with its first picture.
        """
        self._title = title
        self._size = size
        self._connection = connection
        self._memory: Image = np.frombuffer(memoryview(memory).cast("B"), np.uint8)
        self._messages: queue.SimpleQueue[Show | None] = queue.SimpleQueue()
        self._is_open = self._is_closed = False
        self._x11: X11Window | None = None
        self._windowed: tuple[int, int, int, int] | None = None
        """Where and how large the window was before it filled a screen without a manager."""

    def run(self) -> None:
        """Until the other process says so, or has ended."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C; blocked already where that can be
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        try:
            problem = self._open()
            self.say(Opened(problem))
            if problem is None:
                self._show_all()
        except Exception as error:
            self.say(Failed(f"{type(error).__name__}: {error}"))
        self._end()

    def _show_all(self) -> None:
        while True:
            try:
                show = self._messages.get(timeout=POLL_SECONDS)
            except queue.Empty:
                self._obey_keys()
                continue
            if show is None:
                return
            if not self._is_closed:
                cv2.imshow(self._title, self._draw(show))
            self._obey_keys()  # and paint it: both are events
            self.say(Shown())

    def say(self, message: object) -> None:
        """Tell the other process."""
        try:
            self._connection.send(message)
        except OSError:
            self._end()

    def draw(self, show: Show, image: Image, alpha: Image | None) -> Image:
        """What is to be seen of a picture: uint8 BGR (H, W, 3). `image` is only read."""
        return image

    def understand(self, characters: Sequence[str]) -> str:
        """Which of the characters that a key stands for is meant; see `linux.x11_window.Press`."""
        return characters[0] if characters else ""

    def obey(self, key: str) -> None:
        """A key was pressed that was understood so; "" for one that stands for nothing."""

    def closed(self) -> None:
        """The person has closed the window."""

    def _open(self) -> str | None:
        """Open the window; why not, if that fails."""
        problem = display_problem()
        if problem is not None:
            return problem
        prepare_qt()
        try:
            if self._size is not None:
                self.resize(self._size)
        except cv2.error as error:
            return f"OpenCV cannot open a window: {error.err}."
        if sys.platform not in ("win32", "darwin"):
            with suppress(OSError):  # OpenCV tells of most keys, too
                self._x11 = X11Window()
        return None

    def resize(self, size: Size) -> None:
        """Give the window a size; it appears with its first."""
        if not self._is_open:
            cv2.namedWindow(self._title, self.flags)
            self._is_open = True
        cv2.resizeWindow(self._title, *size)

    def inner_size(self) -> Size | None:
        """How much of the window there is to draw on; None if that is not known."""
        _, _, width, height = self._rectangle()
        return Size(width, height) if width > 0 and height > 0 else None

    @property
    def is_full_screen(self) -> bool:
        if self._windowed is not None:
            return True
        return cv2.getWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN) > 0

    def fill_screen(self, full: bool) -> None:
        """Fill the whole screen, or take the former size and place again."""
        if full and self._x11 is not None and (screen := self._x11.unmanaged_screen()):
            self._windowed = self._rectangle()
            self._place((0, 0, *screen))
            return
        if self._windowed is not None:
            self._place(self._windowed)
            self._windowed = None
            return
        mode = cv2.WINDOW_FULLSCREEN if full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, mode)

    def _rectangle(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of what there is to draw on; width 0 if it is not known."""
        left, top, width, height = cv2.getWindowImageRect(self._title)
        return left, top, width, height

    def _place(self, rectangle: tuple[int, int, int, int]) -> None:
        left, top, width, height = rectangle
        cv2.moveWindow(self._title, left, top)
        cv2.resizeWindow(self._title, width, height)

    def _draw(self, show: Show) -> Image:
        width, height = show.size
        pixels = width * height
        image = self._memory[: 3 * pixels].reshape(height, width, 3)
        alpha = None
        if show.has_alpha:
            alpha = self._memory[3 * pixels : 4 * pixels].reshape(height, width)
        return self.draw(show, image, alpha)

    def _obey_keys(self) -> None:
        """Keep the window alive and obey its keys."""
        if not self._is_open:
            return
        for key in self._pressed():
            self.obey(key)
        if not self._is_visible():
            # Showing one more picture would open the window again.
            self._is_open, self._is_closed = False, True
            self.closed()

    def _pressed(self) -> Iterator[str]:
        """The keys that were pressed, as they are understood."""
        codes = []
        while (code := cv2.pollKey()) != -1:  # and everything else that the toolkit has to do
            codes.append(code)
        if self._x11 is None or not self._x11.find():
            for code in codes:
                character = character_of(code & 0xFFFF)  # above are GTK's modifiers
                yield self.understand([character] if character else [])
            return
        for press in self._x11.pressed():
            key = self.understand(press.characters)
            if key in self.repeating or not press.is_repeated:
                yield key

    def _is_visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # of Qt, when the last window was closed
            return False

    def _listen(self) -> None:
        """The thread that hears the other process, and that it has ended.

        It ends this one then, even if the window hangs.
        """
        with suppress(OSError, EOFError):
            while True:
                self._messages.put(self._connection.recv())
        self._end()

    def _end(self) -> None:
        """Without ado: the toolkit's own ending may hang with the screen."""
        os._exit(0)
