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
from livematte.sinks.images import write_png
from livematte.sinks.preview.keys import ESCAPE, REPEATING, meant
from livematte.sinks.preview.messages import Notes, Pressed, Saved, StatusWanted
from livematte.sinks.window.process import Show
from livematte.sinks.window.window import Window

HELP: Final = (
    ("1 - 9", "background"),
    ("b  B", "next, previous one"),
    ("+  -", "more, less blur"),
    ("[  ]", "edge in, out"),
    ("p", "pause"),
    ("z", "freeze"),
    ("r", "record, stop"),
    ("s", "snapshot"),
    ("f", "full screen"),
    ("m", "mirror preview"),
    ("v", "show matte"),
    ("i", "statistics"),
    ("h", "help"),
    ("q", "quit (or Esc)"),
)

MESSAGE_SECONDS: Final = 2.0
"""How long it says where a snapshot went."""

NO_PICTURE: Final = "No picture to save now"

CHECKER_PIXELS: Final = 16
CHECKER_GRAYS: Final = (102, 153)
"""What is seen through a transparent background."""


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

    # The picture is fitted into the window here, not by the toolkit, so that letters are sharp and
    # what is beside it is black.
    flags = cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL
    repeating = REPEATING

    def __init__(
        self, connection: Connection, memory: Any, title: str, size: Size, mirrored: bool
    ) -> None:
        super().__init__(connection, memory, title, size)
        self._mirrored = mirrored
        self._turned = False
        """Whether the key for it was pressed."""
        self._shows_matte = self._shows_help = self._shows_status = False
        self._snapshot_wanted = False
        self._is_slate = True
        """Whether what is seen is a slate, or nothing yet."""
        self._message = ""
        self._message_until_seconds = 0.0
        self._canvas: Image = np.empty((size.height, size.width, 3), np.uint8)
        self._fitted = self._canvas
        self._checkerboard = _Checkerboard(size)

    def understand(self, characters: Sequence[str]) -> str:
        return meant(characters)

    def obey(self, key: str) -> None:
        if key == ESCAPE and self.is_full_screen:
            self.fill_screen(False)
        elif key == "f":
            self.fill_screen(not self.is_full_screen)
        elif key == "m":
            self._turned = not self._turned
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
        elif key:
            self.say(Pressed(key))

    def closed(self) -> None:
        self.say(Pressed(ESCAPE))

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
        notes = show.notes or Notes()
        # Not the slate, which has words in it.
        flips = not self._is_slate and (self._mirrored and not notes.is_mirrored) != self._turned
        return self._write(self._fit(self._view(picture, flips)), notes)

    def _view(self, picture: Rendered, flips: bool) -> Image:
        """What is seen of it, of the same size: the picture itself, or the canvas if it differs."""
        view = picture.image
        if self._shows_matte:
            cv2.cvtColor(picture.alpha, cv2.COLOR_GRAY2BGR, dst=self._canvas)
            view = self._canvas
        elif picture.transparent:
            self._checkerboard.put_behind(picture, self._canvas)
            view = self._canvas
        if flips:
            cv2.flip(view, 1, dst=self._canvas)
            view = self._canvas
        return view

    def _fit(self, view: Image) -> Image:
        """`view` as large as it can be in the window, with black beside it."""
        wanted = self.inner_size()
        size = Size.of(view)
        if wanted is None or wanted == size:
            return view
        if Size.of(self._fitted) != wanted or self._fitted is self._canvas:
            self._fitted = np.zeros((wanted.height, wanted.width, 3), np.uint8)
        scale = min(wanted.width / size.width, wanted.height / size.height)
        width, height = (max(1, round(scale * side)) for side in size)
        left, top = (wanted.width - width) // 2, (wanted.height - height) // 2
        place = self._fitted[top : top + height, left : left + width]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        cv2.resize(view, (width, height), dst=place, interpolation=how)
        # Last time's letters may have been beside the picture.
        for beside in (
            *(self._fitted[:top], self._fitted[top + height :]),
            *(self._fitted[:, :left], self._fitted[:, left + width :]),
        ):
            beside[:] = 0
        return self._fitted

    def _write(self, view: Image, notes: Notes) -> Image:
        """`view` with what is written over it; that is never mirrored."""
        rows = list(notes.statistics) if self._shows_status else []
        if self._shows_help:
            rows += [*([("", "")] if rows else []), *HELP]
        said = self._message if time.monotonic() < self._message_until_seconds else notes.said
        if not (rows or said or notes.is_recording):
            return view
        from livematte.sinks.preview import overlay as overlay  # the window is to appear at once

        if view is not self._canvas and view is not self._fitted:
            np.copyto(self._canvas, view)
            view = self._canvas
        overlay.write_rows(view, rows)
        overlay.write_message(view, said)
        if notes.is_recording:
            overlay.mark_recording(view)
        return view

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
