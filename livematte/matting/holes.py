"""Finds holes that the network leaves in a person, and fills them if two tests agree.

MODNet sometimes takes large areas of one colour, such as a jacket or an apron, for the room, at one
size but not at another. A hole is filled if the network takes it for the person at a smaller size,
where it sees more context, and if its colours match the person around it better than the room.
Either test alone would also close the gap between arm and body, which shows the room.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

SECOND_LOOK: Final = 2 / 3
"""The second look's size as a part of the first; there it still sees a gap as large as `LEAST`."""

LEAST: Final = 1 / 500
"""Part of the picture's area. Smaller ones are as often gaps, which a small look misses."""

MOST: Final = 1 / 20
"""Part of the picture's area. Larger ones are the room between people, or a whole lost person."""

SURE: Final = 0.9
"""The second look must have more alpha than this, in at least this share of the hole."""

LIKELIER: Final = 0.5
"""The least log likelihood ratio of a hole's colours, the person's against the room's.

In webcam footage it was -8.3 to -1.1 in 15 gaps between arms and bodies, and 0.7 to 2.3 in 8 holes
in clothes.
"""

NEAR: Final = 1 / 24
"""How far around a hole the person's colours count, as a part of the shorter side."""

_BINS: Final = 8
_SMOOTHING: Final = np.array([0.25, 0.5, 0.25])
_UNSEEN: Final = 0.01
"""A pixel count that every colour gets, so that none is impossible."""

Mask = NDArray[np.bool_]


def find_holes(matte: NDArray[np.float32]) -> list[Mask]:
    """Pieces of a matte, float32 (h, w) in [0, 1], that may be holes: masks (h, w)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (matte < 0.5).astype(np.uint8), connectivity=4
    )
    area = stats[:, cv2.CC_STAT_AREA] / matte.size
    return [labels == each for each in range(1, count) if LEAST <= area[each] <= MOST]


def fill_holes(
    matte: NDArray[np.float32], holes: list[Mask], second: NDArray[np.float32], small: Image
) -> NDArray[np.float32]:
    """The matte, with those of `holes` filled that belong to the person.

    matte: float32 (h, w) in [0, 1].
    second: the network's matte at a smaller size: float32 (h2, w2).
    small: the picture at the matte's size, uint8 (h, w, 3).
    """
    second = np.asarray(cv2.resize(second, Size.of(matte), interpolation=cv2.INTER_LINEAR))
    filled = matte.copy()
    for hole in holes:
        if (second[hole] > SURE).mean() >= SURE and _log_likelihood_ratio(
            hole, matte, small
        ) > LIKELIER:
            # Including the rim, where the first look was undecided.
            within = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
            np.maximum(filled, second, out=filled, where=within)
    return filled


def _log_likelihood_ratio(hole: Mask, matte: NDArray[np.float32], small: Image) -> float:
    """The mean over a hole's pixels: the person's colours around it against the room's."""
    reach = 2 * int(min(matte.shape) * NEAR) + 1
    around = cv2.dilate(hole.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    person = _histogram(small[around & (matte > SURE)])
    room = _histogram(small[~hole & (matte < 1 - SURE)])
    # The rim is a mixture, also in a gap.
    inner = cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    bins = tuple((small[inner if inner.any() else hole] // (256 // _BINS)).T)
    return float(np.log(person[bins] / room[bins]).mean())


def _histogram(colours: Image) -> NDArray[np.float64]:
    """A smoothed histogram of colours (n, 3): (8, 8, 8), with the sum 1."""
    edges = [np.arange(_BINS + 1) * (256 / _BINS)] * 3
    counts = np.histogramdd(colours, edges)[0]
    for axis in range(3):
        padded = np.pad(counts, [(int(each == axis),) * 2 for each in range(3)], mode="edge")
        shifted = [np.take(padded, range(at, at + _BINS), axis) for at in range(3)]
        counts = sum(share * each for share, each in zip(_SMOOTHING, shifted, strict=True))
    counts = counts + _UNSEEN
    histogram: NDArray[np.float64] = counts / counts.sum()
    return histogram
