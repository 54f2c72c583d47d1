"""Small pictures with edges, gradients and texture, the same every time."""

from __future__ import annotations

from typing import Final

import numpy as np

from livematte.frame import Frame, Image, Size
from livematte.matting.matte_guard import MatteGuard

FRAME_SIZE: Final = Size(90, 70)
"""Neither a multiple of the blur's reduction nor in the network's proportions."""

MATTE_SIZE: Final = Size(64, 32)


class Trusting(MatteGuard):
    """Lets pass what a network says that has learned nothing."""

    def problem_of(self, levels: Image, pixels: Image, *, is_mirrored: bool = False) -> str:
        return ""


TRUSTING: Final = Trusting()


def frame_picture(seed: int = 0) -> Image:
    rng = np.random.default_rng(seed)
    blocks = np.kron(rng.integers(0, 200, (7, 9, 3)), np.ones((10, 10, 1), np.int64))
    return (blocks + rng.integers(0, 56, blocks.shape)).astype(np.uint8)


def room_picture(seed: int = 1000) -> Image:
    return 255 - frame_picture(seed)


def frame(index: int) -> Frame:
    """Frame `index` of a stream in which no two are alike."""
    return Frame(frame_picture(index), index, captured_seconds=5 + index, media_seconds=index / 30)
