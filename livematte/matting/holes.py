"""Holes that the network leaves in a person: found, and filled where two witnesses speak for it.

Large pieces of one colour, a jacket's or an apron's, MODNet sometimes takes for the room, at one
size and not at another. A hole is filled if the network takes it for the person at a smaller size,
where it sees more of the whole, and if its colours are the person's round about rather than the
room's. Either alone would also close the gap between arm and body, where the room is to be seen.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

SECOND_LOOK: Final = 2 / 3
"""Of the network's size, for the second look. There a gap as large as `LEAST` is still seen."""

LEAST: Final = 1 / 500
"""Of the picture's area. Smaller ones are as often gaps, and a small look misses those."""

MOST: Final = 1 / 20
"""Of the picture's area. Larger ones are the room between people, or a person lost altogether."""

SURE: Final = 0.9
"""The alpha that the second look must have, in this share of the hole."""

LIKELIER: Final = 0.5
"""By how much, in the logarithm, a hole's colours must be likelier the person's than the room's.

In 15 gaps between arms and bodies of webcam footage it was -8.3 to -1.1, in 8 holes in clothes 0.7
to 2.3.
"""

NEAR: Final = 1 / 24
"""Of the shorter side: how far around a hole the person's colours count."""

_BINS: Final = 8
_SMOOTHING: Final = np.array([0.25, 0.5, 0.25])
_UNSEEN: Final = 0.01
"""Pixels that every colour is taken to have been seen in, so that none is impossible."""

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
    """The matte with those of `holes` filled that are none.

    matte: float32 (h, w) in [0, 1].
    second: what the network says at a smaller size: float32 (h2, w2).
    small: what the matte is of, uint8 (h, w, 3).
    """
    second = np.asarray(cv2.resize(second, Size.of(matte), interpolation=cv2.INTER_LINEAR))
    filled = matte.copy()
    for hole in holes:
        if (second[hole] > SURE).mean() >= SURE and _log_likelihood_ratio(
            hole, matte, small
        ) > LIKELIER:
            # With its rim, where the first look was of two minds.
            within = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
            np.maximum(filled, second, out=filled, where=within)
    return filled


def _log_likelihood_ratio(hole: Mask, matte: NDArray[np.float32], small: Image) -> float:
    """Of a hole's colours: the person's around it against the room's, a mean over its pixels."""
    reach = 2 * int(min(matte.shape) * NEAR) + 1
    around = cv2.dilate(hole.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    person = _histogram(small[around & (matte > SURE)])
    room = _histogram(small[~hole & (matte < 1 - SURE)])
    # The rim is a mixture, in a gap too.
    inner = cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    bins = tuple((small[inner if inner.any() else hole] // (256 // _BINS)).T)
    return float(np.log(person[bins] / room[bins]).mean())


def _histogram(colours: Image) -> NDArray[np.float64]:
    """How frequent colours (n, 3) are: (8, 8, 8), of sum 1."""
    edges = [np.arange(_BINS + 1) * (256 / _BINS)] * 3
    counts = np.histogramdd(colours, edges)[0]
    for axis in range(3):
        padded = np.pad(counts, [(int(each == axis),) * 2 for each in range(3)], mode="edge")
        shifted = [np.take(padded, range(at, at + _BINS), axis) for at in range(3)]
        counts = sum(share * each for share, each in zip(_SMOOTHING, shifted, strict=True))
    counts = counts + _UNSEEN
    histogram: NDArray[np.float64] = counts / counts.sum()
    return histogram
