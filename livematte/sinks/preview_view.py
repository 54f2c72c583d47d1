"""The preview as it is seen, in its window's own process: views, overlays, keys and snapshots."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from livematte.errors import SinkError
from livematte.frame import Image, Rendered, Size
from livematte.sinks.commands import Asked, Command, Saved, StatusWanted
from livematte.sinks.images import write_png
from livematte.sinks.window import Window
from livematte.sinks.window_process import Show

HELP: Final = (
    "q  quit (also Esc)",
    "b  next background",
    "m  mirror this preview",
    "v  composite or matte",
    "s  snapshot as PNG",
    "i  statistics",
    "h  this help",
)

ESCAPE: Final = chr(27)

MESSAGE_SECONDS: Final = 2.0
"""How long it says where a snapshot went."""

NO_PICTURE: Final = "No picture to save now"

CHECKER_PIXELS: Final = 16
CHECKER_GRAYS: Final = (102, 153)
"""What is seen through a transparent background."""

FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
WHITE: Final = (255, 255, 255)


def run(
    connection: Connection,
    memory: Any,
    title: str,
    size: Size,
    mirrored: bool,
    folder: str | None,
) -> None:
    """The window's process; `folder` is where snapshots go."""
    with suppress(OSError):
        os.chdir(folder or ".")
    PreviewView(connection, memory, title, size, mirrored).run()


class PreviewView(Window):
    """Shows pictures as they are sent, or as its keys say."""

    def __init__(
        self, connection: Connection, memory: Any, title: str, size: Size, mirrored: bool
    ) -> None:
        super().__init__(connection, memory, title, size)
        self._mirrored = mirrored
        self._shows_matte = self._shows_help = self._shows_status = False
        self._snapshot_wanted = False
        self._is_slate = True
        """Whether what is seen is a slate, or nothing yet."""
        self._message = ""
        self._message_until_seconds = 0.0
        self._canvas: Image = np.empty((size.height, size.width, 3), np.uint8)
        self._checkerboard = _Checkerboard(size)

    def obey(self, key: str) -> None:
        if key in ("q", ESCAPE):
            self.say(Asked(Command.QUIT))
        elif key == "b":
            self.say(Asked(Command.NEXT_BACKGROUND))
        elif key == "m":
            self._mirrored = not self._mirrored
        elif key == "v":
            self._shows_matte = not self._shows_matte
        elif key == "s":
            self._snapshot_wanted = not self._is_slate
            if self._is_slate:
                self._tell(NO_PICTURE)
        elif key == "h":
            self._shows_help = not self._shows_help
        elif key == "i":
            self._shows_status = not self._shows_status
            self.say(StatusWanted(self._shows_status))

    def closed(self) -> None:
        self.say(Asked(Command.QUIT))

    def draw(self, show: Show, image: Image, alpha: Image | None) -> Image:
        assert alpha is not None, "the preview is sent mattes"
        picture = Rendered(image, alpha, show.picture_index, 0.0, 0.0, show.transparent)
        self._is_slate = show.picture_index < 0
        if self._snapshot_wanted:
            self._snapshot_wanted = False
            if self._is_slate:
                self._tell(NO_PICTURE)
            else:
                self._save_snapshot(picture)
        return self._view(picture, show.lines if self._shows_status else ())

    def _view(self, picture: Rendered, lines: Sequence[str]) -> Image:
        """What the window shows: the picture itself, or the canvas if anything differs from it."""
        view = picture.image
        if self._shows_matte:
            cv2.cvtColor(picture.alpha, cv2.COLOR_GRAY2BGR, dst=self._canvas)
            view = self._canvas
        elif picture.transparent:
            self._checkerboard.put_behind(picture, self._canvas)
            view = self._canvas
        if self._mirrored:
            cv2.flip(view, 1, dst=self._canvas)
            view = self._canvas
        top, bottom = self._overlay_lines(lines)
        if top or bottom:
            if view is not self._canvas:
                np.copyto(self._canvas, view)
            _write_lines(self._canvas, top)
            _write_lines(self._canvas, bottom, at_bottom=True)
            view = self._canvas
        return view

    def _overlay_lines(self, lines: Sequence[str]) -> tuple[list[str], list[str]]:
        top = [*lines, *(HELP if self._shows_help else ())]
        said = time.monotonic() < self._message_until_seconds
        return top, [self._message] if said else []

    def _save_snapshot(self, picture: Rendered) -> None:
        """Save the whole picture as it is sent, not as it is viewed, under a new name."""
        stem = time.strftime("livematte-%Y%m%d-%H%M%S")
        path, copies = Path(f"{stem}.png"), 1
        while path.exists():
            copies += 1
            path = Path(f"{stem}-{copies}.png")
        try:
            write_png(path, picture)
        except SinkError as error:
            # A snapshot that fails is no reason to end a call.
            self._tell(error.problem)
        else:
            self.say(Saved(path))
            self._tell(f"Saved {path}")

    def _tell(self, message: str) -> None:
        self._message = message
        self._message_until_seconds = time.monotonic() + MESSAGE_SECONDS


class _Checkerboard:
    """Two greys in squares, to be seen through what is transparent."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._board: Image | None = None

    def put_behind(self, picture: Rendered, canvas: Image) -> None:
        """Composite `picture` over the board, into `canvas`."""
        if self._board is None:
            width, height = self._size
            rows, columns = np.mgrid[:height, :width] // CHECKER_PIXELS
            board = np.array(CHECKER_GRAYS, np.uint8)[(rows + columns) % 2]
            self._board = cv2.cvtColor(board, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
            self._weight = np.empty((height, width), np.float32)
            self._rest = np.empty((height, width), np.float32)
        np.multiply(picture.alpha, np.float32(1 / 255), out=self._weight)
        np.subtract(np.float32(1), self._weight, out=self._rest)
        cv2.blendLinear(picture.image, self._board, self._weight, self._rest, dst=canvas)


def _write_lines(canvas: Image, lines: Sequence[str], at_bottom: bool = False) -> None:
    """Write `lines` in white on a darkened box in the left corner, no wider than the canvas."""
    if not lines:
        return
    height, width = canvas.shape[:2]
    margin = max(6, height // 60)
    widest = max(cv2.getTextSize(line, FONT, 1.0, 1)[0][0] for line in lines)
    scale = min(max(0.45, height / 1200), (width - 2 * margin) / max(1, widest))
    line_height = max(1, round(34 * scale))
    box_height = min(height, len(lines) * line_height + margin)
    top = height - box_height if at_bottom else 0
    box = canvas[top : top + box_height, : min(width, round(widest * scale) + 2 * margin)]
    box //= 4
    thickness = max(1, round(scale * 1.5))
    for number, line in enumerate(lines, start=1):
        corner = (margin, top + number * line_height)
        cv2.putText(canvas, line, corner, FONT, scale, WHITE, thickness, cv2.LINE_AA)
