"""From the matte at the network's size to the picture's, so that edges follow the picture.

After the fast guided filter (He and Sun, "Fast Guided Filter", arXiv:1505.00996, 2015): around each
pixel alpha is taken for a linear function of the colour, fitted at the network's size, where a fit
costs little, and applied to the colours of the picture. Unlike the guided filter this does not
smooth the matte, which comes from a network and not from a noisy sensor: the function goes through
the network's own value at each of its pixels, and only what lies between them is the picture's.

Mean absolute error x 1000, and error of the gradient, over eight portraits of 1080 rows at a short
side of 288: bilinear 9.08 and 0.052, guided filter (radius 1) 8.59 and 0.034, this 8.49 and 0.037.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

if TYPE_CHECKING:
    from torch import Tensor

Values = TypeVar("Values", NDArray[np.float32], "Tensor")
"""Numbers in NumPy or in PyTorch, for what is the same in both."""

POINTS_AT_ONCE: Final = 1 << 14
"""Pixels are worked on in parts that stay in the processor's cache."""

FULL_STRENGTH: Final = 3.0
"""A picture this many times as large as the network's takes all of its edges from the picture.

Below that a part, and none at the same size, where the network has seen every pixel itself.
"""

NOISE: Final = 1e-3 * 255**2
"""Variance of colours that is no reason for alpha to change: the filter's epsilon."""

SURE: Final = 1 / 255
"""Alpha this close to 0 or 1 is taken for it."""

_WINDOW: Final = np.ones((3, 3), np.uint8)
_WINDOW_ROWS, _WINDOW_COLUMNS = (each.reshape(-1, 1) for each in np.indices(_WINDOW.shape))


def upsample_matte(matte: NDArray[np.float32], small: Image, image: Image) -> NDArray[np.float32]:
    """The matte of `image`: float32 (H, W) in [0, 1].

    matte: float32 (h, w) in [0, 1], what the network said about `small`.
    small, image: uint8 (h, w, 3) and (H, W, 3), the picture as the network saw it and in full,
        their colours in the same order.
    """
    size, small_size = Size.of(image), Size.of(matte)
    shrinking = max(size) < max(small_size)
    resized = cv2.resize(
        matte, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    )
    upsampled = np.clip(resized, 0, 1).astype(np.float32, copy=False)
    strength = edge_strength(size, small_size)
    if strength > 0:
        image = np.ascontiguousarray(image)
        lines = np.empty((*matte.shape, 4), np.float32)
        reach = fit_lines(matte, small, strength, lines)
        mask = cv2.resize(reach, size, interpolation=cv2.INTER_NEAREST)
        for points in points_of(mask.astype(np.uint8, copy=False).view(np.bool_)):
            upsampled.reshape(-1)[points] = alpha_at(lines, image, points)
    return upsampled


def edge_strength(size: Size, small_size: Size) -> float:
    """How much of the edges comes from a picture of `size`, 0 to 1; see `FULL_STRENGTH`."""
    factor = min(size.width / small_size.width, size.height / small_size.height)
    return min(1.0, max(0.0, (factor - 1) / (FULL_STRENGTH - 1)))


