"""What stands behind the person instead of the room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from livematte.frame import Image, Size

BLUR_REDUCTION: Final = 4
"""Backgrounds are blurred on a copy this many times smaller a side: the blur hides the loss."""


class Background(ABC):
    """A background: a `Picture` of any kind, the `Blur` of the room, or `Transparent`."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the user is told: "beach.jpg", "blur 20"."""


class Picture(Background):
    """A background that is a picture of its own, still or moving."""

    @abstractmethod
    def picture_at(self, size: Size, seconds: float) -> Image:
        """The picture behind the frame at `seconds` of media time: uint8 BGR (H, W, 3) of `size`.

        The same array object comes back for as long as the picture has not changed, so that it
        need be uploaded only once; it must not be written to.

        Raises `BackgroundError` if a video cannot be read on.
        """


@dataclass(frozen=True)
class Blur(Background):
    """The room itself, out of focus, and without the person's colours dragged into it.

    sigma_pixels: the Gaussian's standard deviation in a frame 720 rows high; it grows with the
        frame, so that a larger camera picture looks the same.
    """

    sigma_pixels: float = 20.0

    @property
    def description(self) -> str:
        return f"blur {self.sigma_pixels:g}"

    def reduced_sigma(self, size: Size) -> float:
        """The standard deviation in pixels of the copy that is `BLUR_REDUCTION` times smaller."""
        return self.sigma_pixels * size.height / 720 / BLUR_REDUCTION


@dataclass(frozen=True)
class Transparent(Background):
    """Nothing: the sink gets the foreground's colour and real alpha."""

    @property
    def description(self) -> str:
        return "transparent"
