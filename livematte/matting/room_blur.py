"""Blurs the room so that sharpening cannot restore it.

A Gaussian alone can partly be undone: it leaves a little of all fine detail, which sharpening
brings out. So colours are averaged in cells about as large as the blur is wide, and rounded to
whole levels. The picture is made from these cells alone, by cubic interpolation. Detail finer than
two cells is gone, so it cannot be sharpened.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.background import Blur
from livematte.frame import Image, Size

CELL_SIGMAS: Final = 1.5
"""Side of a cell, in standard deviations of the blur. Larger cells shimmer in moving pictures."""

OVERSAMPLING: Final = 3
"""The Gaussian is computed on a copy with this many pixels per side of a cell."""

MEAN_WEIGHT: Final = 0.1
"""The weight of the whole room's mean where the person covers it; visible room has the weight 1.

So cells with little visible room, between an arm and the body or along a moving edge, do not show
exactly what is in that gap, and there is also a colour behind the person.
"""

_UNIT: Final = (np.arange(256) / 255).astype(np.float32)


class Grids(NamedTuple):
    """The sizes that a reduced copy of the room is resized to in turn, and back."""

    reduced: Size
    blurred: Size
    cells: Size

    @classmethod
    def of(cls, reduced: Size, sigma: float) -> Grids:
        """sigma: the blur's, in pixels of the reduced copy."""
        side = max(1.0, CELL_SIGMAS * sigma)
        cells = Size(*(math.ceil(each / side) for each in reduced))
        blurred = Size(*map(min, reduced, (OVERSAMPLING * each for each in cells)))
        return cls(reduced, blurred, cells)

    def into_cells(
        self, values: NDArray[np.float32], sigma: float, *, across: bool = True
    ) -> NDArray[np.float32]:
        """Blur float32 values of the reduced size, with any channels, and reduce them to cells.

        across: also blur along rows, not only along columns.
        """
        x, y = (
            sigma * small / large for small, large in zip(self.blurred, self.reduced, strict=True)
        )
        window = (2 * math.ceil(3 * x) + 1 if across else 1, 2 * math.ceil(3 * y) + 1)
        blurred = cv2.resize(values, self.blurred, interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(blurred, window, x, sigmaY=y)
        cells = cv2.resize(blurred, self.cells, interpolation=cv2.INTER_AREA)
        return cells.astype(np.float32, copy=False)

    def out_of_cells(self, cells: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enlarge cells to the reduced size, float32."""
        smooth = cv2.resize(cells, self.reduced, interpolation=cv2.INTER_CUBIC)
        return smooth.astype(np.float32, copy=False)


def taps(reduced: Size, sigma: float) -> NDArray[np.float32]:
    """The same as matrices, for the GPU: the weights for each row and column, there and back.

    Four matrices, flattened one after the other: into cells, (h, h) for rows and (w, w) for
    columns, and out of cells. They have the size of the reduced copy, however many cells there
    are; the rest is 0. So the GPU's work has the same shape at any strength.
    """
    into, out_of = [], []
    grids = Grids.of(reduced, sigma)
    for side, blurred, cells in zip(*(size[::-1] for size in grids), strict=True):
        # A linear map that treats each column alike is known from its results for unit vectors.
        one_axis = Grids(Size(side, side), Size(side, blurred), Size(side, cells))
        matrix = np.zeros((side, side), np.float32)
        matrix[:cells] = one_axis.into_cells(np.eye(side, dtype=np.float32), sigma, across=False)
        into.append(matrix)
        one_axis = Grids(Size(cells, side), Size(cells, blurred), Size(cells, cells))
        matrix = np.zeros((side, side), np.float32)
        matrix[:, :cells] = one_axis.out_of_cells(np.eye(cells, dtype=np.float32))
        out_of.append(matrix)
    return np.concatenate([each.reshape(-1) for each in (*into, *out_of)])


def taps_size(reduced: Size) -> int:
    """How many `taps` there are."""
    return 2 * (reduced.width**2 + reduced.height**2)


class RoomBlur:
    """The room out of focus, without the person.

    A plain blur would mix the person's colours into the room around them. Here each pixel's weight
    is its share of room, and the blurred sum is divided by the blurred weights: normalised
    convolution, Knutsson and Westin, CVPR 1993.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        reduced = Blur.reduced_size(size)
        self._reduced = reduced
        self._weight = np.empty((size.height, size.width), np.uint8)
        self._weight_bgr = np.empty((size.height, size.width, 3), np.uint8)
        self._room = np.empty((size.height, size.width, 3), np.uint8)
        self._half = Size(2 * reduced.width, 2 * reduced.height)
        self._half_room = np.empty((self._half.height, self._half.width, 3), np.uint8)
        self._half_weight = np.empty((self._half.height, self._half.width), np.uint8)
        self._reduced_room = np.empty((reduced.height, reduced.width, 3), np.uint8)
        self._reduced_weight = np.empty((reduced.height, reduced.width), np.uint8)
        self._sum = np.empty((reduced.height, reduced.width, 3), np.float32)
        self._sum_of_weights = np.empty((reduced.height, reduced.width), np.float32)

    def blur(self, image: Image, alpha: Image, sigma: float, out: Image) -> None:
        """Write the room of `image`, uint8 BGR (H, W, 3), to `out`.

        sigma: the Gaussian's, in pixels of the reduced copy.
        """
        cv2.bitwise_not(alpha, dst=self._weight)
        cv2.merge((self._weight, self._weight, self._weight), dst=self._weight_bgr)
        cv2.multiply(image, self._weight_bgr, dst=self._room, scale=1 / 255)
        # Through half the size, because OpenCV halves several times as fast.
        for full, half, reduced in (
            (self._room, self._half_room, self._reduced_room),
            (self._weight, self._half_weight, self._reduced_weight),
        ):
            cv2.resize(full, self._half, dst=half, interpolation=cv2.INTER_AREA)
            cv2.resize(half, self._reduced, dst=reduced, interpolation=cv2.INTER_AREA)
        np.copyto(self._sum, self._reduced_room)
        cv2.LUT(self._reduced_weight, _UNIT, dst=self._sum_of_weights)
        seen = max(cv2.mean(self._sum_of_weights)[0], 1e-9)
        mean = np.array(cv2.mean(self._sum)[:3], np.float32) / np.float32(seen)
        grids = Grids.of(self._reduced, sigma)
        sums = grids.into_cells(self._sum, sigma)
        weights = grids.into_cells(self._sum_of_weights, sigma)[..., None]
        covered = np.float32(MEAN_WEIGHT) * (1 - weights)
        sums += covered * mean
        sums /= weights + covered
        np.rint(sums, out=sums)
        smooth = grids.out_of_cells(sums)
        np.clip(smooth, 0, 255, out=smooth)
        cv2.convertScaleAbs(smooth, dst=self._reduced_room)
        cv2.resize(self._reduced_room, self._size, dst=out, interpolation=cv2.INTER_LINEAR)
