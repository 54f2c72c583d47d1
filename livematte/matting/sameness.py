"""Whether a picture still looks as remembered, judged by its own noise and contrast.

In OpenCV, for renderers that run on the CPU; `render.cuda.sameness` does the same in PyTorch.

The meaning of a difference depends on the picture: in a dark or foggy room a person may differ by a
level or two from what is behind them, which means nothing in a bright room. So pictures are
compared twice. Pixel by pixel, which finds small things, but noise hides faint ones. And in cells
of `CELL` x `CELL` pixels, by the mean with its sign: noise cancels out, so faint things show.
"""

from __future__ import annotations

from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

Matte = NDArray[np.float32]
Map = NDArray[np.float32]
"""A value for each cell: (h / CELL, w / CELL)."""

Picture = TypeVar("Picture", Image, Matte)

CELL: Final = 4
"""Sides of the cells, in pixels."""

AROUND: Final = 16
"""A cell's contrast is the levels' standard deviation over this many cells to each side."""

FULL_CONTRAST: Final = 40.0
"""From this contrast on, in levels, a picture is not faint. Lit rooms have 40 to 65."""

SAME: Final = 4.0
"""A pixel that changed by less than this looks the same; by twice this, entirely different. In
levels of the channel that changed most, mean over 3x3, at full contrast. With less contrast it is
smaller in proportion, but not below the noise, unless that is more than this."""

SAME_CELL: Final = 8.0
"""The same for the mean of a cell. It is larger, because a cell also affects its neighbours."""

NOISES, CELL_NOISES = 8.0, 3.0
"""How far noise changes pixels and cells, in multiples of the cells' noise; few exceed it."""

LEAST_CHANGE: Final = 0.3
"""In levels: whole levels cannot show smaller changes."""

BANDS: Final = 8
"""Noise is measured by brightness, because it grows with the light: in bands of the square root of
the level, as photon noise grows."""

QUIET_SHARE: Final = 0.3
"""Noise is the change that this share of a band's cells do not exceed. The others may move."""

LEAST_CELLS: Final = 100
"""A band with fewer cells gets the noise of all cells."""

MOST_NOISES: Final = 2.0
"""A band that changes more than this many times as much as all cells is moving."""

NOISE_STEPS: Final = 16
"""Noise is measured in this many steps per level, up to 255 steps."""

NOISE_RISE: Final = 1.05
"""From frame to frame, noise rises at most by this factor and a step, but falls at once: a lamp
that is switched on, or a camera that is moved, is not noise."""

CLEAR: Final = (6.0, 12.0)
"""Contrast divided by the least visible change of a cell: at the first it cannot distinguish people
from rooms, at the second it can."""

LIVELY: Final = (15.0, 30.0)
"""Contrast, in levels: at the first, large parts of people look like the room behind them; at the
second, hardly any."""

DISAGREES: Final = 0.2
"""The network has changed its mind where its mean is this much less than remembered."""

REACH, REACHES = 5, 4
"""Where the network changes its mind, a cell's change counts for the square of `REACH` cells a side
around it, and spreads on from there, `REACHES` times in all."""

FINE: Final = 2
"""Changes of pixels are compared in this many parts per level, up to 255 parts."""

_NEXT: Final = np.ones((3, 3), np.uint8)
_REACH: Final = np.ones((REACH, REACH), np.uint8)
_BAND: Final = np.minimum(np.sqrt(np.arange(256)) / 2, BANDS - 1).astype(np.uint8)
_WINDOW: Final = (2 * AROUND + 1, 2 * AROUND + 1)


