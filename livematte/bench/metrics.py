"""How far a matte is off the true one: the errors that the literature on matting reports.

MSE, SAD, gradient and connectivity error are those of Rhemann, Rother, Wang, Gelautz, Kohli and
Rott, "A Perceptually Motivated Online Benchmark for Image Matting", CVPR 2009, with the parameters
and in the thousands of the evaluation code that came with Xu et al., "Deep Image Matting", CVPR
2017. There is no trimap: they are taken over the whole picture, as for all networks without one.
dtSSD is that of Erofeev, Gitman, Vatolin, Fedorov and Wang, "Perceptually Motivated Benchmark for
Video Matting", BMVC 2015.

Mattes are float32 (H, W), 0 background to 1 person; where two are taken they are of one shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image

Matte = NDArray[np.float32]

THOUSAND: Final = 1000.0
"""Sums over pixels are given in thousands."""

GRADIENT_SIGMA: Final = 1.4
"""In pixels, of the Gaussian whose first derivatives are taken."""

_NEGLIGIBLE: Final = 1e-2
"""The Gaussian is cut off where its density falls below this."""

CONNECTIVITY_STEP: Final = 0.1
CONNECTIVITY_TOLERANCE: Final = 0.15
"""Theta: pixels that lose their connection less than this below their own alpha are connected."""

SOFT: Final = (0.05, 0.95)
"""Alpha between these is truly soft: there the colour is neither of the two pictures'."""

LAGS: Final = 4
"""Lags of an edge that are tried: 0 to 3 frames."""

LAG_SPAN: Final = 6
"""Lags are seen in how alpha changes over so many frames: what stays wrong does not count."""

LAG_FRAMES: Final = LAGS + LAG_SPAN
"""True mattes that are needed to see a lag."""

MOVING: Final = 0.1
"""An edge moves where the true alpha changes by more than this over `LAG_SPAN` frames."""


def from_uint8(alpha: Image) -> Matte:
    """A matte of 8 bits, uint8 (H, W) from 0 to 255."""
    return np.divide(alpha, np.float32(255), dtype=np.float32)


def mean_absolute_error(alpha: Matte, truth: Matte) -> float:
    """MAD: 0 to 1."""
    return float(np.abs(alpha - truth).mean())


def mean_squared_error(alpha: Matte, truth: Matte) -> float:
    """MSE: 0 to 1."""
    return float(np.square(alpha - truth).mean())


def sum_of_absolute_differences(alpha: Matte, truth: Matte) -> float:
    """SAD, in thousands."""
    return float(np.abs(alpha - truth).sum()) / THOUSAND


def gradient_magnitude(alpha: Matte) -> Matte:
    """How steep a matte is, by the first derivatives of a Gaussian of `GRADIENT_SIGMA`.

    The two-dimensional filter's squares add up to 1, as in the evaluation code.
    """
    across = cv2.sepFilter2D(
        alpha, cv2.CV_32F, _DERIVATIVE, _GAUSSIAN, borderType=cv2.BORDER_REPLICATE
    )
    down = cv2.sepFilter2D(
        alpha, cv2.CV_32F, _GAUSSIAN, _DERIVATIVE, borderType=cv2.BORDER_REPLICATE
    )
    return cv2.magnitude(across, down).astype(np.float32, copy=False)


def gradient_error(magnitude: Matte, true_magnitude: Matte) -> float:
    """The sum of squared differences of two mattes' `gradient_magnitude`, in thousands."""
    return float(np.square(magnitude - true_magnitude).sum()) / THOUSAND


def connectivity_error(alpha: Matte, truth: Matte) -> float:
    """How much of a matte hangs together otherwise than the true one does, in thousands.

    A pixel is connected up to the highest threshold, in steps of `CONNECTIVITY_STEP`, at which it
    is still in the largest region where both mattes reach the threshold.
    """
    # Where both are 0 they do not differ.
    x, y, width, height = cv2.boundingRect((np.maximum(alpha, truth) > 0).view(np.uint8))
    if not width:
        return 0.0
    alpha, truth = (each[y : y + height, x : x + width] for each in (alpha, truth))
    lesser = np.minimum(alpha, truth)
    connected = np.zeros(alpha.shape, np.float32)
    inside = np.ones(alpha.shape, np.bool_)
    for step in range(1, round(1 / CONNECTIVITY_STEP) + 1):
        inside &= _largest_region(lesser >= np.float32(step * CONNECTIVITY_STEP))
        connected[inside] = step * CONNECTIVITY_STEP
    difference = _connection(alpha, connected) - _connection(truth, connected)
    return float(np.abs(difference).sum()) / THOUSAND


