"""The matte at the network's size, made steady over time and rid of what no person can be.

Owns what is remembered of earlier frames. In OpenCV, for renderers that run on the CPU;
`render.cuda.steady` says the same to PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.matting.anchor import DISPUTE_FRAMES, LOST, Anchor
from livematte.matting.cells import Cells, Extremes, Matte, levels_of, of_cells
from livematte.matting.matte_guard import ALL, NOBODY
from livematte.matting.sameness import CELL, Sameness, by_rows, widened
from livematte.options.refinement import Refinement

MOST_FRAMES: Final = 16
"""So many frames are averaged at most: in half a second a mistake is forgotten."""

FAITH: Final = 0.1
"""By how much alpha may differ from what the network says of a place that changes."""

MIRRORED_CONTRAST: Final = 24.0
"""A picture of less contrast is not shown in the mirror, in levels of the channel that has most of
it: standard deviation over the whole. In faint ones the network finds other people in the mirror,
and an average of them is none. Lit rooms have 45 to 65."""

UNCONFIRMED: Final = 0.2
"""How much alpha one view alone gives where nothing is seen to change: too little for a room."""

CONFIRMED: Final = 1.9
"""So many times as much alpha may be shown as two views in a row have agreed on."""

CLEAR: Final = 40
"""A cell all below is clear of people, if those above it and left of it are, too; in levels of
alpha, 0 to 255."""

POSSIBLE, SURE = 26, 229
"""A cell that goes beyond the first may belong to a person, one that is all beyond the second does;
in levels of alpha, 0 to 255."""

CONNECTS: Final = 52
"""A cell that stays below connects nothing to a person; in levels of alpha, 0 to 255."""

FRINGE_CELLS: Final = 3
"""Cells that connect nothing, as those of fine hair, may belong to a person so near by."""

DOUBT: Final = 77
"""What is below this anywhere is no doubt but a hole, through which the background is seen."""

SOLID_CELLS: Final = 5
"""A person has somewhere a square of so many sure cells a side: 20 pixels of 256."""

MARGIN_ROWS: Final = 720
"""The margin is in pixels of a frame of so many rows."""

_SOLID: Final = np.ones((SOLID_CELLS, SOLID_CELLS), np.uint8)
_FRINGE: Final = np.ones((2 * FRINGE_CELLS + 1, 2 * FRINGE_CELLS + 1), np.uint8)
_CORNER: Final = np.ones((2, 2), np.uint8)
_SQUARE: Final = np.ones((3, 3), np.uint8)
_CROSS: Final = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))

Values = TypeVar("Values", Matte, Image)


class View(NamedTuple):
    """What the network was shown of a frame, and what it said.

    pixels: uint8 BGR (h, w, 3). matte: float32 (h, w) in [0, 1]. is_mirrored: both left to right.
    """

    pixels: Image
    matte: Matte
    is_mirrored: bool


class Refiner:
    """Refines the mattes of successive frames, each when its turn has come.

    Steadiness: every pixel remembers what it looked like lately, and what was said of it is
    averaged for as long as it looks the same. Once it does not, the average begins anew, so that
    nothing lags and no ghost is left behind a hand. It is compared with the mean look of what was
    averaged, not with the last frame, so a slow movement is found too.

    What looks the same is judged by the picture's own noise and contrast (`sameness`). Where
    a change is seen, or could not be in a picture so faint, the past may hardly differ from what
    the network says now: it would show the room where someone was, or holes where someone comes.

    Every second frame is shown to the network in the mirror: what it gets wrong in one of both
    views is halved by the average. An ensemble for no more work. Not in faint pictures, in which
    there is little to average, and for a while not where both disagree on who is a person. What
    both add to a frame's own matte is tied to the people in it (`matting.anchor`).

    A matte of everything or of nothing, as a network gives that is broken, is passed on as it is,
    for whoever guards what is shown, and forgotten: averaged, it would let the room shine through.
    """

    def __init__(self, refinement: Refinement) -> None:
        self._refinement = refinement
        self._mirrored = True  # so that the first frame is not
        self._past: _Past | None = None
        self._anchor = Anchor()
        self._straight_frames = 0

    def forget(self) -> None:
        """As if no frame had been seen."""
        self._past = None
        self._anchor = Anchor()
        self._straight_frames = 0

    def next_views(self, pixels: Image, refinement: Refinement | None = None) -> tuple[bool, ...]:
        """How the next frame is to be shown to the network: for each time whether in the mirror.

        pixels: uint8 BGR (h, w, 3), the frame at the network's size.
        refinement: of this frame, if it is another than the refiner was made with.
        """
        refinement = refinement or self._refinement
        if refinement.both_views:
            return (False, True)
        if not refinement.steady:
            self._mirrored = True  # so that the first one that is averaged again is not
            return (False,)
        is_due = not self._mirrored and self._straight_frames == 0
        self._straight_frames = max(0, self._straight_frames - 1)
        self._mirrored = is_due and not _is_faint(pixels)
        return (self._mirrored,)

    def refine(
        self, views: Sequence[View], refinement: Refinement | None = None
    ) -> tuple[Matte, Image]:
        """The refined matte of a frame, and what the network saw of it, neither in the mirror.

        views: what `next_views` said. Their size may change from frame to frame.
        refinement: the same as `next_views` was told. What is remembered stays across a change, but
            for a frame that is not made steady, which ends it.

        Returns float32 (h, w) in [0, 1], for the caller to keep, and uint8 BGR (h, w, 3), valid for
        as long as the first view.
        """
        refinement = refinement or self._refinement
        for view in views:
            if not NOBODY <= cv2.mean(view.matte)[0] <= ALL:
                self.forget()
                unlikely = _turned(view.matte, view.is_mirrored).copy()
                return unlikely, _turned(view.pixels, view.is_mirrored)
        said, *others = (_turned(each.matte, each.is_mirrored) for each in views)
        for other in others:
            said = cv2.addWeighted(said, 0.5, other, 0.5, 0).astype(np.float32, copy=False)
        pixels = _turned(views[0].pixels, views[0].is_mirrored)
        if refinement.steady:
            size = Size.of(said)
            if self._past is None:
                self._past = _Past.begun(said, pixels)
            else:
                if self._past.size != size:
                    self._past = self._past.resized(size)
                self._past.add(said, pixels)
            refined, extremes = self._past.alpha.copy(), Extremes.of(said)
            if refinement.islands:
                _take_out_islands(refined, extremes.least)
                _forget_islands(extremes)
            is_mirrored = len(views) == 1 and views[0].is_mirrored
            if self._anchor.tie(refined, said, extremes, is_mirrored, self._past.changed):
                self._straight_frames = DISPUTE_FRAMES
        else:
            self.forget()
            refined = said.copy()
            if refinement.islands:
                take_out_islands(refined, said)
        if refinement.margin:
            refined = move_edge(refined, refinement.margin)
        return refined, pixels


def _is_faint(pixels: Image) -> bool:
    _, deviations = cv2.meanStdDev(pixels[::CELL, ::CELL])
    return bool(deviations.max() < MIRRORED_CONTRAST)


def _turned(picture: Values, is_mirrored: bool) -> Values:
    """A picture that may be in the mirror, as it is without."""
    return cv2.flip(picture, 1).astype(picture.dtype, copy=False) if is_mirrored else picture


class _Past:
    """What pixels have looked like lately, and the mean of what was said about them meanwhile.

    alpha: float32 (h, w). colour: float32 BGR (h, w, 3). frames: float32 (h, w), how many were
        averaged; less than a whole one of a pixel that looks only partly the same.
    said: float32 (h, w), the last frame's matte.
    agreed: float32 (h, w), the most that two frames in a row have said of a pixel that has looked
        the same since.
    """

    def __init__(
        self,
        alpha: Matte,
        colour: NDArray[np.float32],
        frames: Matte,
        said: Matte,
        agreed: Matte,
    ) -> None:
        self.alpha = alpha
        self._colour = colour
        self._frames = frames
        self._said = said
        self._agreed = agreed
        self._sameness = Sameness(self.size)
        # Memory of this size is slow to take anew for each frame.
        self._weight, self._step, self._upper, self._lower = (
            np.empty_like(alpha) for _ in range(4)
        )
        self._weight_bgr, self._step_bgr = np.empty_like(colour), np.empty_like(colour)

    @classmethod
    def begun(cls, matte: Matte, pixels: Image) -> _Past:
        """With the first frame."""
        once = np.ones_like(matte)
        colour = pixels.astype(np.float32)
        return cls(matte.copy(), colour, once, matte.copy(), np.zeros_like(matte))

    def resized(self, size: Size) -> _Past:
        pasts = (self.alpha, self._colour, self._frames, self._said, self._agreed)
        resized = (cv2.resize(each, size) for each in pasts)
        return _Past(*(each.astype(np.float32, copy=False) for each in resized))

    @property
    def size(self) -> Size:
        return Size.of(self.alpha)

    @property
    def changed(self) -> Cells:
        """Which cells of the last frame were seen not to look the same."""
        return self._sameness.seen > 0.5

    def add(self, matte: Matte, pixels: Image) -> None:
        frames, weight, step = self._frames, self._weight, self._step
        np.subtract(pixels, self._colour, out=self._step_bgr)
        np.subtract(matte, self.alpha, out=step)
        self._sameness.compare(self._step_bgr, step, pixels)
        # A pixel that looks quite different has no past, and one that looks a little so, a shorter.
        moved = self._sameness.moved
        np.subtract(1, moved, out=weight)
        self._agreed *= weight
        self._bound_by(matte)
        frames *= weight
        frames += 1
        np.minimum(frames, MOST_FRAMES, out=frames)
        np.reciprocal(frames, out=weight)
        np.maximum(weight, moved, out=weight)
        step *= weight
        self.alpha += step
        np.minimum(self.alpha, self._upper, out=self.alpha)
        np.maximum(self.alpha, self._lower, out=self.alpha)
        self._let_go(matte)
        np.copyto(self._said, matte)
        cv2.merge((weight, weight, weight), dst=self._weight_bgr)
        cv2.accumulateProduct(self._step_bgr, self._weight_bgr, dst=self._colour)

    def _bound_by(self, matte: Matte) -> None:
        """How far the past may take alpha from what the network says: `_upper` and `_lower`.

        Where a change is seen, or likely, no further than `FAITH`. Where none is seen, one view
        alone does not raise alpha to where the room would show, however often it says so in turn
        with the other.
        """
        sameness = self._sameness
        agreed, said, now, upper, lower = (
            by_rows(each) for each in (self._agreed, self._said, matte, self._upper, self._lower)
        )
        np.minimum(now, said, out=lower)
        np.maximum(agreed, lower, out=agreed)
        np.multiply(agreed, CONFIRMED, out=lower)
        lower += widened(UNCONFIRMED + sameness.seen)
        np.add(now, widened(1 - (1 - FAITH) * sameness.strict), out=upper)
        np.minimum(upper, lower, out=upper)
        np.subtract(now, widened(1 - (1 - FAITH) * sameness.likely), out=lower)

    def _let_go(self, matte: Matte) -> None:
        """Where the network says that nobody is near, the past shows no more than one view would.

        It takes things in the room for people for a while, and then no longer. A hand that it
        misses in one frame has been `LOST` in none.
        """
        said, remembered = (of_cells(levels_of(each), np.maximum) for each in (matte, self.alpha))
        clear = cv2.erode((said < CLEAR).astype(np.uint8), _CORNER).astype(bool)
        rows, columns = np.nonzero(clear & (remembered > round(255 * UNCONFIRMED)))
        if not len(rows):
            return
        alpha, now = (each.reshape(len(said), CELL, -1, CELL) for each in (self.alpha, matte))
        past = alpha[rows, :, columns]
        most = np.where(past < LOST, now[rows, :, columns] + UNCONFIRMED, 1)
        alpha[rows, :, columns] = np.minimum(past, most)


def take_out_islands(matte: Matte, said: Matte) -> None:
    """Set to 0 what is connected to no person, and to 1 what a person surrounds and may be them.

    matte: float32 (h, w) in [0, 1], of sides that are multiples of `CELL`; changed in place.
    said: the same, what the network says of the frame; it tells of people who are new in it.

    Found in cells of `CELL` x `CELL` pixels. A person is what holds a solid square somewhere, so
    that someone who leans in is kept; if nobody does, all is left as it is. Of what lies within a
    person only that is settled which the network itself takes for rather a person than not: a gap
    between arm and body stays open, since the background is to be seen there.
    """
    _take_out_islands(matte, of_cells(levels_of(said), np.minimum))


def _take_out_islands(matte: Matte, least_said: Image) -> None:
    most, least = Extremes.of(matte)
    solid = _solid(least) | _solid(least_said)
    if not solid.any():
        return
    doubtful = least < SURE
    doubts = doubtful & ~_connected(doubtful, least < DOUBT)
    for found, alpha in ((_islands(most, solid), 0), (doubts, 1)):
        if found.any():
            by_cells = matte.reshape(len(found), CELL, -1, CELL)
            np.copyto(by_cells, alpha, where=found[:, None, :, None])


def _forget_islands(extremes: Extremes) -> None:
    """Set the levels of what is connected to no person to 0, in place."""
    solid = _solid(extremes.least)
    if solid.any():
        islands = _islands(extremes.most, solid)
        for each in extremes:
            each[islands] = 0


def _islands(most: Image, solid: Cells) -> Cells:
    """What is connected to nobody solid."""
    person = _connected((most > CONNECTS) | solid, solid)
    fringe = cv2.dilate(person.astype(np.uint8), _FRINGE).astype(bool) & (most <= CONNECTS)
    islands: Cells = (most > POSSIBLE) & ~person & ~fringe
    return islands


def _solid(least: Image) -> NDArray[np.bool_]:
    """Where in cells a person is, by their least levels."""
    return cv2.erode((least > SURE).astype(np.uint8), _SOLID).astype(bool)


def _connected(within: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of `within` is connected to a seed, diagonally too.

    Morphological reconstruction (Vincent, IEEE Transactions on Image Processing, 1993).
    """
    count, labels = cv2.connectedComponents(within.astype(np.uint8), connectivity=8)
    seeded = np.zeros(count, bool)
    seeded[labels[seeds & within]] = True
    connected: NDArray[np.bool_] = seeded[labels] & within
    return connected


def move_edge(matte: Matte, margin: int) -> Matte:
    """The matte with its edge moved outwards by `margin` pixels of a frame of `MARGIN_ROWS` rows.

    A dilation, or of a negative margin an erosion, by an octagon: squares and crosses in turn. What
    is left of a whole pixel is a mean of two steps.
    """
    change = cv2.dilate if margin > 0 else cv2.erode
    pixels = abs(margin) * matte.shape[0] / MARGIN_ROWS
    for step in range(math.ceil(pixels)):
        further = change(matte, _CROSS if step % 2 else _SQUARE)
        share = min(1, pixels - step)
        matte = cv2.addWeighted(further, share, matte, 1 - share, 0).astype(np.float32, copy=False)
    return matte
