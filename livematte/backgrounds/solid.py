"""Backgrounds of one colour."""

from __future__ import annotations

from typing import Final

import numpy as np

from livematte.background import ImageBackground
from livematte.backgrounds.css_colour import parse_colour

CHROMA_GREEN: Final = "#00b140"
"""The green of green screens, for another program to key out; "green" means this colour."""


def solid(color: str, description: str | None = None) -> ImageBackground:
    """One colour in CSS notation; raises ValueError for anything else."""
    red, green, blue = parse_colour(color)
    return ImageBackground(np.array([[[blue, green, red]]], np.uint8), description or color)
