"""`cv2.INTER_AREA` resizing in PyTorch, so that all renderers give the network the same input.

PyTorch has no such mode. Its "area" rounds the covered area to whole pixels, and its antialiased
"bilinear" covers twice the area: from 1280x720 to 512x288, webcam pictures are 0.6 and 0.5 levels
off on average, and over 30 at edges. This code agrees with OpenCV up to rounding.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livematte.frame import Size


class AreaResize:
    """Each pixel of the target is the mean of the area of the source that it covers.

    A side that grows is interpolated linearly instead, with pixel centres at halves.
    """

    def __init__(self, source: Size, target: Size, device: torch.device) -> None:
        self._row_indices, self._row_weights = _taps(source.height, target.height, device)
        self._column_indices, self._column_weights = _taps(source.width, target.width, device)

    def __call__(self, picture: Tensor) -> Tensor:
        """(H, W, channels) of the source's size, uint8 or float32, to float32 of the target's."""
        rows = picture[self._row_indices] * self._row_weights[:, :, None, None]
        rows = rows.sum(dim=1)  # (h, W, channels)
        columns = rows[:, self._column_indices] * self._column_weights[:, :, None]
        return columns.sum(dim=2)  # (h, w, channels)


def _taps(source: int, target: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Which source pixels make up each target pixel, and their shares: (target, taps) each."""
    first, shares = (_covered if target < source else _between)(source, target)
    indices = np.minimum(first[:, None] + np.arange(shares.shape[1]), source - 1)
    return torch.from_numpy(indices).to(device), torch.from_numpy(shares).to(device)


def _covered(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    edges = np.arange(target + 1) * (source / target)
    first = np.floor(edges[:-1] + _EDGE_TOLERANCE).astype(np.int64)
    taps = int((np.ceil(edges[1:] - _EDGE_TOLERANCE) - first).max())
    pixels = first[:, None] + np.arange(taps)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    covered = np.maximum(covered, 0)
    return first, (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)


def _between(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    centres = (np.arange(target) + 0.5) * (source / target) - 0.5
    centres = np.clip(centres, 0, source - 1)
    first = np.floor(centres).astype(np.int64)
    share = centres - first
    return first, np.stack((1 - share, share), axis=1).astype(np.float32)


_EDGE_TOLERANCE = 1e-9
"""Rounding can put an edge just beside a whole pixel; that must not add a tap with zero weight."""
