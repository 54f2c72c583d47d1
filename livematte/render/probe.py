"""A drawn picture by which to tell whether a device computes right mattes, in its precision.

A wrong matte is no small matter: where it is 1 and should be 0, the room shows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livematte.frame import Size

PROBE_TOLERANCE: Final = 5e-3
"""Mean difference of two mattes in [0, 1] up to which they count as the same. With MODNet's own
weights float16 is 4e-4 off on the probe; with sums in float16, which overflow, it is NaN."""


def probe_pixels(size: Size) -> NDArray[np.float32]:
    """Somebody in a room, drawn: (1, 3, H, W) float32 RGB in [-1, 1], the same every time.

    Flat or random pixels leave much of the network at rest. Shapes with shading and fine texture
    take it to activations as large as those of photographs.
    """
    y, x = np.mgrid[-1 : 1 : size.height * 1j, -1 : 1 : size.width * 1j]
    texture = np.random.default_rng(0).normal(0, 0.05, (size.height, size.width))
    room = 0.3 * x + 0.2 * np.sign(np.sin(9 * x)) * (y < 0.2) + texture
    skin = 0.5 - 0.4 * x + texture
    cloth = -0.6 + 0.2 * np.sin(40 * y) + texture
    head = (x / 0.28) ** 2 + ((y + 0.2) / 0.45) ** 2 < 1
    body = (x / 0.7) ** 2 + ((y - 1) / 0.75) ** 2 < 1
    rgb = [
        np.where(head, skin + warmth, np.where(body, cloth - warmth, room))
        for warmth in (0.25, 0.0, -0.15)
    ]
    return np.stack(rgb)[None].clip(-1, 1).astype(np.float32)
