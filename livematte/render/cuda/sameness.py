"""Whether a picture still looks as remembered: `matting.sameness` on the GPU.

Written to be captured as a CUDA graph, like `render.cuda.frame`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.frame import Size
from livematte.matting.sameness import (
    AROUND,
    BANDS,
    CELL,
    CELL_NOISES,
    CLEAR,
    DISAGREES,
    FINE,
    FULL_CONTRAST,
    LEAST_CELLS,
    LEAST_CHANGE,
    LIVELY,
    MOST_NOISES,
    NOISE_RISE,
    NOISE_STEPS,
    NOISES,
    QUIET_SHARE,
    REACH,
    REACHES,
    SAME,
    SAME_CELL,
)
from livematte.render.cuda.box import BoxBlur

GRAY = (0.114, 0.587, 0.299)
"""OpenCV's weights of blue, green and red (ITU-R BT.601)."""

STEPS = 256
"""Bins of the noise histogram; the last one also counts everything above."""


class Sameness(NamedTuple):
    """The results of `sameness.Sameness`, all float32 (h, w) in [0, 1]."""

    moved: Tensor
    seen: Tensor
    likely: Tensor
    strict: Tensor


class CudaSameness:
    """`sameness.Sameness` on the GPU."""

    def __init__(self, size: Size, device: torch.device) -> None:
        """size: of the pictures, sides multiples of `CELL`."""
        cells = Size(size.width // CELL, size.height // CELL)
        self._noise = torch.full((BANDS,), math.inf, device=device)
        self._blur = BoxBlur(size, 1, "edge", device)
        self._around = BoxBlur(cells, AROUND, "reflect", device)

    def compare(self, change: Tensor, turn: Tensor, pixels: Tensor, is_first: Tensor) -> Sameness:
        """Compare a picture with the past.

        change, pixels: float32 BGR (h, w, 3); turn: float32 (h, w); see `sameness.Sameness`.
        is_first: bool (), whether there is no past, and so no noise to measure.
        """
        cell_change = _cells(change).mean((1, 3)).abs().amax(dim=2)
        middle = _cells(pixels)[:, 1:3, :, 1:3].mean((1, 3))
        blue, green, red = (weight * middle[..., n] for n, weight in enumerate(GRAY))
        gray = (blue + green + red).round()
        band = _whole(gray.sqrt() / 2, BANDS)
        quiet = torch.minimum(
            noise_by_band(cell_change, band), NOISE_RISE * self._noise + 1 / NOISE_STEPS
        )
        self._noise.copy_(quiet.masked_fill(is_first, math.inf))
        noise = quiet[band]
        contrast = self._contrast(gray)
        share = (contrast / FULL_CONTRAST).clamp(max=1)
        least = CELL_NOISES * noise + LEAST_CHANGE

        changed = (cell_change / torch.maximum(SAME_CELL * share, least) - 1).clamp(0, 1)
        mind = dilated((_cells(turn).mean((1, 3)) < -DISAGREES).float(), 3)
        near = torch.minimum(changed, mind)
        for _ in range(REACHES):
            near = torch.minimum(dilated(near, REACH), mind)
        seen = dilated(changed, 3)
        near = dilated(near, 3) * (1 - _slope(contrast, LIVELY))
        faint = 1 - _slope(contrast / least, CLEAR)
        strict = torch.maximum(torch.maximum(seen, near), faint)

        same = torch.maximum(SAME * share, (NOISES * noise + LEAST_CHANGE).clamp(max=SAME))
        fine = (FINE * change).abs().round().amax(dim=2).clamp(max=255)
        fine = self._blur(fine[None])[0].round()
        moved = (fine / widened(FINE * same) - 1).clamp(0, 1)
        likely = torch.maximum(seen, faint)
        return Sameness(moved, *(widened(each) for each in (seen, likely, strict)))

    def _contrast(self, gray: Tensor) -> Tensor:
        mean, mean_square = self._around(torch.stack((gray, gray * gray))).unbind()
        return (mean_square - mean * mean).clamp(min=0).sqrt()


def noise_by_band(change: Tensor, band: Tensor) -> Tensor:
    """How many levels cells change by where nothing moves: float32 (BANDS,).

    change: float32 (rows, columns), of each cell, in levels. band: int64, the band of each cell.
    """
    steps = _whole((NOISE_STEPS * change).round(), STEPS)
    index = (STEPS * band + steps).view(-1)
    counts = torch.zeros(BANDS * STEPS, device=change.device)
    counts = counts.scatter_add(0, index, torch.ones_like(index, dtype=torch.float32))
    counts = counts.view(BANDS, STEPS)
    up_to = torch.cat((counts, counts.sum(dim=0, keepdim=True))).cumsum(dim=1)
    cells = up_to[:, -1:]
    noise = (up_to <= QUIET_SHARE * cells).sum(dim=1) / NOISE_STEPS
    of_bands, of_all = noise[:-1], noise[-1]
    most = MOST_NOISES * of_all.clamp(min=LEAST_CHANGE / CELL_NOISES)
    return torch.where(cells[:-1, 0] < LEAST_CELLS, of_all, torch.minimum(of_bands, most))


def dilated(cells: Tensor, side: int) -> Tensor:
    """The largest value in a square around each cell: (h, w) or (n, h, w), nothing beyond it."""
    of_cells = cells if cells.dim() == 3 else cells[None]
    return F.max_pool2d(of_cells, side, 1, side // 2).view(cells.shape)


def widened(cells: Tensor) -> Tensor:
    """Repeat each cell's value for all its pixels: (h, w)."""
    rows, columns = cells.shape
    wide = cells[:, None, :, None].expand(rows, CELL, columns, CELL)
    return wide.reshape(rows * CELL, columns * CELL)


def _whole(values: Tensor, count: int) -> Tensor:
    """Round down to a whole number from 0 to `count` - 1: int64.

    A graph is captured with undefined memory contents, and an index out of range breaks CUDA for
    the whole process.
    """
    return values.nan_to_num(0).clamp(0, count - 1).to(torch.int64)


def _cells(picture: Tensor) -> Tensor:
    """View (h, w, ...) as (h / CELL, CELL, w / CELL, CELL, ...)."""
    height, width = picture.shape[:2]
    return picture.view(height // CELL, CELL, width // CELL, CELL, *picture.shape[2:])


def _slope(values: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 below both ends, 1 above, and linear between them."""
    low, high = ends
    return ((values - low) / (high - low)).clamp(0, 1)
