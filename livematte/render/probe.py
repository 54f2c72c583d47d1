"""A drawn test picture, to check that a device computes correct mattes at its precision.

Wrong mattes matter: where alpha is 1 and should be 0, the room shows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livematte.frame import Size

PROBE_TOLERANCE: Final = 5e-3
"""Two mattes in [0, 1] count as the same up to this mean difference. With MODNet's own weights,
float16 is off by 4e-4 on the probe; with sums in float16, which overflow, the result is NaN."""


def probe_pixels(size: Size) -> NDArray[np.float32]:
    """A drawn person in a room: (1, 3, H, W) float32 RGB in [-1, 1], the same every time.

    Flat or random pixels leave much of the network inactive. Shapes with shading and fine texture
    produce activations as large as those of photographs.
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
