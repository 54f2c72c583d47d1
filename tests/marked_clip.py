"""A real person in a room of a colour that nothing else has, each frame known by its number.

The alpha of the footage is exact, so it is known of each pixel whether it is the person's. The
number is painted on the person's chest and comes through any matte: a picture itself tells which
frame it was, and so whose matte it should have and how old it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

SIZE: Final = Size(640, 360)
ROOM: Final = (255, 0, 255)
"""In BGR, and in RGB too."""

PERSON_HEIGHT: Final = 0.7
BITS: Final = 7
BLOCK: Final = 10
"""Side of the square that shows a bit, in pixels. A row below it shows the opposite of each."""

RATE: Final = 15
"""Frames a second that it is to be played at."""

DARK, BRIGHT = 70, 180
"""The grey levels of 0 and 1."""


class Clip(NamedTuple):
    """person: bool (N, H / 2, W / 2), where anything of a block of 2x2 pixels is the person's.

    corner: x and y of the painted number in the frame.
    """

    path: Path
    person: NDArray[np.bool_]
    corner: tuple[int, int]


def make(frames: Sequence[Path], path: Path) -> Clip:
    """Write the clip as raw 4:2:0 frames, which lose nothing but the resolution of colours."""
    pictures, alphas = zip(*(_placed(frame) for frame in frames), strict=True)
    corner = _chest(np.min(alphas, axis=0))
    people = []
    with path.open("wb") as file:
        for number, (picture, alpha) in enumerate(zip(pictures, alphas, strict=True)):
            _paint(picture, corner, number)
            file.write(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes())
            people.append((alpha > 0).reshape(SIZE.height // 2, 2, SIZE.width // 2, 2).any((1, 3)))
    return Clip(path, np.array(people), corner)


def read_number(luma: NDArray[np.uint8], corner: tuple[int, int]) -> int | None:
    """The number on the chest, from the luma at half the size; None if it cannot be read."""
    x, y = corner[0] // 2, corner[1] // 2
    side = BLOCK // 2
    blocks = luma[y : y + 2 * side, x : x + BITS * side].reshape(2, side, BITS, side)
    above, below = np.median(blocks.transpose(0, 2, 1, 3).reshape(2, BITS, -1), axis=2)
    if np.abs(above - below).min() < (BRIGHT - DARK) / 3:
        return None
    return int(sum(1 << bit for bit in range(BITS) if above[bit] > below[bit]))


def _placed(path: Path) -> tuple[Image, NDArray[np.float32]]:
    """A frame in front of the room, at the bottom in the middle, and its alpha."""
    rgba = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert rgba is not None, path
    scale = PERSON_HEIGHT * SIZE.height / rgba.shape[0]
    alpha = rgba[..., 3:].astype(np.float32) / 255
    # Premultiplied, or what invisible pixels hold would come in at the edge.
    whole = np.concatenate([rgba[..., :3] * alpha, alpha], axis=2)
    whole = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = whole.shape[:2]
    left = (SIZE.width - width) // 2
    placed = np.zeros((SIZE.height, SIZE.width, 4), np.float32)
    placed[SIZE.height - height :, left : left + width] = whole
    picture = np.rint(placed[..., :3] + (1 - placed[..., 3:]) * ROOM).astype(np.uint8)
    return picture, placed[..., 3]


def _chest(alpha: NDArray[np.float32]) -> tuple[int, int]:
    """An even place deep inside the person, low in the picture, with room for the number."""
    solid = (alpha > 0.995).astype(np.uint8)
    solid[-4:] = 0
    fits = cv2.erode(solid, np.ones((2 * BLOCK + 10, BITS * BLOCK + 20), np.uint8))
    rows, columns = np.nonzero(fits)
    lowest = rows == rows.max()
    x = int(np.median(columns[lowest])) - BITS * BLOCK // 2
    return x // 2 * 2, (int(rows.max()) - BLOCK) // 2 * 2


def _paint(picture: Image, corner: tuple[int, int], number: int) -> None:
    x, y = corner
    for bit in range(BITS):
        levels = (BRIGHT, DARK) if number >> bit & 1 else (DARK, BRIGHT)
        for row, level in enumerate(levels):
            top, left = y + row * BLOCK, x + bit * BLOCK
            picture[top : top + BLOCK, left : left + BLOCK] = level