def fit_lines(
    matte: NDArray[np.float32], small: Image, strength: float, lines: NDArray[np.float32]
) -> Image:
    """Fit alpha as a linear function of the colours around each pixel that is soft.

    Equation 13 of He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, in 3x3 windows.

    matte, small: float32 (h, w) in [0, 1] and uint8 (h, w, 3).
    strength: 0 to 1, by which the slopes are multiplied.
    lines: float32 (h, w, 4), to be written: what alpha changes with each colour, and an offset.

    Returns uint8 (h, w): 1 around soft pixels, 0 where enlarging by the lines makes no difference.
    """
    width = matte.shape[1]
    lines.fill(0)
    lines[..., 3] = matte
    soft = (matte > SURE) & (matte < 1 - SURE)
    at = np.flatnonzero(soft)
    border = (1, 1, 1, 1, cv2.BORDER_REPLICATE)
    padded = [cv2.copyMakeBorder(each, *border) for each in (matte, *cv2.split(small))]
    around = at + 2 * (at // width) + _WINDOW_ROWS * (width + 2) + _WINDOW_COLUMNS  # (9, n)
    alpha, *colours = (each.reshape(-1).take(around).astype(np.float32) for each in padded)
    for each in (alpha, *colours):
        each -= each.mean(axis=0)
    first, second, third = colours
    pairs = (first, first), (first, second), (first, third), (second, second), (second, third)
    fitted = np.empty((len(at), 4), np.float32)
    fitted[:, 3] = matte.reshape(-1)[at]
    slopes = solve_slopes(
        [np.einsum("kn,kn->n", *pair) / len(around) for pair in (*pairs, (third, third))],
        [np.einsum("kn,kn->n", each, alpha) / len(around) for each in colours],
    )
    at_soft = small.reshape(-1, 3).take(at, axis=0)
    for channel, slope in enumerate(slopes):
        slope *= strength
        fitted[:, channel] = slope
        fitted[:, 3] -= slope * at_soft[:, channel]
    lines.reshape(-1, 4)[at] = fitted
    return cv2.dilate(soft.view(np.uint8), _WINDOW).astype(np.uint8, copy=False)


def solve_slopes(spread: list[Values], covariance: list[Values]) -> list[Values]:
    """Alpha's slopes along three colours, from how these vary, everywhere at once.

    spread: covariance of each colour with itself and those after it: six, without noise.
    covariance: of each colour with alpha.

    By the factors L D L^T, which float32 is good enough for, and without a loop over pixels.
    """
    d0, a01, a02, a11, a12, a22 = spread
    d0 = d0 + NOISE
    l01, l02 = a01 / d0, a02 / d0
    d1 = a11 + NOISE - l01 * a01
    rest = a12 - l01 * a02
    l12 = rest / d1
    d2 = a22 + NOISE - l02 * a02 - l12 * rest
    z0, z1, z2 = covariance
    z1 = z1 - l01 * z0
    z2 = z2 - l02 * z0 - l12 * z1
    slope2 = z2 / d2
    slope1 = z1 / d1 - l12 * slope2
    return [z0 / d0 - l01 * slope1 - l02 * slope2, slope1, slope2]


def alpha_at(
    lines: NDArray[np.float32], image: Image, points: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What the lines say at some pixels of `image`, uint8 (H, W, 3): float32 (n,) in [0, 1].

    lines: of `fit_lines`. points: (n,) of `points_of`.
    """
    between = interpolated(lines, Size.of(image), points)
    colours = image.reshape(-1, 3).take(points, axis=0)
    alpha = between[:, 3].copy()
    for channel in range(3):
        alpha += between[:, channel] * colours[:, channel]
    return np.clip(alpha, 0, 1, out=alpha)


def points_of(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Where `mask`, (H, W), is true: as indices into the flattened picture, part by part."""
    points = np.flatnonzero(mask)
    for start in range(0, len(points), POINTS_AT_ONCE):
        yield points[start : start + POINTS_AT_ONCE]


def interpolated(
    small: NDArray[np.float32], size: Size, points: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What bilinear resizing of `small`, float32 (h, w, channels), to `size` gives at some pixels.

    points: (n,) of `points_of`, of the enlarged picture. Returns float32 (n, channels).
    """
    height, width = small.shape[:2]
    flat = points.astype(np.int32)  # NumPy is many times as fast at dividing these
    rows = flat // size.width
    columns = flat - rows * size.width
    found = cv2.remap(
        small,
        _between(columns, width / size.width)[None],
        _between(rows, height / size.height)[None],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return found[0].astype(np.float32, copy=False)


def _between(places: NDArray[np.int32], scale: float) -> NDArray[np.float32]:
    """Where pixels of the enlarged picture, centred at halves, lie in the small one."""
    between = places.astype(np.float32)
    between += 0.5
    between *= scale
    between -= 0.5
    return between
