"""Colours as CSS writes them: "navy", "#1e90ff", "rgb(30 144 255)", "oklch(60% 0.15 250)"."""

from __future__ import annotations

from typing import Final

MOST_LETTERS: Final = 200
"""No colour is longer, but file names can be."""


class NotOpaqueError(ValueError):
    """A colour is partly transparent."""


def parse_colour(text: str) -> tuple[int, int, int]:
    """The colour in sRGB: red, green and blue from 0 to 255.

    CSS Color Module Level 4; a colour outside sRGB becomes the nearest one in it.

    Raises ValueError if it is not a colour, `NotOpaqueError` if it is partly transparent.
    """
    from coloraide import Color  # loads 70 ms of modules

    text = text.strip()
    if not text.isprintable() or len(text) > MOST_LETTERS:
        raise ValueError("not a colour")
    colour = Color(text)
    if colour.alpha(nans=False) < 1:
        raise NotOpaqueError(f"{text} is not opaque")
    digits = colour.convert("srgb").fit().to_string(hex=True, alpha=False)
    red, green, blue = bytes.fromhex(digits.removeprefix("#"))
    return red, green, blue


def colour_names() -> list[str]:
    """The names of colours in CSS."""
    from coloraide.css.color_names import name2val_map

    return [each for each in name2val_map if each != "transparent"]
