"""Alpha that follows the photo's or frame's own pixels, with the network's matte as prior.

After Chuang, Curless, Salesin and Szeliski, "A Bayesian Approach to Digital Matting", CVPR 2001.
Around each pixel the person's colours F and the room's colours B are taken for Gaussians. Their
means and variances come from what the network is sure of nearby. With sensor noise and a Gaussian
around the network's alpha `a`, the likeliest alpha of a pixel of colour I is

    alpha = ((I - B) . (F - B) + l a) / (|F - B|^2 + l)
    l     = (noise + a var F + (1 - a) var B) / distrust^2

That is the least squares solution of I = alpha F + (1 - alpha) B with a fourth channel, in which
the person is sqrt(l), the room 0, and the pixel a sqrt(l): so the network's matte is used here as
one more channel. Where colours say little, because F and B are alike or vary, alpha is a.

Colours are then blur fusion's last step: Forte and Pitié, "Approximate Fast Foreground Colour
Estimation", ICIP 2021.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

NOISE: Final = 300.0
"""Variance of the camera's noise, summed over three channels: ten levels in each."""

DISTRUST: Final = 0.2
"""Standard deviation of the network's alpha at soft pixels."""

SURE: Final = 0.1
"""Alpha within this of 0 or 1 counts as room or person, the more the nearer it is."""

RADIUS: Final = 2
"""Of the windows for means and variances, in pixels of the network's picture."""

REDUCTION: Final = 4
WIDE_RADII: Final = (9, 3)
"""Wider windows, in pixels of a copy reduced so many times, for where narrow ones are empty."""

PRIOR_WEIGHT: Final = 0.02
"""What the next wider window weighs, of 1 for a narrow one that is full."""

_ROW: Final = 1024
_ROWS: Final = 32
POINTS_AT_ONCE: Final = _ROW * _ROWS
"""Pixels are worked on in parts of so many, which stay in the processor's cache."""

_SUM: Final = np.ones((1, 4), np.float32)
_SUM_OF_COLOURS: Final = np.array([[1, 1, 1, 0]], np.float32)

Array = NDArray[np.float32]