class Sameness:
    """How much of a picture looks as remembered.

    All are float32 in [0, 1], valid until the next picture is compared.

    moved: for each pixel, (h, w): 0 where it looks the same, 1 where it looks entirely different.
    seen: for each cell: 1 where it, or one next to it, does not look the same.
    likely: like `seen`, and also where the picture is too faint to tell.
    strict: like `likely`, and also, in pictures of little contrast, where the network changes its
        mind near a visible change.
    """

    def __init__(self, size: Size) -> None:
        """size: of the pictures, sides multiples of `CELL`."""
        shape = (size.height, size.width)
        self._cells = Size(size.width // CELL, size.height // CELL)
        self.moved = np.zeros(shape, np.float32)
        self.seen, self.likely, self.strict = (
            np.zeros((self._cells.height, self._cells.width), np.float32) for _ in range(3)
        )
        self._noise = np.full(BANDS, np.inf)
        # Allocating memory of this size for each frame is slow.
        self._half_change = np.empty((size.height // 2, size.width // 2, 3), np.float32)
        self._fine = np.empty((*shape, 3), np.uint8)
        self._channels = [np.empty(shape, np.uint8) for _ in range(3)]

    def compare(self, change: NDArray[np.float32], turn: Matte, pixels: Image) -> None:
        """Compare a picture with the past.

        change: float32 BGR (h, w, 3), its difference in levels. turn: float32 (h, w), the
            difference of the network's matte. pixels: uint8 BGR (h, w, 3), the picture.
        """
        change_of_cells, turn_of_cells = self._means(change, turn)
        gray = cv2.cvtColor(cv2.resize(pixels, self._cells), cv2.COLOR_BGR2GRAY)
        band = _BAND[gray]
        self._noise = np.minimum(
            noise_by_band(change_of_cells, band), NOISE_RISE * self._noise + 1 / NOISE_STEPS
        )
        noise = self._noise.astype(np.float32)[band]
        contrast = _contrast(gray.astype(np.float32))
        share = np.minimum(contrast / FULL_CONTRAST, 1)
        least = CELL_NOISES * noise + LEAST_CHANGE

        changed = np.clip(change_of_cells / np.maximum(SAME_CELL * share, least) - 1, 0, 1)
        mind = cv2.dilate((turn_of_cells < -DISAGREES).astype(np.float32), _NEXT)
        near = np.minimum(changed, mind)
        for _ in range(REACHES):
            near = np.minimum(cv2.dilate(near, _REACH), mind)
        seen = cv2.dilate(changed, _NEXT).astype(np.float32, copy=False)
        near = cv2.dilate(near, _NEXT) * (1 - _slope(contrast, LIVELY))
        faint = 1 - _slope(contrast / least, CLEAR)
        self.seen = seen
        self.likely = np.maximum(seen, faint)
        self.strict = np.maximum(self.likely, near)
        same = np.maximum(SAME * share, np.minimum(NOISES * noise + LEAST_CHANGE, SAME))
        self._compare_pixels(change, same)

    def _means(self, change: NDArray[np.float32], turn: Matte) -> tuple[Map, Map]:
        """How much each cell changed, in the channel that changed most, and its mean `turn`."""
        # In two halvings, means of 2x2, which take OpenCV half as long as one step.
        half = Size.of(self._half_change)
        cv2.resize(change, half, dst=self._half_change)
        changes = cv2.resize(self._half_change, self._cells)
        turns = cv2.resize(cv2.resize(turn, half), self._cells).astype(np.float32, copy=False)
        blue, green, red = (np.abs(changes[..., channel]) for channel in range(3))
        return np.maximum(np.maximum(blue, green), red), turns

    def _compare_pixels(self, change: NDArray[np.float32], same: Map) -> None:
        cv2.convertScaleAbs(change, dst=self._fine, alpha=FINE)
        cv2.split(self._fine, self._channels)
        fine, *others = self._channels
        for each in others:
            cv2.max(fine, each, dst=fine)
        cv2.blur(fine, (3, 3), dst=fine, borderType=cv2.BORDER_REPLICATE)
        moved = by_rows(self.moved)
        np.multiply(by_rows(fine), widened(np.float32(1 / FINE) / same), out=moved)
        np.subtract(moved, 1, out=moved)
        np.clip(moved, 0, 1, out=moved)


def by_rows(picture: Picture) -> Picture:
    """(h, w) as (h / CELL, CELL, w): the rows of cells, to combine with `widened`."""
    return picture.reshape(-1, CELL, picture.shape[1])


def widened(cells: Map) -> Map:
    """Cells as wide as their pixels: (h / CELL, 1, w)."""
    return cv2.merge((cells,) * CELL).reshape(len(cells), 1, -1).astype(np.float32, copy=False)


def noise_by_band(change: Map, band: Image) -> NDArray[np.float64]:
    """By how many levels cells change where nothing moves: float64 (BANDS,).

    change: of each cell, in levels. band: uint8, the band of each cell.
    """
    steps = cv2.convertScaleAbs(change, alpha=NOISE_STEPS)
    index = band.astype(np.int32) * 256 + steps
    counts = np.bincount(index.ravel(), minlength=256 * BANDS).reshape(BANDS, 256)
    up_to = np.cumsum(np.vstack((counts, counts.sum(axis=0))), axis=1)
    cells = up_to[:, -1]
    *of_bands, of_all = (up_to <= QUIET_SHARE * cells[:, None]).sum(axis=1) / NOISE_STEPS
    most = MOST_NOISES * max(of_all, LEAST_CHANGE / CELL_NOISES)
    noise: NDArray[np.float64] = np.where(
        cells[:-1] < LEAST_CELLS, of_all, np.minimum(of_bands, most)
    )
    return noise


def _contrast(gray: Map) -> Map:
    mean = cv2.blur(gray, _WINDOW)
    variance = cv2.sqrBoxFilter(gray, cv2.CV_32F, _WINDOW) - mean * mean
    contrast: Map = np.sqrt(np.maximum(variance, 0))
    return contrast


def _slope(values: Map, ends: tuple[float, float]) -> Map:
    """0 below both ends, 1 above them, and linear between them."""
    low, high = ends
    slope: Map = np.clip((values - low) / (high - low), 0, 1)
    return slope
