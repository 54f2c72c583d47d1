"""Pictures with transparency, on a colour."""

from __future__ import annotations

import numpy as np

from livematte.frame import Image


def over(image: Image, alpha: Image | None, colour: tuple[int, int, int]) -> Image:
    """`image` on `colour`, uint8 RGB (H, W, 3), as viewers show it: Porter and Duff, 1984.

    alpha: uint8 (H, W), straight; None for a picture without.
    """
    if alpha is None:
        return image
    out = np.empty_like(image)
    opaque = alpha.astype(np.uint16)
    for channel, level in enumerate(colour):
        mixed = image[..., channel] * opaque + np.uint16(level) * (255 - opaque) + 127
        out[..., channel] = mixed // 255
    return out
