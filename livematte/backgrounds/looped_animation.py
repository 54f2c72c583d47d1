"""An animation (GIF, APNG, WebP or AVIF), shown in a loop."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from livematte.backgrounds.over import over
from livematte.errors import BackgroundError, SourceError
from livematte.frame import Image
from livematte.media.kept_file import keep_file
from livematte.media.photo.read import open_photo, to_srgb


class Drawn(NamedTuple):
    """A picture of the animation, and its start and end, in seconds.

    image: uint8 BGR (H, W, 3).
    """

    from_seconds: float
    until_seconds: float
    image: Image

    def pixels(self) -> Image:
        """The image."""
        return self.image


class LoopedAnimation:
    """The pictures of an animation, one after the other, in a loop.

    As in `LoopedVideo`, the file is opened once; if a later part is damaged, the part before it is
    looped. The file's own number of repeats is ignored: nobody wants a background that stops after
    three.
    """

    def __init__(self, path: Path, colour: tuple[int, int, int]) -> None:
        """colour: behind transparent parts, in sRGB from 0 to 255.

        Raises `BackgroundError` if it is not a file or none of its pictures can be decoded.
        """
        self._path = path
        self._colour = colour
        self._close: Callable[[], object] = lambda: None
        self.reopen(0.0)

    def reopen(self, seconds: float) -> None:
        """Open the file now at the path; its first picture is shown from `seconds` on.

        Raises `BackgroundError` as the constructor does.
        """
        file = keep_file(self._path)
        self._close()
        self._file, self._close = file, weakref.finalize(self, file.close)
        self._until_seconds = seconds
        self._drawn = self._decode()
        self._following: Drawn | None = self._first()

    def next(self) -> Drawn:
        """The next picture, which is shown when the last one ends.

        Raises `BackgroundError` if nothing can be decoded any more.
        """
        drawn, self._following = self._following, None
        if drawn is None:
            drawn = next(self._drawn, None)
        if drawn is None:
            self._drawn = self._decode()
            drawn = self._first()
        self._until_seconds = drawn.until_seconds
        return drawn

    def _first(self) -> Drawn:
        drawn = next(self._drawn, None)
        if drawn is None:
            raise BackgroundError(
                f"Background {self._path} has no picture that can be decoded.",
                "Choose another background, or another copy of it.",
            )
        return drawn

    def _decode(self) -> Iterator[Drawn]:
        """Each picture of the file once. Raises `BackgroundError` if there are none."""
        seconds = self._until_seconds
        is_first = True
        try:
            with open_photo(self._path, file=self._file) as opened:
                for shown_seconds, photo in opened.frames():
                    image = over(to_srgb(photo.image, photo.profile), photo.alpha, self._colour)
                    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
                    until_seconds = seconds + shown_seconds
                    yield Drawn(seconds, until_seconds, bgr)
                    seconds, is_first = until_seconds, False
        except SourceError as error:
            if is_first:
                raise BackgroundError(
                    f"Background {error.problem}",
                    "Choose another background, or another copy of it.",
                ) from error
