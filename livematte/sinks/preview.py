"""The preview: a window on this machine, and the keys that are pressed in it."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.errors import SinkError
from livematte.frame import Image, Rendered, Size
from livematte.sinks.images import write_png
from livematte.sinks.x11 import display_problem, prepare_qt

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

CHECKER_PIXELS: Final = 16
CHECKER_GRAYS: Final = (102, 153)
"""What is seen through a transparent background."""

FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
WHITE: Final = (255, 255, 255)


class Command(enum.Enum):
    """What a person asked for that is not the window's own business."""

    QUIT = enum.auto()
    NEXT_BACKGROUND = enum.auto()


class PreviewWindow:
    """Shows the pictures in a window that can be resized.

    Mirroring, the view of the matte and the overlays are seen here only: they are drawn into a
    picture of the window's own.
    """

    description = "preview"
    takes_alpha = True

    def __init__(
        self, title: str, status: Callable[[], Sequence[str]], mirrored: bool = False
    ) -> None:
        """`status`: called for the lines of the statistics overlay, in ASCII, while it is shown."""
        self.snapshots: list[Path] = []
        """The files that the key for snapshots has made."""
        self._title = title
        self._status = status
        self._mirrored = mirrored
        self._shows_matte = self._shows_help = self._shows_status = False
        self._snapshot_wanted = False
        self._message = ""
        self._message_until_seconds = 0.0
        self._is_open = False

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        remedy = "Run with --no-preview and give --output FILE or --virtual-camera instead."
        problem = display_problem()
        if problem is not None:
            raise SinkError(problem, remedy)
        prepare_qt()
        flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
        try:
            cv2.namedWindow(self._title, flags)
            cv2.resizeWindow(self._title, *size)
        except cv2.error as error:
            raise SinkError(f"OpenCV cannot open a window: {error.err}.", remedy) from error
        self._canvas = np.empty((size.height, size.width, 3), np.uint8)
        self._checkerboard = _Checkerboard(size)
        self._is_open = True

    def send(self, picture: Rendered) -> None:
        if not self._is_open:
            return
        if self._snapshot_wanted and picture.index >= 0:
            self._snapshot_wanted = False
            self._save_snapshot(picture)
        cv2.imshow(self._title, self._view(picture))

    def poll(self) -> list[Command]:
        """Keep the window alive and obey its keys; what others must do is returned.

        To be called often, also while no picture comes.
        """
        commands: list[Command] = []
        if not self._is_open:
            return commands
        while (code := cv2.pollKey()) != -1:
            key = chr(code & 0xFF).lower()
            if key in ("q", ESCAPE):
                commands.append(Command.QUIT)
            elif key == "b":
                commands.append(Command.NEXT_BACKGROUND)
            elif key == "m":
                self._mirrored = not self._mirrored
            elif key == "v":
                self._shows_matte = not self._shows_matte
            elif key == "s":
                self._snapshot_wanted = True
            elif key == "h":
                self._shows_help = not self._shows_help
            elif key == "i":
                self._shows_status = not self._shows_status
        if not self._is_visible():
            # Showing one more picture would open the window again.
            self._is_open = False
            commands.append(Command.QUIT)
        return commands

    def _is_visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # of Qt, when the last window was closed
            return False

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            with suppress(cv2.error):
                cv2.destroyWindow(self._title)
                cv2.pollKey()  # the window goes away only when its events are handled

    abort = close

    def _view(self, picture: Rendered) -> Image:
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
        top, bottom = self._overlay_lines()
        if top or bottom:
            if view is not self._canvas:
                np.copyto(self._canvas, view)
            _write_lines(self._canvas, top)
            _write_lines(self._canvas, bottom, at_bottom=True)
            view = self._canvas
        return view

    def _overlay_lines(self) -> tuple[list[str], list[str]]:
        top = list(self._status()) if self._shows_status else []
        top += HELP if self._shows_help else ()
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
            self._say(error.problem)
        else:
            self.snapshots.append(path)
            self._say(f"Saved {path}")

    def _say(self, message: str) -> None:
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