class ColourModel:
    """What is person and what is room around each pixel, at the network's size.

    difference: float32 (h, w, 4): F - B in three channels of 0 to 255, and sqrt(l).
    room: float32 (h, w, 4): B, and -a sqrt(l).
    """

    def __init__(self, size: Size) -> None:
        """size: of the network's picture."""
        shape = (size.height, size.width)
        self.size = size
        self.difference = np.empty((*shape, 4), np.float32)
        self.room = np.empty((*shape, 4), np.float32)
        self._person = np.empty((*shape, 4), np.float32)
        self._bgra = np.empty((*shape, 4), np.uint8)
        self._pixels = np.empty((*shape, 4), np.float32)
        self._weighted = np.empty((*shape, 4), np.float32)
        self._weights = np.empty((*shape, 4), np.float32)
        self._wide = np.empty((*shape, 4), np.float32)
        self._weight, self._energy, self._weighted_energy, self._wide_energy = np.empty(
            (4, *shape), np.float32
        )
        self._variance = np.empty(shape, np.float32)
        self._spread = np.empty(shape, np.float32)
        self._small = Size(-(-size.width // REDUCTION), -(-size.height // REDUCTION))
        small = (self._small.height, self._small.width)
        self._reduced, self._known, self._sum = np.empty((3, *small, 4), np.float32)
        self._reduced_energy, self._known_energy = np.empty((2, *small), np.float32)

    def fit(self, matte: Array, pixels: Image) -> bool:
        """Fit it to a picture; False, and no use, if nothing in it is surely person, or room.

        matte: float32 (h, w) in [0, 1]. pixels: uint8 (h, w, 3), what the network saw.
        """
        cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA, dst=self._bgra)
        np.copyto(self._pixels, self._bgra)
        np.multiply(self._pixels, self._pixels, out=self._weighted)
        cv2.transform(self._weighted, _SUM_OF_COLOURS, dst=self._energy)
        spread, variance = self._spread, self._variance
        np.multiply(matte, 1 / SURE, out=self._weight)
        np.subtract(1, self._weight, out=self._weight)
        if not self._gaussians(self.room):
            return False
        np.subtract(1, matte, out=spread)
        np.multiply(spread, variance, out=spread)
        np.multiply(matte, 1 / SURE, out=self._weight)
        np.subtract(self._weight, 1 / SURE - 1, out=self._weight)
        if not self._gaussians(self._person):
            return False
        np.multiply(matte, variance, out=variance)
        np.add(spread, variance, out=spread)
        np.add(spread, NOISE, out=spread)
        np.sqrt(spread, out=spread)
        np.multiply(spread, 1 / DISTRUST, out=spread)
        np.subtract(self._person, self.room, out=self.difference)
        cv2.insertChannel(spread, self.difference, 3)
        np.multiply(spread, matte, out=spread)
        np.negative(spread, out=spread)
        cv2.insertChannel(spread, self.room, 3)
        return True

    def _gaussians(self, means: Array) -> bool:
        """Means and variances of colours weighted by `_weight`, to `means` and `_variance`.

        Windows with little in them lean on the next wider ones, and these on the whole picture.
        """
        weight = self._weight
        np.clip(weight, 0, 1, out=weight)
        cv2.merge((weight, weight, weight, weight), dst=self._weights)
        np.multiply(self._pixels, self._weights, out=self._weighted)
        np.multiply(self._energy, weight, out=self._weighted_energy)
        *_, total = whole = cv2.sumElems(self._weighted)
        if total < 255:  # not one pixel
            return False
        cv2.resize(self._weighted, self._small, dst=self._reduced, interpolation=cv2.INTER_AREA)
        cv2.resize(
            self._weighted_energy,
            self._small,
            dst=self._reduced_energy,
            interpolation=cv2.INTER_AREA,
        )
        self._known[:] = np.array(whole, np.float32) * (255 / total)
        self._known_energy.fill(cv2.sumElems(self._weighted_energy)[0] * (255 / total))
        for radius in WIDE_RADII:
            _shrunk_means(
                self._reduced, self._reduced_energy, radius, self._known, self._known_energy
            )
        cv2.resize(self._known, self.size, dst=means)
        cv2.resize(self._known_energy, self.size, dst=self._wide_energy)
        _shrunk_means(self._weighted, self._weighted_energy, RADIUS, means, self._wide_energy)
        np.multiply(means, means, out=self._wide)
        cv2.transform(self._wide, _SUM_OF_COLOURS, dst=self._variance)
        np.subtract(self._wide_energy, self._variance, out=self._variance)
        np.maximum(self._variance, 0, out=self._variance)
        return True


def _shrunk_means(weighted: Array, energy: Array, radius: int, known: Array, known_energy: Array) -> None:
    """Replace wide means in `known` and `known_energy` by those of windows of `radius`.

    weighted: colours times weights, and weights (h, w, 4). energy: squared colours times weights.
    """
    window = (2 * radius + 1, 2 * radius + 1)
    sums = cv2.blur(weighted, window, borderType=cv2.BORDER_REPLICATE)
    energies = cv2.blur(energy, window, borderType=cv2.BORDER_REPLICATE)
    cv2.scaleAdd(known, PRIOR_WEIGHT, sums, dst=sums)
    cv2.scaleAdd(known_energy, PRIOR_WEIGHT, energies, dst=energies)
    scale = cv2.divide(255, cv2.extractChannel(sums, 3))
    np.multiply(energies, scale, out=known_energy)
    np.multiply(sums, cv2.merge((scale, scale, scale, scale)), out=known)


class Pixels:
    """Solves for alpha and colours at single pixels of a large picture, some at a time."""

    def __init__(self) -> None:
        shape = (_ROWS, _ROW)
        self._x, self._y, self._top, self._alpha = np.zeros((4, *shape), np.float32)
        self._bgra = np.empty((*shape, 4), np.uint8)
        self._difference, self._room, self._rest, self._work = np.empty(
            (4, *shape, 4), np.float32
        )

    def alpha(
        self, model: ColourModel, size: Size, index: NDArray[np.int64], colours: Image
    ) -> Array:
        """The likeliest alpha, float32 (n,) in [0, 1], valid until the next call.

        size: of the large picture. index: of its pixels, counted row by row, at most
            `POINTS_AT_ONCE`. colours: uint8 (n, 3), theirs.
        """
        self._sample(model, size, index, colours)
        rows = self._used
        np.multiply(self._rest[:rows], self._difference[:rows], out=self._work[:rows])
        cv2.transform(self._work[:rows], _SUM, dst=self._top[:rows])
        np.multiply(self._difference[:rows], self._difference[:rows], out=self._work[:rows])
        cv2.transform(self._work[:rows], _SUM, dst=self._alpha[:rows])
        np.divide(self._top[:rows], self._alpha[:rows], out=self._alpha[:rows])
        np.clip(self._alpha[:rows], 0, 1, out=self._alpha[:rows])
        return self._alpha.reshape(-1)[: len(index)]

    def _sample(self, model, size, index, colours) -> None:
        n = len(index)
        rows = self._used = -(-n // _ROW)
        y = index // size.width
        x = index - y * size.width
        flat_x, flat_y = self._x.reshape(-1)[:n], self._y.reshape(-1)[:n]
        for at, flat, scale in (
            (x, flat_x, model.size.width / size.width),
            (y, flat_y, model.size.height / size.height),
        ):
            np.multiply(at, np.float32(scale), out=flat, casting="unsafe")
            np.add(flat, np.float32(0.5 * scale - 0.5), out=flat)
        for small, large in ((model.difference, self._difference), (model.room, self._room)):
            cv2.remap(
                small, self._x[:rows], self._y[:rows], cv2.INTER_LINEAR,
                dst=large[:rows], borderMode=cv2.BORDER_REPLICATE,
            )
        flat_bgra = self._bgra.reshape(-1, 1, 4)
        cv2.cvtColor(colours.reshape(-1, 1, 3), cv2.COLOR_BGR2BGRA, dst=flat_bgra[:n])
        self._bgra[:rows, :, 3] = 0
        np.subtract(self._bgra[:rows], self._room[:rows], out=self._rest[:rows])

    def colours(self, alpha: Image) -> Image:
        """The person's colours at the pixels that `alpha` was last called for: uint8 (n, 3).

        alpha: uint8 (n,), what is to be taken for their alpha.
        """
        n, rows = len(alpha), self._used
        self._alpha.reshape(-1)[:n] = alpha
        part = self._alpha[:rows]
        np.multiply(part, np.float32(1 / 255), out=part)
        weights = cv2.merge((part, part, part, part), dst=self._work[:rows])
        d, rest = self._difference[:rows], self._rest[:rows]
        # B + D + alpha (I - B - alpha D)
        np.add(self._room[:rows], d, out=self._room[:rows])
        np.multiply(d, weights, out=d)
        np.subtract(rest, d, out=rest)
        np.multiply(rest, weights, out=rest)
        bgra = cv2.add(self._room[:rows], rest, dst=self._bgra[:rows], dtype=cv2.CV_8U)
        return cv2.cvtColor(bgra.reshape(-1, 1, 4)[:n], cv2.COLOR_BGRA2BGR).reshape(-1, 3)
