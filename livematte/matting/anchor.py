"""How far what is remembered, or seen in the mirror, may go beyond what a frame itself shows.

In OpenCV, for renderers that run on the CPU; `render.cuda.anchor` says the same to PyTorch.

The network takes things in the room for people, now in one view and now in the other, and then no
longer. Memory holds on to them, and a view in the mirror adds those of its own. So both are tied
to what is broad in the frame's own matte, as bodies and heads are: they steady its margin and fill
its holes. Anywhere else they only take away.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np

from livematte.frame import Image
from livematte.matting.cells import Cells, Extremes, Matte, levels_of, of_cells
from livematte.matting.sameness import CELL

SHOWS: Final = 64
"""What is less shows nothing, and what is broad is more all over; in levels of alpha, 0 to 255."""

SAYS: Final = 128
"""A view takes a cell for a person that is no less all over; in levels of alpha, 0 to 255."""

BROAD_CELLS: Final = 5
"""A square of so many cells a side lies within what is broad: 20 pixels of 256."""

NEAR_CELLS: Final = 2
"""So many cells around what is broad are its margin."""

LOST: Final = 0.9
"""Less alpha than this is not held on to: more is what the network was quite sure of for long."""

DISPUTE_FRAMES: Final = 50
"""After a dispute of both views so many frames are not shown in the mirror: two seconds."""

_BROAD: Final = np.ones((BROAD_CELLS, BROAD_CELLS), np.uint8)
_NEAR: Final = np.ones((2 * NEAR_CELLS + 1, 2 * NEAR_CELLS + 1), np.uint8)


class Anchor:
    """Ties what is shown of successive frames to what the network says of each."""

    def __init__(self) -> None:
        self._straight: _Said | None = None
        """Of the last frame that was not mirrored."""
        self._mirrored: _Said | None = None
        """Of the last frame, if that was."""

    def tie(
        self, shown: Matte, said: Matte, extremes: Extremes, is_mirrored: bool, changed: Cells
    ) -> bool:
        """Take back, in place, what is neither near nor within what is broad in a frame's matte.

        A view in the mirror is tied to the last one without as well, except where the picture has
        changed since. Where nobody is broad, as when the network misses someone in a frame, only
        that is taken back which is less than `LOST`.

        shown, said: float32 (h, w) in [0, 1], sides multiples of `CELL`, neither in the mirror.
        extremes: of what is said, 0 where that does not count.
        changed: of each cell, whether it is seen to look other than it is remembered.

        Returns whether the views dispute a cell: one takes for a person what the other, as near to
        nobody broad, does not.
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
    """What the network said of a frame: with `_around` of it."""

    matte: Matte
    extremes: Extremes
    near: Cells
    is_anybody: bool


def _tie(shown: Matte, now: _Said, near: Cells, others: list[tuple[_Said, Cells]]) -> None:
    """Take back what is beyond `now` where it is not near, and beyond others in cells of theirs."""
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
    """What is broad by its least levels with its margin and what it surrounds; whether anything is.

    A cell is surrounded that has broad ones to its left and right, above it and below.
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
