"""The preview: a window on this machine, and the keys that are pressed in it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.sinks import preview_view
from livematte.sinks.commands import Asked, Command, Saved, StatusWanted
from livematte.sinks.sink import require_picture
from livematte.sinks.window_process import Show, WindowProcess, folder

REMEDY: Final = "Run with --no-preview and give --output FILE or --virtual-camera instead."

STATUS_SECONDS: Final = 0.25
"""The statistics change so often; faster they could not be read."""


class PreviewWindow:
    """Shows the pictures in a window that can be resized.

    Mirroring, the view of the matte and the overlays are seen here only. The window lives in a
    process of its own, which takes it with it if it dies, and nothing else; see `window_process`.
    """

    description = "preview"
    takes_alpha = True
    only_shows = True
    remarks: tuple[str, ...] = ()

    def __init__(
        self, title: str, status: Callable[[], Sequence[str]], mirrored: bool = False
    ) -> None:
        """status: called for the lines of the statistics overlay, in ASCII, while it is shown; by
        the thread that calls `poll`.
        """
        self.snapshots: list[Path] = []
        """The files that the key for snapshots has made."""
        self._title = title
        self._status = status
        self._mirrored = mirrored
        self._lines: tuple[str, ...] = ()
        self._lines_seconds = 0.0
        self._lines_wanted = False
        self._commands: deque[Command] = deque()
        self._process: WindowProcess | None = None
        self._interrupted = False

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._size = size
        self._process = WindowProcess(
            preview_view.run,
            self._title,
            size,
            self._mirrored,
            folder(),
            capacity_bytes=4 * size.width * size.height,
            on_message=self._hear,
        )
        if self._interrupted:
            return
        try:
            self._process.open()
        except SinkError as error:
            raise SinkError(error.problem, REMEDY) from error

    def send(self, picture: Rendered) -> None:
        assert self._process is not None, "open() comes first"
        require_picture(picture, self._size)
        if self._interrupted:
            return
        show = Show(picture.size, True, picture.index, picture.transparent, self._lines)
        try:
            self._process.show(show, picture.image, picture.alpha)
        except SinkError as error:
            raise SinkError(error.problem.replace("window", "preview", 1), REMEDY) from error

    def poll(self) -> list[Command]:
        """What the keys ask others to do, since the last call. From any one thread, often."""
        now = time.monotonic()
        if not self._lines_wanted:
            self._lines = ()
        elif not self._lines or now - self._lines_seconds >= STATUS_SECONDS:
            self._lines = tuple(self._status())
            self._lines_seconds = now
        commands = []
        while self._commands:
            commands.append(self._commands.popleft())
        return commands

    def interrupt(self) -> None:
        self._interrupted = True
        if self._process is not None:
            self._process.interrupt()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()

    abort = close

    def _hear(self, message: Any) -> None:
        if isinstance(message, Asked):
            self._commands.append(message.command)
        elif isinstance(message, Saved):
            self.snapshots.append(message.path)
        elif isinstance(message, StatusWanted):
            self._lines_wanted = message.wanted
