"""Pictures as PNG files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.errors import SinkError, UsageError
from livematte.frame import Rendered, Size
from livematte.media.identity import Inputs
from livematte.media.mark import marked_png
from livematte.media.whole_file import Taken, write_whole
from livematte.sinks.sink import MOST_WAITING, require_picture

_NUMBER: Final = re.compile(r"%0?\d{0,2}d")
"""Any other % is literal."""

DEFAULT_PATTERN: Final = "%06d.png"

PNG_COMPRESSION: Final = 1
"""0 to 9: a third of the time of OpenCV's default, for files a few per cent larger."""


class ImageFolder:
    """Writes every picture as a PNG file, with alpha where the background is transparent.

    The files are numbered from 0 without gaps. If the run fails, the files stay, since each one is
    complete.
    """

    takes_alpha = True
    most_waiting = MOST_WAITING

    def __init__(
        self, pattern: Path, taken: Taken = Taken.REFUSE, inputs: Inputs | None = None
    ) -> None:
        """`pattern`: a folder, or a file name with one number in it: frames/%05d.png.

        taken: what to do if such pictures already exist, now or when one is written; `NUMBER` is
            for a folder, and writes to a new one.
        inputs: files that are being read; they are never replaced.

        Raises `UsageError` if `pattern` is a `.png` without a number, or if pictures exist that
        must not be replaced.
        """
        if pattern.suffix.lower() != ".png" or os.path.isdir(pattern):
            pattern = pattern / DEFAULT_PATTERN
        numbers = list(_NUMBER.finditer(pattern.name))
        if len(numbers) != 1:
            raise UsageError(
                f"{pattern} names one picture, but a run writes many.",
                f"Add a number to the name, such as {pattern.stem}-%05d.png.",
            )
        self._pattern = pattern
        before, after = numbers[0].span()
        self._stem, self._number, self._ending = (
            pattern.name[:before],
            numbers[0][0],
            pattern.name[after:],
        )
        self._taken = taken
        self._size = Size(0, 0)
        self._count = 0
        self._made_folder: Path | None = None
        if taken is Taken.REPLACE and inputs is not None:
            for each in self._existing():
                inputs.require_not_at(each)
        if taken is Taken.REFUSE and self.existing():
            raise UsageError(
                f"{pattern.parent} already contains pictures named {pattern.name}.",
                "Name another folder, or use --overwrite.",
            )

    @property
    def description(self) -> str:
        return f"{self._pattern} (PNG)"

    def existing(self) -> bool:
        """Whether pictures with such names already exist."""
        return next(self._existing(), None) is not None

    def _existing(self) -> Iterator[Path]:
        name = re.compile(re.escape(self._stem) + r"\d+" + re.escape(self._ending))
        folder = self._pattern.parent
        if os.path.isdir(folder):
            yield from (each for each in folder.iterdir() if name.fullmatch(each.name))

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._size = size
        try:
            folder = self._make_folder()
        except OSError as error:
            folder = self._pattern.parent
            raise SinkError(
                f"Cannot create the folder {folder}: {error.strerror}.",
                "Name a folder inside an existing one that you can write to.",
            ) from error
        if not os.access(folder, os.W_OK):
            raise SinkError(f"No permission to write to the folder {folder}.", "Name another one.")

    def _make_folder(self) -> Path:
        folder, number = self._pattern.parent, 1
        while True:
            try:
                folder.mkdir()
                self._made_folder = folder
            except FileExistsError:
                if self._taken is Taken.NUMBER:
                    number += 1
                    folder = folder.with_name(f"{self._pattern.parent.name} ({number})")
                    continue
                if not folder.is_dir():
                    raise
            self._pattern = folder / self._pattern.name
            return folder

    def send(self, picture: Rendered) -> None:
        """Write one file. Slates (pictures with a negative index) are skipped."""
        require_picture(picture, self._size)
        if picture.index < 0:
            return
        path = self._pattern.with_name(self._stem + self._number % self._count + self._ending)
        write_png(path, picture, self._taken)
        self._count += 1

    def close(self) -> None:
        """Remove a new folder that got no files. Each file was already finished by `send`."""
        if self._made_folder is not None and not self._count:
            with suppress(OSError):  # something else is in it
                self._made_folder.rmdir()

    abort = close

    @property
    def remarks(self) -> list[str]:
        return []


def write_png(path: Path, picture: Rendered, taken: Taken = Taken.REFUSE) -> None:
    """Write `picture` to `path`, with its alpha if it is transparent.

    The file appears under its name only when it is complete. Raises `SinkError` if it cannot be
    written, and leaves nothing behind.
    """
    pixels = picture.image
    if picture.transparent:
        pixels = cv2.merge([picture.image, picture.alpha]).astype(np.uint8, copy=False)
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION])
    write_whole(path, marked_png(encoded.tobytes()), taken)
