"""Cells of `sameness.CELL` x `CELL` pixels; mattes are judged by the extremes in each cell."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image
from livematte.matting.sameness import CELL

Matte = NDArray[np.float32]
Cells = NDArray[np.bool_]
"""A truth value for each cell: (h / CELL, w / CELL)."""


def levels_of(matte: Matte) -> Image:
    """A matte in [0, 1] as uint8."""
    return cv2.convertScaleAbs(matte, alpha=255).astype(np.uint8, copy=False)


def of_cells(levels: Image, extreme: np.ufunc) -> Image:
    """The largest or smallest level of each cell: uint8 (h / CELL, w / CELL)."""
    # Rows first: they can be reduced as a whole.
    of_rows = extreme.reduce([levels[row::CELL] for row in range(CELL)])
    extremes: Image = extreme.reduce([of_rows[:, column::CELL] for column in range(CELL)])
    return extremes


class Extremes(NamedTuple):
    """The largest and the smallest levels of a matte's cells: uint8 (h / CELL, w / CELL)."""

    most: Image
    least: Image

    @classmethod
    def of(cls, matte: Matte) -> Extremes:
        levels = levels_of(matte)
        return cls(of_cells(levels, np.maximum), of_cells(levels, np.minimum))
