"""Steadies the matte at the network's size over time, and removes what cannot be a person.

Owns the memory of earlier frames. In OpenCV, for renderers that run on the CPU;
`render.cuda.steady` does the same in PyTorch.
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
"""The most frames to average: a mistake is forgotten in half a second."""

FAITH: Final = 0.1
"""How far alpha may differ from the network's where the picture changes."""

MIRRORED_CONTRAST: Final = 24.0
"""A picture with less contrast is not mirrored; in levels, the standard deviation over the whole
picture of the channel with the most. In faint pictures the network finds other people in the
mirrored view, and their average is wrong. Lit rooms have 45 to 65."""

UNCONFIRMED: Final = 0.2
"""How much alpha one view alone can add where no change is visible: too little to show a room."""

CONFIRMED: Final = 1.9
"""Alpha may be this many times what two views in a row have agreed on."""

CLEAR: Final = 40
"""A cell entirely below this is clear of people, if those above and left of it are too; in levels
of alpha, 0 to 255."""

POSSIBLE, SURE = 26, 229
"""A cell that is partly above the first may belong to a person; one entirely above the second does;
in levels of alpha, 0 to 255."""

CONNECTS: Final = 52
"""A cell entirely below this does not connect anything to a person; in levels of alpha."""

FRINGE_CELLS: Final = 3
"""Cells that do not connect, such as fine hair, may belong to a person within this distance."""

DOUBT: Final = 77
"""If any part is below this, it is not a doubt but a hole that shows the background."""

SOLID_CELLS: Final = 5
"""A person contains a square of this many sure cells a side: 20 pixels of 256."""

MARGIN_ROWS: Final = 720
"""The margin is in pixels of a frame with this many rows."""

_SOLID: Final = np.ones((SOLID_CELLS, SOLID_CELLS), np.uint8)
_FRINGE: Final = np.ones((2 * FRINGE_CELLS + 1, 2 * FRINGE_CELLS + 1), np.uint8)
_CORNER: Final = np.ones((2, 2), np.uint8)
_SQUARE: Final = np.ones((3, 3), np.uint8)
_CROSS: Final = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))

Values = TypeVar("Values", Matte, Image)


class View(NamedTuple):
    """A frame as the network saw it, and its matte.

    pixels: uint8 BGR (h, w, 3). matte: float32 (h, w) in [0, 1]. is_mirrored: both are, left to
    right.
    """

    pixels: Image
    matte: Matte
    is_mirrored: bool


class Refiner:
    """Refines the mattes of successive frames, in order.

    Steadiness: every pixel remembers its recent look, and its alpha is averaged as long as it looks
    the same. When it looks different, the average restarts, so that nothing lags and a moving hand
    leaves no ghost. It is compared with the mean look of the averaged frames, not with the last
    frame, so slow movements are found too.

    Whether it looks the same is judged by the picture's own noise and contrast (`sameness`). Where
    a change is visible, or the picture is too faint to show one, the past may hardly differ from
    the network's matte now: it would show the room where someone was, or holes where someone comes.

    Every second frame is mirrored for the network: the average halves an error in one of the two
    views. This is an ensemble at no extra cost. It is not used in faint pictures, where there is
    little to average, nor for a while after the views disagree on who is a person. What memory and
    mirroring add to a frame's own matte is tied to the people in it (`matting.anchor`).

    A matte of everything or nothing, as from a broken network, is passed on unchanged, for the
    guard of the output, and forgotten: averaged, it would let the room shine through.
    """

    def __init__(self, refinement: Refinement) -> None:
        self._refinement = refinement
        self._mirrored = True  # so that the first frame is not
        self._past: _Past | None = None
        self._anchor = Anchor()
        self._straight_frames = 0

    def forget(self) -> None:
        """Forget all frames."""
        self._past = None
        self._anchor = Anchor()
        self._straight_frames = 0

    def next_views(self, pixels: Image, refinement: Refinement | None = None) -> tuple[bool, ...]:
        """The views of the next frame to give the network: for each, whether it is mirrored.

        pixels: uint8 BGR (h, w, 3), the frame at the network's size.
        refinement: for this frame; None for the one that the refiner was made with.
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
        """The refined matte of a frame, and the frame as the network saw it, neither mirrored.

        views: those that `next_views` asked for. Their size may change from frame to frame.
        refinement: the same as for `next_views`. The memory survives a change of it, except that a
            frame that is not made steady clears it.

        Returns float32 (h, w) in [0, 1], which the caller may keep, and uint8 BGR (h, w, 3), valid
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
    """Undo the mirroring of a picture, if it is mirrored."""
    return cv2.flip(picture, 1).astype(picture.dtype, copy=False) if is_mirrored else picture


