"""What is written from a matted video: composites, the matte, the person, or a cut-out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from fractions import Fraction

import cv2
import numpy as np

from livematte.background import Picture
from livematte.frame import Frame, Image, Rendered, Size
from livematte.matting.composite import Compositor
from livematte.sinks import Sink
from livematte.sinks.sink import require_picture


class Save(str, Enum):
    """What to write, by its name on the command line."""

    COMPOSITE = "composite"
    """The person on a background."""

    ALPHA = "alpha"
    """The matte in grey: 0 is background, 255 is person."""

    FOREGROUND = "foreground"
    """The person on black, with colours multiplied by alpha: the fill to the matte as the key."""

    CUTOUT = "cutout"
    """The person with real alpha, with straight colours."""


class _Converting:
    """Converts pictures and passes them to another sink, in a buffer that is made once."""

    takes_alpha = True

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._size = Size(0, 0)

    @property
    def description(self) -> str:
        return self._sink.description

    @property
    def remarks(self) -> Sequence[str]:
        return self._sink.remarks

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._size = size
        self._converted: Image = np.zeros((size.height, size.width, 3), np.uint8)
        self._sink.open(size, frames_per_second)

    def send(self, picture: Rendered) -> None:
        require_picture(picture, self._size)
        if picture.index >= 0:
            self._convert(picture, self._converted)
            self._sink.send(replace(picture, image=self._converted, transparent=False))

    def close(self) -> None:
        self._sink.close()

    def abort(self) -> None:
        self._sink.abort()

    def _convert(self, picture: Rendered, out: Image) -> None:
        raise NotImplementedError


class MatteOnly(_Converting):
    """Passes on the matte in grey."""

    def _convert(self, picture: Rendered, out: Image) -> None:
        cv2.cvtColor(picture.alpha, cv2.COLOR_GRAY2BGR, dst=out)


class OnBlack(_Converting):
    """Passes on the person of transparent pictures, premultiplied: Porter and Duff, 1984."""

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._alpha = np.zeros((size.height, size.width, 3), np.uint8)
        super().open(size, frames_per_second)

    def _convert(self, picture: Rendered, out: Image) -> None:
        cv2.cvtColor(picture.alpha, cv2.COLOR_GRAY2BGR, dst=self._alpha)
        cv2.multiply(picture.image, self._alpha, dst=out, scale=1 / 255)


class Composited(_Converting):
    """Passes on transparent pictures composited on a background, as the renderer would do it."""

    def __init__(
        self,
        sink: Sink,
        background: Picture,
        light_wrap: float,
        on_trouble: Callable[[str], None],
    ) -> None:
        super().__init__(sink)
        self._background = background
        self._light_wrap = light_wrap
        self._on_trouble = on_trouble

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._compositor = Compositor(size, light_wrap=self._light_wrap)
        self._background.play(live=False, on_trouble=self._on_trouble)
        super().open(size, frames_per_second)

    def close(self) -> None:
        self._background.stop()
        super().close()

    def abort(self) -> None:
        self._background.stop()
        super().abort()

    def _convert(self, picture: Rendered, out: Image) -> None:
        self._compositor.compose(
            Frame(picture.image, picture.index, picture.captured_seconds, picture.media_seconds),
            picture.alpha,
            self._background,
            out,
        )
