"""What stands behind the person instead of the room."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.backgrounds.css_colour import NotOpaqueError, colour_names, parse_colour
from livematte.errors import UsageError
from livematte.frame import Image, Size
from livematte.media.names import at_home
from livematte.text.counted import counted
from livematte.text.near import near, near_file

CHROMA_GREEN: Final = "#00b140"
"""The green of green screens, for a program further on to key out; "green" means this one."""

BLUR_REDUCTION: Final = 4
"""Backgrounds are blurred on a copy this many times smaller a side: the blur hides the loss."""

BLUR_SIGMAS: Final = (4.0, 100.0)
"""The least and the most blur, in pixels; less than the least would not hide the reduction."""

HIDDEN_HEIGHT_SIGMAS: Final = 2.0
"""Letters up to this high, in standard deviations of the blur, are hidden from whoever sharpens.

After deconvolution by the known blur, line by line, tesseract reads most bold capitals at 5, a few
letters at 3 and none at 2. See tests/matting/test_blur_hides.py.
"""

HIDDEN_PART: Final = 12
"""The usual blur hides letters up to this part of the picture's height."""

DEFAULT_BLUR: Final = 720 / HIDDEN_PART / HIDDEN_HEIGHT_SIGMAS
"""In pixels of a frame 720 rows high."""


class Background(ABC):
    """A background: a `Picture` of any kind, the `Blur` of the room, or `Transparent`."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the user is told: "beach.jpg", "blur 30"."""

    @property
    def caution(self) -> str | None:
        """What it does not hide though one might think so, in sentences; None if there is none."""
        return None


class Picture(Background):
    """A background that is a picture of its own, still or moving."""

    @abstractmethod
    def picture_at(self, size: Size, seconds: float) -> Image:
        """The picture behind the frame at `seconds` of media time: uint8 BGR (H, W, 3) of `size`.

        The same array object comes back for as long as the picture has not changed, so that it
        need be uploaded only once; it must not be written to.

        Raises `BackgroundError` if a video cannot be read on that nobody plays.
        """

    @property
    def files(self) -> Sequence[Path]:
        """What it is read from."""
        return ()

    def play(self, *, live: bool, on_trouble: Callable[[str], None]) -> None:
        """Begin a run, in which `picture_at` raises nothing: it keeps the last picture instead.

        live: take the newest picture that is ready, and never wait for one.
        on_trouble: told in a sentence, by any thread, why the last picture stays, and when the
            background is back.
        """
        return

    def stop(self) -> None:
        """End the run; the last picture can still be had. Twice is fine."""
        return


@dataclass(frozen=True)
class Blur(Background):
    """The room itself, out of focus, and without the person's colours dragged into it.

    sigma_pixels: the Gaussian's standard deviation in a frame 720 rows high; it grows with the
        frame, so that a larger camera picture looks the same. The default hides text with letters
        up to 1/12 of the picture's height. What is larger, such as furniture, who is near the
        camera, and colours, can be made out at any strength.
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
        """The standard deviation in pixels of the copy of `reduced_size`."""
        return self.sigma_pixels * size.height / 720 / BLUR_REDUCTION


@dataclass(frozen=True)
class Transparent(Background):
    """Nothing: the sink gets the foreground's colour and real alpha."""

    @property
    def description(self) -> str:
        return "transparent"


class Still(Picture):
    """A picture that does not move: a photograph or one colour, fitted to the frame once."""

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


def cover(image: Image, size: Size, pixel_aspect: float = 1.0) -> Image:
    """`image` scaled to fill `size`, its overhang cropped evenly, its proportions kept.

    pixel_aspect: how much wider than high the pixels of `image` are to be shown.
    """
    height, width = image.shape[:2]
    scale = max(size.width / (width * pixel_aspect), size.height / height)
    crop_width = min(width, max(1, round(size.width / (scale * pixel_aspect))))
    crop_height = min(height, max(1, round(size.height / scale)))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    crop = image[top : top + crop_height, left : left + crop_width]
    shrinking = scale < 1
    fitted = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return fitted.astype(np.uint8, copy=False)


def solid(color: str, description: str | None = None) -> Still:
    """One colour, as CSS writes it; raises ValueError for anything else."""
    red, green, blue = parse_colour(color)
    return Still(np.array([[[blue, green, red]]], np.uint8), description or color)


def parse(text: str) -> Background:
    """The background that a person means: "#1e90ff", "navy", "blur:40", "beach.jpg", ...

    Raises `UsageError` if it is none of the kinds, or several pictures, and `BackgroundError` if
    its file is unreadable.
    """
    backgrounds = parse_all(text)
    if len(backgrounds) > 1:
        raise UsageError(
            f"Background {text} is {counted(len(backgrounds), 'picture')}, and there is one here.",
            "Name one of them.",
        )
    return backgrounds[0]


def parse_all(
    text: str, on_trouble: Callable[[str], None] = lambda _sentence: None
) -> list[Background]:
    """As `parse`, with all the pictures of a folder or a pattern.

    on_trouble: told in a sentence of each of them that cannot be read and is left out.
    """
    word, _, argument = text.partition(":")
    if word == "blur" and not os.path.exists(text):
        return [_parse_blur(argument) if argument else Blur()]
    if text == "transparent":
        return [Transparent()]
    if text == "green":
        return [solid(CHROMA_GREEN, "green")]
    try:
        return [solid(text)]
    except NotOpaqueError as error:
        if not os.path.exists(text):
            raise UsageError(
                f"Background {text} is not opaque.",
                "Give the colour without its alpha, or transparent for no background at all.",
            ) from error
    except ValueError:
        pass
    # Loaded here, because photos are put on backgrounds, too.
    from livematte.backgrounds.files import open_files

    return list(open_files(text, on_trouble))


def files_of(backgrounds: Iterable[Background | None]) -> list[Path]:
    """What backgrounds are read from."""
    return [path for each in backgrounds if isinstance(each, Picture) for path in each.files]


def _parse_blur(argument: str) -> Blur:
    least, most = BLUR_SIGMAS
    try:
        sigma = float(argument)
    except ValueError:
        sigma = float("nan")
    if not least <= sigma <= most:
        raise UsageError(
            f"Blur {argument!r} is not a number from {least:g} to {most:g}.",
            f"It is the strength; blur:{DEFAULT_BLUR:g} hides text with letters up to "
            f"1/{HIDDEN_PART} of the picture's height, less hides less.",
        )
    return Blur(sigma)


def suggestion(text: str) -> str:
    """What to do about a text that is no background."""
    if re.fullmatch(r"[0-9a-fA-F]{3}", text):
        return f"Did you mean '#{text}'? Quote it: the shell takes # for a comment."
    if text.startswith("#"):
        return "Write a colour as # and six digits from 0 to f, such as '#1e90ff', in quotes."
    close = near_file(Path(at_home(text))) if Path(text).suffix or os.sep in text else None
    name = str(close) if close else near(text, ["blur", "transparent", *colour_names()])
    hint = f"Did you mean {name!r}? " if name else ""
    return hint + (
        "Give a colour (#1e90ff, navy), blur or blur:40, transparent, or a picture or video file."
    )
