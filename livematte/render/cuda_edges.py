"""The matte at the frame's size, along the frame's edges: `livematte.upsample` on the GPU.

The same at each pixel as on the CPU, but at all of them, since where alpha is soft only the device
knows. Written to be captured as a CUDA graph.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.frame import Size
from livematte.render.box import BoxBlur
from livematte.upsample import (
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


class CudaEdges:
    """Enlarges mattes of one size for frames of another."""

    def __init__(self, frame_size: Size, matte_size: Size, device: torch.device) -> None:
        """matte_size: sides multiples of `REDUCTION`."""
        self._shape = (frame_size.height, frame_size.width)
        coarse = Size(matte_size.width // REDUCTION, matte_size.height // REDUCTION)
        self._near = BoxBlur(matte_size, RADIUS, "reflect", device)
        self._wide = [BoxBlur(coarse, radius, "reflect", device) for radius in WIDE_RADII]

    def enlarge(self, matte: Tensor, pixels: Tensor, frame: Tensor) -> Tensor:
        """The matte of a frame: float32 (H, W, 1) in [0, 1].

        matte: float32 (h, w) in [0, 1].
        pixels, frame: float32 BGR (h, w, 3), uint8 BGR (H, W, 3), the frame small and in full.
        """
        is_soft = ((matte > SURE) & (matte < 1 - SURE)).float()
        soft = F.max_pool2d(is_soft[None], 3, 1, 1)  # and around it
        lines = torch.where(soft > 0, self._lines(matte, pixels), _constant(matte))
        enlarged = self._resized(torch.cat((lines, matte[None])), "bilinear")  # (5, H, W)
        colours = frame.permute(2, 0, 1)
        alpha = ((enlarged[:3] * colours).sum(dim=0) + enlarged[3]).clamp(0, 1)
        reach = self._resized(soft, "nearest")[0]
        return torch.where(reach > 0, alpha, enlarged[4])[..., None]

    def _lines(self, matte: Tensor, pixels: Tensor) -> Tensor:
        """What alpha changes with each colour, and an offset: float32 (4, h, w)."""
        known = torch.stack((matte - (1 - KNOWN), KNOWN - matte)) / KNOWN
        (person, room), (person_variance, room_variance) = self._gaussians(pixels, known)
        variance = NOISE + matte * person_variance + (1 - matte) * room_variance
        between = person - room
        slope = between / ((between * between).sum(dim=0) + variance / DISTRUST**2)
        # Where the colours say just what the network says, the line goes through its alpha.
        offset = matte - (slope * (room + matte * between)).sum(dim=0)
        return torch.cat((slope, offset[None]))

    def _gaussians(self, pixels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances of the colours around: float32 (2, 3, h, w) and (2, h, w).

        weights: float32 (2, h, w), what counts how much for the person and for the room.
        """
        colour = pixels.permute(2, 0, 1)
        with_squares = torch.cat((colour, (colour * colour).sum(dim=0, keepdim=True)))
        weight = weights.clamp(0, 1)[:, None]
        weighted = torch.cat((with_squares * weight, weight), dim=1)  # (2, 5, h, w)
        coarse = F.avg_pool2d(weighted, REDUCTION)
        whole = coarse.mean(dim=(2, 3), keepdim=True)
        wide = whole[:, :4] / whole[:, 4:].clamp_min(LEAST_WEIGHT)
        for blur in self._wide:
            wide = _with_wider(blur(coarse), wide)
        wide = F.interpolate(wide, weights.shape[1:], mode="bilinear", align_corners=False)
        means = _with_wider(self._near(weighted), wide)
        colours = means[:, :3]
        return colours, (means[:, 3] - (colours * colours).sum(dim=1)).clamp_min(0)

    def _resized(self, channels: Tensor, mode: str) -> Tensor:
        align_corners = False if mode == "bilinear" else None
        return F.interpolate(channels[None], self._shape, mode=mode, align_corners=align_corners)[0]


def _constant(matte: Tensor) -> Tensor:
    """The lines of an alpha that no colour changes: (4, h, w)."""
    return F.pad(matte[None], (0, 0, 0, 0, 3, 0))


def _with_wider(sums: Tensor, wide: Tensor) -> Tensor:
    """Means of windows with a little of wider ones.

    sums: (2, 5, h, w), the fifth the sum of the weights. wide: (2, 4, h, w) or of one pixel.
    """
    return (sums[:, :4] + WIDER * wide) / (sums[:, 4:] + WIDER)
