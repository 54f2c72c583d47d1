"""The matte at the frame's size, along the frame's edges: `livematte.matting.edges` on the GPU.

The same per pixel as on the CPU, but for all pixels, since only the device knows where alpha is
soft. Written to be captured as a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.frame import Size
from livematte.matting.edges import (
    DISTRUST,
    KNOWN,
    LEAST_WEIGHT,
    NOISE,
    RADIUS,
    REDUCTION,
    SURE,
    WIDE_RADII,
    WIDER,
)
from livematte.render.cuda.box import BoxBlur


class CudaEdges:
    """Enlarges mattes from one size to the frames' size."""

    def __init__(self, frame_size: Size, matte_size: Size, device: torch.device) -> None:
        """matte_size: both sides multiples of 2 and `REDUCTION`, like the network's."""
        self._shape = (frame_size.height, frame_size.width)
        half = Size(matte_size.width // 2, matte_size.height // 2)
        coarse = Size(half.width // REDUCTION, half.height // REDUCTION)
        self._near = BoxBlur(half, RADIUS, "reflect", device)
        self._wide = [BoxBlur(coarse, radius, "reflect", device) for radius in WIDE_RADII]

    def enlarge(self, matte: Tensor, pixels: Tensor, frame: Tensor) -> Tensor:
        """The matte of a frame: float32 (H, W, 1) in [0, 1].

        matte: float32 (h, w) in [0, 1].
        pixels: float32 BGR (h, w, 3), the frame at the matte's size.
        frame: uint8 BGR (H, W, 3), at full size.
        """
        is_soft = ((matte > SURE) & (matte < 1 - SURE)).float()
        soft = F.max_pool2d(is_soft[None], 3, 1, 1)  # and around it
        lines = torch.where(soft > 0, self._lines(matte, pixels), _constant(matte))
        enlarged = _bilinear(torch.cat((lines, matte[None]))[None], self._shape)[0]
        colours = frame.permute(2, 0, 1)
        alpha = ((enlarged[:3] * colours).sum(dim=0) + enlarged[3]).clamp(0, 1)
        reach = F.interpolate(soft[None], self._shape, mode="nearest")[0, 0]
        return torch.where(reach > 0, alpha, enlarged[4])[..., None]

    def _lines(self, matte: Tensor, pixels: Tensor) -> Tensor:
        """Alpha as a linear function of the colours, slopes and offset: float32 (4, h, w)."""
        small = torch.cat((pixels.permute(2, 0, 1), matte[None]))
        half = F.avg_pool2d(small, 2)
        known = torch.stack((half[3] - (1 - KNOWN), KNOWN - half[3])) / KNOWN
        person, room = _bilinear(self._gaussians(half[:3], known), matte.shape)
        variance = NOISE + matte * person[3] + (1 - matte) * room[3]
        between = person[:3] - room[:3]
        slope = between / ((between * between).sum(dim=0) + variance / DISTRUST**2)
        # Where the colours agree with the network, the line goes through the network's alpha.
        offset = matte - (slope * (room[:3] + matte * between)).sum(dim=0)
        return torch.cat((slope, offset[None]))

    def _gaussians(self, colours: Tensor, known: Tensor) -> Tensor:
        """The colours around each pixel: float32 (2, 4, h, w), means and the sum of variances.

        colours: float32 (3, h, w).
        known: float32 (2, h, w), weights of the pixels for the person and for the room; clamped to
            [0, 1] here.
        """
        seen = torch.cat((colours, (colours * colours).sum(dim=0, keepdim=True)))
        weight = known.clamp(0, 1)[:, None]
        weighted = torch.cat((seen * weight, weight), dim=1)  # (2, 5, h, w)
        coarse = F.avg_pool2d(weighted, REDUCTION)
        whole = coarse.mean(dim=(2, 3), keepdim=True)
        means = whole[:, :4] / whole[:, 4:].clamp_min(LEAST_WEIGHT)
        for blur in self._wide:
            means = _local_means(blur(coarse), means)
        means = _local_means(self._near(weighted), _bilinear(means, known.shape[1:]))
        squares = (means[:, :3] * means[:, :3]).sum(dim=1)
        return torch.cat((means[:, :3], (means[:, 3] - squares).clamp_min(0)[:, None]), dim=1)


def _constant(matte: Tensor) -> Tensor:
    """Lines for an alpha that does not depend on colour: (4, h, w)."""
    return F.pad(matte[None], (0, 0, 0, 0, 3, 0))


def _local_means(sums: Tensor, wider: Tensor) -> Tensor:
    """Means in windows, mixed with a little of the means in wider windows.

    sums: (2, 5, h, w); the fifth channel sums the weights. wider: (2, 4, h, w) or (2, 4, 1, 1).
    """
    return (sums[:, :4] + WIDER * wider) / (sums[:, 4:] + WIDER)


def _bilinear(pictures: Tensor, shape: Sequence[int]) -> Tensor:
    """Resize (n, channels, h, w), with pixel centres at halves."""
    return F.interpolate(pictures, tuple(shape), mode="bilinear", align_corners=False)
