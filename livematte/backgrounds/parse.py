"""From what a person wrote to the background that they mean."""

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
