"""`cv2.blur` in PyTorch, with the same border handling."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.frame import Size


class BoxBlur:
    """Each pixel becomes the mean of the square around it, `2 * radius + 1` pixels a side."""

    def __init__(
        self, size: Size, radius: int, border: Literal["reflect", "edge"], device: torch.device
    ) -> None:
        """border: how the picture continues beyond its border, mirrored or with its edge repeated;
        `cv2.BORDER_REFLECT_101` and `cv2.BORDER_REPLICATE`.
        """
        # PyTorch's reflection padding cannot be wider than the picture, but a window can.
        rows, columns = (
            torch.from_numpy(np.pad(np.arange(side), radius, mode=border)).to(device)
            for side in (size.height, size.width)
        )
        self._rows, self._columns, self._radius = rows, columns, radius

    def __call__(self, channels: Tensor) -> Tensor:
        """float32 (..., channels, H, W) of the size, of three or four dimensions."""
        padded = channels.index_select(-2, self._rows).index_select(-1, self._columns)
        side = 2 * self._radius + 1
        return F.avg_pool2d(F.avg_pool2d(padded, (1, side), 1), (side, 1), 1)


def box_blur_within(channels: Tensor, radius: int) -> Tensor:
    """As `BoxBlur`, with zeros beyond the border: `cv2.BORDER_CONSTANT`."""
    side = 2 * radius + 1
    across = F.avg_pool2d(channels, (1, side), 1, (0, radius))
    return F.avg_pool2d(across, (side, 1), 1, (radius, 0))
