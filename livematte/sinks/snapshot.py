"""Saves one picture of the stream as a PNG."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

from livematte.errors import LivematteError, UsageError
from livematte.frame import Rendered, Size
from livematte.media.names import require_writable_name
from livematte.media.whole_file import Taken
from livematte.sinks.dated import new_name
from livematte.sinks.images import write_png
from livematte.sinks.sink import require_picture


class SnapshotSink:
    """Writes the first picture that it gets; slates are skipped.

    path: its file. error: why it could not be written.
    """

    takes_alpha = True
    remarks: tuple[str, ...] = ()

    def __init__(self, path: Path | None) -> None:
        """path: must not exist; None for a new name with the date, in the working directory.

        Raises `UsageError` if it exists or is not a valid name for a PNG.
        """
        if path is not None:
            require_writable_name(str(path))
            if path.suffix.lower() != ".png":
                raise UsageError(f"{path} does not end in .png.", "Name a file that ends in .png.")
            if path.exists():
                raise UsageError(f"{path} already exists.", "Name another file.")
            if not path.parent.is_dir():
                raise UsageError(f"There is no folder {path.parent}.", "Create it first.")
        self.path = path or new_name("livematte-%Y%m%d-%H%M%S.png")
        self.error: LivematteError | None = None
        self._ended = threading.Event()
        self._size = Size(0, 0)

    @property
    def description(self) -> str:
        return f"{self.path} (snapshot)"

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until the picture is written or has failed; returns whether that is so."""
        return self._ended.wait(timeout_seconds)

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._size = size

    def send(self, picture: Rendered) -> None:
        require_picture(picture, self._size)
        if picture.index < 0 or self._ended.is_set():
            return
        try:
            write_png(self.path, picture, Taken.REFUSE)
        except LivematteError as error:  # must not end the call
            self.error = error
        self._ended.set()

    def close(self) -> None:
        """Nothing is held."""

    def abort(self) -> None:
        """Nothing is held."""
