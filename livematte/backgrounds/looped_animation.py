"""An animation (GIF, APNG, WebP or AVIF), shown in a loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from livematte.backgrounds.loop import Loop
from livematte.backgrounds.over import over
from livematte.errors import BackgroundError, SourceError
from livematte.frame import Image
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


class LoopedAnimation(Loop[Drawn]):
    """The pictures of an animation.

    The file's own number of repeats is ignored: nobody wants a background that stops after three.
    """

    def __init__(self, path: Path, colour: tuple[int, int, int]) -> None:
        """colour: behind transparent parts, in sRGB from 0 to 255. Raises what `Loop` does."""
        self._colour = colour
        super().__init__(path)

    def _undecodable(self) -> BackgroundError:
        return BackgroundError(
            f"Background {self._path} has no picture that can be decoded.",
            "Choose another background, or another copy of it.",
        )

    def _decode(self, from_seconds: float) -> Iterator[Drawn]:
        seconds = from_seconds
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
