"""Limits how far the memory, or a mirrored view, may go beyond what a frame itself shows.

In OpenCV, for renderers that run on the CPU; `render.cuda.anchor` does the same in PyTorch.

The network mistakes things in the room for people, sometimes in one view, sometimes in the other,
and then no longer. Memory would keep them, and a mirrored view would add its own. So both are tied
to the broad parts of the frame's own matte, such as bodies and heads: there they steady its margin
and fill its holes. Anywhere else they may only lower alpha.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np

from livematte.frame import Image
from livematte.matting.cells import Cells, Extremes, Matte, levels_of, of_cells
from livematte.matting.sameness import CELL

SHOWS: Final = 64
"""Alpha below this shows nothing; broad parts are above it throughout; in levels, 0 to 255."""

SAYS: Final = 128
"""A view takes a cell for a person if it is at least this throughout; in levels of alpha."""

BROAD_CELLS: Final = 5
"""A broad part contains a square of this many cells a side: 20 pixels of 256."""

NEAR_CELLS: Final = 2
"""The margin of a broad part, in cells."""

LOST: Final = 0.9
"""Only alpha above this is kept: there the network was quite sure for a long time."""

DISPUTE_FRAMES: Final = 50
"""After the views disagree, this many frames are not mirrored: two seconds."""

_BROAD: Final = np.ones((BROAD_CELLS, BROAD_CELLS), np.uint8)
_NEAR: Final = np.ones((2 * NEAR_CELLS + 1, 2 * NEAR_CELLS + 1), np.uint8)


class Anchor:
    """Ties the mattes shown for successive frames to what the network says of each."""

    def __init__(self) -> None:
        self._straight: _Said | None = None
        """What it said of the last frame that was not mirrored."""
        self._mirrored: _Said | None = None
        """What it said of the last frame, if that was mirrored."""

    def tie(
        self, shown: Matte, said: Matte, extremes: Extremes, is_mirrored: bool, changed: Cells
    ) -> bool:
        """Limit, in place, what is neither inside nor near a broad part of a frame's matte.

        A mirrored view is also tied to the last view that was not, except where the picture has
        changed since. If there is no broad part, as when the network misses someone in a frame,
        only alpha below `LOST` is limited.

        shown, said: float32 (h, w) in [0, 1], sides multiples of `CELL`, neither mirrored.
        extremes: those of `said`, 0 where it does not count.
        changed: for each cell, whether it visibly differs from what is remembered.

        Returns whether the views disagree on a cell: far from broad parts, one takes it for a
        person and the other does not.
        """
        now = _Said(said.copy(), extremes, *_around(extremes.least))
        other = self._straight if is_mirrored else self._mirrored
        if is_mirrored:
            self._mirrored = now
        else:
            self._straight, self._mirrored = now, None
        if other is None or other.matte.shape != said.shape:
            _tie(shown, now, now.near, [])
            return False
        near_both = now.near & other.near | changed
        if is_mirrored:
            _tie(shown, now, near_both, [(other, ~changed)])
        else:
            _tie(shown, now, now.near, [])
        differ = _differ(now.extremes, other.extremes) | _differ(other.extremes, now.extremes)
        return bool((differ & ~near_both).any())


class _Said(NamedTuple):
    """What the network said of a frame, with the results of `_around`."""

    matte: Matte
    extremes: Extremes
    near: Cells
    is_anybody: bool


def _tie(shown: Matte, now: _Said, near: Cells, others: list[tuple[_Said, Cells]]) -> None:
    """Where cells are not near, limit alpha to that of `now`, and of others in their cells."""
    far = ~near & (of_cells(levels_of(shown), np.maximum) > 0)
    rows, columns = np.nonzero(far)
    if not len(rows):
        return
    cells = _by_cells(shown)
    held = cells[rows, :, columns]
    tied = held.copy()
    everywhere = np.ones_like(near)
    for said, where in [(now, everywhere), *others]:
        most = _by_cells(said.matte)[rows, :, columns]
        most[said.extremes.most[rows, columns] == 0] = 0
        bound = where[rows, columns]
        tied[bound] = np.minimum(tied[bound], most[bound])
    cells[rows, :, columns] = tied if now.is_anybody else np.where(held < LOST, tied, held)


def _around(least: Image) -> tuple[Cells, bool]:
    """The broad parts, by least levels, with margins and what they surround; whether there are any.

    A cell is surrounded if there are broad cells to its left and right, above and below it.
    """
    shows = (least > SHOWS).astype(np.uint8)
    broad = cv2.morphologyEx(shows, cv2.MORPH_OPEN, _BROAD).astype(np.uint8, copy=False)
    sides = [
        np.maximum.accumulate(broad, axis=0),
        np.maximum.accumulate(broad[::-1], axis=0)[::-1],
        np.maximum.accumulate(broad, axis=1),
        np.maximum.accumulate(broad[:, ::-1], axis=1)[:, ::-1],
    ]
    surrounded = np.minimum.reduce(sides).astype(bool)
    return cv2.dilate(broad, _NEAR).astype(bool) | surrounded, bool(broad.any())


def _differ(one: Extremes, other: Extremes) -> Cells:
    """Where one view takes a cell for a person and the other does not."""
    differ: Cells = (one.least >= SAYS) & (other.most < SHOWS)
    return differ


def _by_cells(picture: Matte) -> Matte:
    """(h, w) as (h / CELL, CELL, w / CELL, CELL)."""
    height, width = picture.shape
    return picture.reshape(height // CELL, CELL, width // CELL, CELL)