class _Past:
    """The recent look of pixels, and the mean of their mattes.

    alpha: float32 (h, w). colour: float32 BGR (h, w, 3). frames: float32 (h, w), how many were
        averaged; a pixel that looks only partly the same counts fewer.
    said: float32 (h, w), the last frame's matte.
    agreed: float32 (h, w), the most alpha that two frames in a row agreed on for a pixel that has
        looked the same since.
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
        # Allocating memory of this size for each frame is slow.
        self._weight, self._step, self._upper, self._lower = (
            np.empty_like(alpha) for _ in range(4)
        )
        self._weight_bgr, self._step_bgr = np.empty_like(colour), np.empty_like(colour)

    @classmethod
    def begun(cls, matte: Matte, pixels: Image) -> _Past:
        """Start with the first frame."""
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
        """The cells of the last frame that visibly changed."""
        return self._sameness.seen > 0.5

    def add(self, matte: Matte, pixels: Image) -> None:
        frames, weight, step = self._frames, self._weight, self._step
        np.subtract(pixels, self._colour, out=self._step_bgr)
        np.subtract(matte, self.alpha, out=step)
        self._sameness.compare(self._step_bgr, step, pixels)
        # A pixel that looks entirely different has no past, a slightly different one a shorter.
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
        """Compute `_upper` and `_lower`: how far the past may move alpha from the network's.

        Where a change is visible or likely, at most by `FAITH`. Where no change is visible, one
        view alone does not raise alpha so far that the room would show, however often it repeats
        that in turn with the other view.
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
        """Where the network says that nobody is near, limit the past to what one view could add.

        The network mistakes things in the room for people for a while, then no longer. A hand that
        it misses in one frame had alpha above `LOST` before, so it stays.
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
    """Set parts that no person connects to to 0, and doubtful parts inside a person to 1.

    matte: float32 (h, w) in [0, 1], with sides that are multiples of `CELL`; changed in place.
    said: the same shape, the network's matte of the frame, which shows people who are new in it.

    Works in cells of `CELL` x `CELL` pixels. A person is a part that contains a solid square, so
    that someone who leans in is kept; if there is no such part, nothing changes. Inside a person,
    only parts that the network takes for a person rather than not are set: a gap between arm and
    body stays open, because it shows the background.
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
    """Set the levels of parts that are not connected to a person to 0, in place."""
    solid = _solid(extremes.least)
    if solid.any():
        islands = _islands(extremes.most, solid)
        for each in extremes:
            each[islands] = 0


def _islands(most: Image, solid: Cells) -> Cells:
    """The cells that are not connected to a solid part."""
    person = _connected((most > CONNECTS) | solid, solid)
    fringe = cv2.dilate(person.astype(np.uint8), _FRINGE).astype(bool) & (most <= CONNECTS)
    islands: Cells = (most > POSSIBLE) & ~person & ~fringe
    return islands


def _solid(least: Image) -> NDArray[np.bool_]:
    """The cells at the centres of solid squares, by their least levels."""
    return cv2.erode((least > SURE).astype(np.uint8), _SOLID).astype(bool)


def _connected(within: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of `within` that are connected to a seed, also diagonally.

    Morphological reconstruction (Vincent, IEEE Transactions on Image Processing, 1993).
    """
    count, labels = cv2.connectedComponents(within.astype(np.uint8), connectivity=8)
    seeded = np.zeros(count, bool)
    seeded[labels[seeds & within]] = True
    connected: NDArray[np.bool_] = seeded[labels] & within
    return connected


def move_edge(matte: Matte, margin: int) -> Matte:
    """The matte with its edge moved outwards by `margin` pixels of a frame of `MARGIN_ROWS` rows.

    A dilation, or for a negative margin an erosion, with an octagon: squares and crosses in turn. A
    fraction of a pixel is the weighted mean of two steps.
    """
    change = cv2.dilate if margin > 0 else cv2.erode
    pixels = abs(margin) * matte.shape[0] / MARGIN_ROWS
    for step in range(math.ceil(pixels)):
        further = change(matte, _CROSS if step % 2 else _SQUARE)
        share = min(1, pixels - step)
        matte = cv2.addWeighted(further, share, matte, 1 - share, 0).astype(np.float32, copy=False)
    return matte
