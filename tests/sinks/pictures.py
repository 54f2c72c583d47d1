"""Pictures to send to sinks in tests."""

from __future__ import annotations

import numpy as np

from livematte.frame import Rendered, Size

GREEN = (0x40, 0xB1, 0x00)
"""#00b140 in BGR."""


def picture(
    size: Size,
    index: int = 0,
    *,
    media_seconds: float = 0.0,
    left: tuple[int, int, int] = (30, 60, 200),
    right: tuple[int, int, int] = GREEN,
    transparent: bool = False,
) -> Rendered:
    """The left half is a person of one colour, the right half background of another."""
    image = np.empty((size.height, size.width, 3), np.uint8)
    alpha = np.zeros((size.height, size.width), np.uint8)
    middle = size.width // 2
    image[:, :middle] = left
    image[:, middle:] = (0, 0, 0) if transparent else right
    alpha[:, :middle] = 255
    return Rendered(image, alpha, index, 0.0, media_seconds, transparent)