def change_error(alpha: Matte, alpha_before: Matte, truth: Matte, truth_before: Matte) -> float:
    """Of two successive frames: how far the matte's change is off the true one. 0 to 1.

    dtSSD is the mean of this over time: it sees flicker, and not what stays wrong.
    """
    off = (alpha - alpha_before) - (truth - truth_before)
    return math.sqrt(float(np.square(off).mean()))


class Motion(NamedTuple):
    """How the true matte moves.

    moving: bool (H, W), where it changed by more than `MOVING` up to any of the last `LAGS` frames.
    changes: float32 (LAGS, n), by how much at those n pixels, over the `LAG_SPAN` frames that ended
        0, 1, 2 ... frames ago.
    """

    moving: NDArray[np.bool_]
    changes: Matte


def true_motion(truths: Sequence[Matte]) -> Motion:
    """truths: `LAG_FRAMES` of them, newest first."""
    changes = np.stack([truths[lag] - truths[lag + LAG_SPAN] for lag in range(LAGS)])
    # Each lag has the same right to the pixels, or those of one would make it the likeliest.
    moving = np.asarray((np.abs(changes) > MOVING).any(axis=0))
    return Motion(moving, changes[:, moving])


def lag_errors(alpha: Matte, alpha_before: Matte, motion: Motion) -> NDArray[np.float64]:
    """For each lag the sum of squared errors of a matte's change against the true earlier one.

    alpha_before: of `LAG_SPAN` frames before `alpha`. motion: of the true mattes up to `alpha`'s.
    """
    change = alpha[motion.moving] - alpha_before[motion.moving]
    return np.asarray(np.square(change - motion.changes).sum(axis=1), np.float64)


def lag_frames(errors: Sequence[float]) -> float:
    """By how many frames a moving edge comes late: 0 to 3, where its error is least.

    errors: for each lag from 0 on, `LAGS` of them. Between whole frames by a parabola through the
        least and its neighbours.
    """
    least = int(np.argmin(errors))
    middle = min(max(least, 1), LAGS - 2)
    before, here, after = errors[middle - 1 : middle + 2]
    bend = before - 2 * here + after
    if bend <= 0:
        return float(least)
    return min(max(middle + (before - after) / (2 * bend), 0.0), LAGS - 1.0)


def soft_pixels(truth: Matte) -> NDArray[np.bool_]:
    """Where the true alpha is between the two of `SOFT`: bool (H, W)."""
    least, most = SOFT
    return (truth > least) & (truth < most)


def colour_error(colours: Image, true_colours: NDArray[np.float32]) -> float | None:
    """The mean absolute difference of two lists of colours, (n, 3) each, in levels from 0 to 255.

    None of no colours.
    """
    if not len(true_colours):
        return None
    return float(np.abs(colours - true_colours).mean())


def _gaussian_and_derivative() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two factors of the filter, each of length 1 in the sense of squares."""
    sigma = GRADIENT_SIGMA
    half = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * _NEGLIGIBLE)))
    place = np.arange(-half, half + 1, dtype=np.float64)
    gaussian = np.exp(-(place**2) / (2 * sigma**2))
    derivative = place * gaussian
    return gaussian / np.linalg.norm(gaussian), derivative / np.linalg.norm(derivative)


_GAUSSIAN, _DERIVATIVE = _gaussian_and_derivative()


def _largest_region(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest of its regions that are connected at the pixels' sides; of none, nothing."""
    count, labels, found, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    if count == 1:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(found[1:, cv2.CC_STAT_AREA])), np.bool_)


def _connection(alpha: Matte, connected: Matte) -> Matte:
    """Phi: 1 where a pixel is connected up to nearly its own alpha, less where not."""
    lost = alpha - connected
    lost[lost < CONNECTIVITY_TOLERANCE] = 0
    return 1 - lost
