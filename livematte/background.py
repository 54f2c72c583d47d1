"""What is shown behind the person instead of the room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livematte.frame import Image, Size
from livematte.media.cover import cover

BLUR_REDUCTION: Final = 4
"""Blur works on a copy that is this many times smaller on each side; the blur hides the loss."""

BLUR_SIGMAS: Final = (4.0, 100.0)
"""The least and the most blur, in pixels; less than the least would not hide the reduction."""

HIDDEN_HEIGHT_SIGMAS: Final = 2.0
"""Letters up to this high, in standard deviations of the blur, stay hidden after sharpening.

After deconvolution by the known blur, line by line, tesseract reads most bold capitals at 5, a few
letters at 3 and none at 2. See tests/matting/test_blur_hides.py.
"""

HIDDEN_PART: Final = 12
"""The usual blur hides letters up to this part of the picture's height."""

DEFAULT_BLUR: Final = 720 / HIDDEN_PART / HIDDEN_HEIGHT_SIGMAS
"""In pixels of a frame 720 rows high."""


class Background(ABC):
    """A background: a `Picture`, the `Blur` of the room, or `Transparent`."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The name shown to the user: "beach.jpg", "blur 30"."""

    @property
    def caution(self) -> str | None:
        """A warning of what it does not hide, in sentences; None if there is nothing to warn of."""
        return None


class Picture(Background):
    """A background with its own picture, still or moving."""

    @abstractmethod
    def picture_at(self, size: Size, seconds: float) -> Image:
        """The picture behind the frame at `seconds` of media time: uint8 BGR (H, W, 3) of `size`.

        Returns the same array object until the picture changes, so that it is uploaded only once;
        callers must not write to it.

        Raises `BackgroundError` if a video that is not being played cannot be read any further.
        """

    @property
    def files(self) -> Sequence[Path]:
        """The files that it is read from."""
        return ()

    def play(self, *, live: bool, on_trouble: Callable[[str], None]) -> None:
        """Start a run, in which `picture_at` raises nothing: it keeps the last picture instead.

        live: take the newest picture that is ready, and never wait for one.
        on_trouble: called from any thread with a sentence that says why the last picture stays, or
            that the background is back.
        """
        return

    def stop(self) -> None:
        """End the run; the last picture stays available. Calling it twice is fine."""
        return


@dataclass(frozen=True)
class Blur(Background):
    """The room itself, out of focus, without the person's colours smeared into it.

    sigma_pixels: the Gaussian's standard deviation in a frame 720 rows high; it grows with the
        frame, so that a larger camera picture looks the same. The default hides text with letters
        up to 1/12 of the picture's height. Larger things, such as furniture and people near the
        camera, and colours can be made out at any strength.
    """

    sigma_pixels: float = DEFAULT_BLUR

    @property
    def description(self) -> str:
        return f"blur {self.sigma_pixels:g}"

    @property
    def hidden_part(self) -> float:
        """Letters up to 1 / this of the picture's height cannot be read."""
        return 720 / (HIDDEN_HEIGHT_SIGMAS * self.sigma_pixels)

    @property
    def caution(self) -> str | None:
        if self.sigma_pixels >= DEFAULT_BLUR:
            return None
        return (
            f"blur:{self.sigma_pixels:g} is weak: text in your room may be readable where letters "
            f"are higher than 1/{self.hidden_part:.0f} of the picture. Choose "
            f"blur:{DEFAULT_BLUR:g} or more to hide letters up to 1/{HIDDEN_PART}."
        )

    @staticmethod
    def reduced_size(size: Size) -> Size:
        """The size of the copy that is blurred: `BLUR_REDUCTION` times smaller, rounded up."""
        return Size(-(-size.width // BLUR_REDUCTION), -(-size.height // BLUR_REDUCTION))

    def reduced_sigma(self, size: Size) -> float:
        """The standard deviation, in pixels of the copy that `reduced_size` describes."""
        return self.sigma_pixels * size.height / 720 / BLUR_REDUCTION


@dataclass(frozen=True)
class Transparent(Background):
    """No background: the sink gets the foreground's colour and real alpha."""

    @property
    def description(self) -> str:
        return "transparent"


class ImageBackground(Picture):
    """A still picture: a photo or one colour, fitted to the frame once."""

    def __init__(self, image: Image, description: str, files: Sequence[Path] = ()) -> None:
        """`image`: uint8 BGR (H, W, 3) of any size."""
        self._image = image
        self._files = files
        self._description = description
        self._fitted = image

    @property
    def description(self) -> str:
        return self._description

    @property
    def files(self) -> Sequence[Path]:
        return self._files

    def picture_at(self, size: Size, seconds: float) -> Image:
        if Size.of(self._fitted) != size:
            self._fitted = cover(self._image, size)
        return self._fitted


def files_of(backgrounds: Iterable[Background | None]) -> list[Path]:
    """The files that the backgrounds are read from."""
    return [path for each in backgrounds if isinstance(each, Picture) for path in each.files]
