"""Parses the texts of backgrounds."""

from __future__ import annotations

import os
from collections.abc import Callable

from livematte.background import (
    BLUR_SIGMAS,
    DEFAULT_BLUR,
    HIDDEN_PART,
    Background,
    Blur,
    Transparent,
)
from livematte.backgrounds.css_colour import NotOpaqueError
from livematte.backgrounds.files import open_files
from livematte.backgrounds.solid import CHROMA_GREEN, solid
from livematte.errors import UsageError
from livematte.text.counted import counted


def parse(text: str) -> Background:
    """The background of a text: "#1e90ff", "navy", "blur:40", "beach.jpg", ...

    Raises `UsageError` if the text is not a background, or is several pictures, and
    `BackgroundError` if its file cannot be read.
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
    """As `parse`, but a folder or pattern gives all its pictures.

    on_trouble: called with a sentence for each picture that cannot be read and is skipped.
    """
    word, _, argument = text.partition(":")
    if word == "blur" and not os.path.exists(text):
        return [parse_blur(argument) if argument else Blur()]
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
    return list(open_files(text, on_trouble))


def parse_blur(argument: str) -> Blur:
    """The blur of this strength. Raises `UsageError` if it is not a number, or out of range."""
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
