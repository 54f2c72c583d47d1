"""How much a matte differs from the true one: the errors that the literature on matting reports.

MSE, SAD, gradient and connectivity error are those of Rhemann, Rother, Wang, Gelautz, Kohli and
Rott, "A Perceptually Motivated Online Benchmark for Image Matting", CVPR 2009. Parameters and
units (thousands) are those of the evaluation code that came with Xu et al., "Deep Image Matting",
CVPR 2017. There is no trimap: errors are over the whole picture, as for all networks without one.
dtSSD is that of Erofeev, Gitman, Vatolin, Fedorov and Wang, "Perceptually Motivated Benchmark for
Video Matting", BMVC 2015.

Mattes are float32 (H, W), from 0 (background) to 1 (person); two mattes must have the same shape.
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
"""In pixels; the gradient is computed with the first derivatives of this Gaussian."""

_NEGLIGIBLE: Final = 1e-2
"""The Gaussian is cut off where its density falls below this."""

CONNECTIVITY_STEP: Final = 0.1
CONNECTIVITY_TOLERANCE: Final = 0.15
"""Theta: a pixel that loses its connection less than this below its alpha counts as connected."""

SOFT: Final = (0.05, 0.95)
"""Alpha between these is truly soft: there the colour is a mixture of both pictures."""

LAGS: Final = 4
"""How many lags of an edge are tried: 0 to 3 frames."""

LAG_SPAN: Final = 6
"""Lags are measured in alpha's change over this many frames; constant errors do not count."""

LAG_FRAMES: Final = LAGS + LAG_SPAN
"""How many true mattes are needed to measure a lag."""

MOVING: Final = 0.1
"""An edge moves where the true alpha changes by more than this over `LAG_SPAN` frames."""


def from_uint8(alpha: Image) -> Matte:
    """Convert an 8-bit matte, uint8 (H, W) from 0 to 255."""
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
    """The matte's gradient, from the first derivatives of a Gaussian of `GRADIENT_SIGMA`.

    The squares of the two-dimensional filter add up to 1, as in the evaluation code.
    """
    across = cv2.sepFilter2D(
        alpha, cv2.CV_32F, _DERIVATIVE, _GAUSSIAN, borderType=cv2.BORDER_REPLICATE
    )
    down = cv2.sepFilter2D(
        alpha, cv2.CV_32F, _GAUSSIAN, _DERIVATIVE, borderType=cv2.BORDER_REPLICATE
    )
    return cv2.magnitude(across, down).astype(np.float32, copy=False)


def gradient_error(magnitude: Matte, true_magnitude: Matte) -> float:
    """The sum of squared differences of two `gradient_magnitude` results, in thousands."""
    return float(np.square(magnitude - true_magnitude).sum()) / THOUSAND


def connectivity_error(alpha: Matte, truth: Matte) -> float:
    """How much the connectivity of a matte differs from the true one's, in thousands.

    A pixel is connected up to the highest threshold, in steps of `CONNECTIVITY_STEP`, at which it
    is still in the largest region where both mattes reach the threshold.
    """
    # Where both are 0, they do not differ.
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
    """How much a matte's change between two successive frames differs from the true one. 0 to 1.

    dtSSD is the mean of this over time: it measures flicker, but not constant errors.
    """
    off = (alpha - alpha_before) - (truth - truth_before)
    return math.sqrt(float(np.square(off).mean()))


class Motion(NamedTuple):
    """How the true matte moves.

    moving: bool (H, W), where it changed by more than `MOVING` up to any of the last `LAGS` frames.
    changes: float32 (LAGS, n), the change at those n pixels over the `LAG_SPAN` frames that ended
        0, 1, 2 ... frames ago.
    """

    moving: NDArray[np.bool_]
    changes: Matte


def true_motion(truths: Sequence[Matte]) -> Motion:
    """truths: the last `LAG_FRAMES` true mattes, newest first."""
    changes = np.stack([truths[lag] - truths[lag + LAG_SPAN] for lag in range(LAGS)])
    # Pixels from all lags count alike; pixels from only one would make that lag the likeliest.
    moving = np.asarray((np.abs(changes) > MOVING).any(axis=0))
    return Motion(moving, changes[:, moving])


def lag_errors(alpha: Matte, alpha_before: Matte, motion: Motion) -> NDArray[np.float64]:
    """For each lag, the sum of squared differences of a matte's change from the true earlier one.

    alpha_before: the matte `LAG_SPAN` frames before `alpha`.
    motion: that of the true mattes up to `alpha`'s frame.
    """
    change = alpha[motion.moving] - alpha_before[motion.moving]
    return np.asarray(np.square(change - motion.changes).sum(axis=1), np.float64)


def lag_frames(errors: Sequence[float]) -> float:
    """By how many frames a moving edge lags: from 0 to 3, where the error is least.

    errors: one for each lag from 0 on, `LAGS` of them. A parabola through the least error and its
        neighbours gives fractions of a frame.
    """
    least = int(np.argmin(errors))
    middle = min(max(least, 1), LAGS - 2)
    before, here, after = errors[middle - 1 : middle + 2]
    bend = before - 2 * here + after
    if bend <= 0:
        return float(least)
    return min(max(middle + (before - after) / (2 * bend), 0.0), LAGS - 1.0)


def soft_pixels(truth: Matte) -> NDArray[np.bool_]:
    """Where the true alpha is between the two values of `SOFT`: bool (H, W)."""
    least, most = SOFT
    return (truth > least) & (truth < most)


def colour_error(colours: Image, true_colours: NDArray[np.float32]) -> float | None:
    """The mean absolute difference of two lists of colours, (n, 3) each, in levels from 0 to 255.

    None if the lists are empty.
    """
    if not len(true_colours):
        return None
    return float(np.abs(colours - true_colours).mean())


def _gaussian_and_derivative() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two factors of the filter, each with squares that add up to 1."""
    sigma = GRADIENT_SIGMA
    half = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * _NEGLIGIBLE)))
    place = np.arange(-half, half + 1, dtype=np.float64)
    gaussian = np.exp(-(place**2) / (2 * sigma**2))
    derivative = place * gaussian
    return gaussian / np.linalg.norm(gaussian), derivative / np.linalg.norm(derivative)


_GAUSSIAN, _DERIVATIVE = _gaussian_and_derivative()


def _largest_region(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest region of the mask, connected at pixels' sides; empty for an empty mask."""
    count, labels, found, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    if count == 1:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(found[1:, cv2.CC_STAT_AREA])), np.bool_)


def _connection(alpha: Matte, connected: Matte) -> Matte:
    """Phi: 1 where a pixel is connected up to nearly its own alpha, otherwise less."""
    lost = alpha - connected
    lost[lost < CONNECTIVITY_TOLERANCE] = 0
    return 1 - lost
