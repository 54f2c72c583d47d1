"""From HDR (PQ and HLG) to SDR.

Below HDR reference white, which is SDR's white, nothing changes: 203 cd/m2 by Report ITU-R BT.2408,
section 2. Brighter light is squeezed into the small range above, keeping its hue.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image
from livematte.media.video.colour import BT709, BT2020, HLG, PQ

Floats = NDArray[np.float32]

WHITE_NITS: Final = 203.0
"""HDR reference white, in cd/m2."""

SDR_GAMMA: Final = 2.4
"""Of SDR displays: Recommendation ITU-R BT.1886."""

KNEE: Final = 0.97
"""The encoded SDR level up to which nothing changes."""

HLG_PEAK_NITS: Final = 1000.0
HLG_GAMMA: Final = 1.2
"""Of HLG's display at that peak: Recommendation ITU-R BT.2100, table 5."""

P3_D65: Final = 12
"""The primaries of SMPTE EG 432-1, with the white of D65."""

_P3: Final = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_CHROMATICITIES: Final = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: _P3,
    P3_D65: _P3,
}
"""x and y of red, green and blue by the numbers of ITU-T H.273; white is D65 of all of them."""

_D65: Final = (0.3127, 0.3290)

_LINES_PIXELS: Final = 1 << 15
"""This many pixels at once stay in a processor's cache."""

_MANTISSA_BITS: Final = 10
_DARKEST: Final = np.float32(2**-24)
"""It is encoded as 0.2 of 255."""


def to_sdr(
    planes: tuple[NDArray[np.uint16], ...],
    transfer: int,
    primaries: int,
    levels: tuple[int, int] = (0, 65535),
    *,
    for_photos: bool = False,
) -> Image:
    """R'G'B' of HDR as SDR with BT.709 primaries and BT.1886 gamma: uint8 BGR (H, W, 3).

    planes: red, green and blue, uint16 (H, W).
    levels: the values of no light and of the most light in them.
    transfer: `PQ` or `HLG`.
    primaries: AVColorPrimaries; unknown ones are treated as BT.2020.
    for_photos: use the curve of sRGB, in which photos are viewed, instead of BT.1886's.
    """
    if primaries not in _CHROMATICITIES:
        primaries = BT2020
    height, width = planes[0].shape
    sdr = np.empty((height, width, 3), np.uint8)
    linear_of, gamut = _linear(transfer, levels), _gamut(primaries)
    rows = max(1, _LINES_PIXELS // width)
    for top in range(0, height, rows):
        lines = slice(top, top + rows)
        count = len(planes[0][lines]) * width
        light = np.empty((3, count), np.float32)
        for channel, plane in enumerate(planes):
            np.take(linear_of, plane[lines].reshape(-1), out=light[channel], mode="clip")
        if transfer == HLG:
            # The displayed light depends on the luminance of the scene: BT.2100, the OOTF.
            luminance = xyz_of_rgb(primaries)[1].astype(np.float32) @ light
            light *= cv2.pow(luminance, HLG_GAMMA - 1).reshape(-1)
            light *= np.float32(HLG_PEAK_NITS / WHITE_NITS)
        light = gamut @ light
        _squeeze(light)
        encoded = _encode(light, for_photos)
        sdr[lines] = encoded[::-1].T.reshape(-1, width, 3)
    return sdr


def _squeeze(light: Floats) -> None:
    """Bring light brighter than white below it, in place; the ratio of the channels stays."""
    brightest = light.max(axis=0)
    above = np.flatnonzero(brightest > KNEE**SDR_GAMMA)
    if not above.size:
        return
    was = brightest[above]
    beyond = (was ** np.float32(1 / SDR_GAMMA) - KNEE) / (1 - KNEE)
    encoded = KNEE + (1 - KNEE) * beyond / (1 + beyond)
    light[:, above] *= encoded ** np.float32(SDR_GAMMA) / was


def _encode(light: Floats, is_srgb: bool) -> Image:
    """Linear light from 0 to 1 as levels for a display of sRGB, or one with `SDR_GAMMA`."""
    np.clip(light, _DARKEST, 1, out=light)
    # The bits of a float, read as a number, are nearly its logarithm: a short table is exact.
    place = light.view(np.uint32) >> (23 - _MANTISSA_BITS)
    place -= np.array(_DARKEST).view(np.uint32) >> (23 - _MANTISSA_BITS)
    return np.take(_levels(is_srgb), place, mode="clip")


@lru_cache
def _levels(is_srgb: bool) -> Image:
    steps = np.arange(1 + round(-np.log2(_DARKEST) * (1 << _MANTISSA_BITS)), dtype=np.uint32)
    steps += np.array(_DARKEST).view(np.uint32) >> (23 - _MANTISSA_BITS)
    middle = (steps << (23 - _MANTISSA_BITS)) + (1 << (22 - _MANTISSA_BITS))
    light = np.minimum(middle.view(np.float32), 1).astype(np.float64)
    levels = light ** (1 / SDR_GAMMA)
    if is_srgb:  # IEC 61966-2-1
        levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * levels).astype(np.uint8)


@lru_cache
def _linear(transfer: int, levels: tuple[int, int]) -> Floats:
    """By level from 0 to 65535: a PQ display's light as a share of white, or HLG's scene light."""
    black, white = levels
    level = np.clip((np.arange(1 << 16) - black) / (white - black), 0, 1)
    if transfer == PQ:
        # SMPTE ST 2084, BT.2100 table 4.
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        power = level ** (1 / m2)
        light = 10_000 / WHITE_NITS * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:
        # ARIB STD-B67, BT.2100 table 5.
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
    return light.astype(np.float32)


@lru_cache
def _gamut(primaries: int) -> Floats:
    """From linear RGB of `primaries` to that of BT.709, (3, 3)."""
    matrix = np.linalg.inv(xyz_of_rgb(BT709)) @ xyz_of_rgb(primaries)
    return np.asarray(matrix, np.float32)


@lru_cache
def xyz_of_rgb(primaries: int) -> NDArray[np.float64]:
    """From linear RGB to CIE XYZ, (3, 3): SMPTE RP 177."""
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in _CHROMATICITIES[primaries]]
    colours = np.array(columns, np.float64).T
    x, y = _D65
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    return np.asarray(colours * np.linalg.solve(colours, white), np.float64)
