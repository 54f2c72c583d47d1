"""The person's own colours and the background's light on them, on the GPU.

The same as `matting.colours` and `matting.light_wrap` on the CPU, but for all pixels, since only
the device knows where alpha is soft. Written to be captured as a CUDA graph.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.frame import Size
from livematte.matting.colours import (
    LEAST_SURENESS,
    LEAST_WEIGHT,
    OWN_DETAIL,
    ROOM_VARIANCE,
    UNSURENESS,
    radii,
    reduced_size,
)
from livematte.matting.light_wrap import LEAST
from livematte.render.cuda.area import AreaResize
from livematte.render.cuda.box import BoxBlur, box_blur_within


class CudaColours:
    """Estimates the person's colours in frames of one size; see `livematte.matting.colours`."""

    def __init__(self, size: Size, device: torch.device) -> None:
        reduced = reduced_size(size)
        self._reduce = AreaResize(size, reduced, device)
        self._radii = radii(reduced)

    def estimate(self, frame: Tensor, matte: Tensor) -> Tensor:
        """float32 BGR (H, W, 3) from 0 to 255, of the frame (H, W, 3) and its matte (H, W, 1).

        Where alpha is 1 they are the frame's own; where it is 0 they are not used.
        """
        image = frame.float()
        small = self._reduce(torch.cat((image, matte), dim=2)).permute(2, 0, 1)
        smooth = _enlarged(self._smooth(small[:3], small[3:]), image)
        return _explained(image, matte, smooth[..., :3], smooth[..., 3:])[0]

    def _smooth(self, colours: Tensor, part: Tensor) -> Tensor:
        """Smooth colours of person and room, (6, h, w), from colours and matte, (3 and 1, h, w)."""
        sure = torch.maximum(2 * part - 1, LEAST_SURENESS * part)  # `foreground.sureness`
        person = room = colours
        total = sure.sum().clamp_min(LEAST_SURENESS)
        further = (colours * sure).sum(dim=(1, 2), keepdim=True) / total
        for radius in self._radii:
            sums = box_blur_within(torch.cat((person * sure, sure)), radius)
            person = (sums[:3] + LEAST_WEIGHT * further) / (sums[3:] + LEAST_WEIGHT)
            rest = 1 - part + LEAST_WEIGHT
            sums = box_blur_within(torch.cat((room * rest, rest)), radius)
            room = sums[:3] / sums[3:]
            person, room = _explained(colours, part, person, room)
            further = person
        return torch.cat((person, room))


def _explained(
    colours: Tensor, part: Tensor, person: Tensor, room: Tensor
) -> tuple[Tensor, Tensor]:
    """Add to the colours of person and room their shares of the unexplained rest.

    part: the person's share of each pixel; the gains are `foreground.person_gain` and `room_gain`.
    """
    rest = 1 - part
    none, full = OWN_DETAIL
    own = ((part - none) / (full - none)).clamp(0, 1)
    own = own * own * (3 - 2 * own)
    unexplained = colours - room - part * (person - room)
    shared = unexplained / (part * part + ROOM_VARIANCE * rest * rest + UNSURENESS)
    return (
        (person + own * (1 + UNSURENESS) * part * shared).clamp(0, 255),
        (room + ROOM_VARIANCE * rest * shared).clamp(0, 255),
    )


class CudaLight:
    """The background's light on the person's edge; see `light_wrap.LightWrap`."""

    def __init__(self, size: Size, device: torch.device) -> None:
        reduced = reduced_size(size)
        wide, _, narrow = radii(reduced)
        self._reduce = AreaResize(size, reduced, device)
        self._spread = BoxBlur(reduced, wide // 2, "edge", device)
        self._spread_narrowly = BoxBlur(reduced, narrow, "edge", device)

    def shine(self, person: Tensor, matte: Tensor, behind: Tensor, strength: Tensor) -> Tensor:
        """The person's colours with that light: float32 BGR (H, W, 3) from 0 to 255.

        person, behind: float32 BGR (H, W, 3) from 0 to 255. matte: float32 (H, W, 1).
        strength: float32 (1,) from 0 to 1.
        """
        small = self._reduce(torch.cat((behind, 1 - matte), dim=2)).permute(2, 0, 1)
        glow = self._spread(self._spread(small[:3]))
        around = self._spread_narrowly(self._spread_narrowly(small[3:]))
        around = strength * torch.where(around < LEAST, 0.0, around)
        return person + _enlarged(glow * around, person) * (1 - person / 255)


def _enlarged(small: Tensor, picture: Tensor) -> Tensor:
    """Enlarge (channels, h, w) to the size of `picture`, (H, W, ...): (H, W, channels)."""
    shape = picture.shape[:2]
    enlarged = F.interpolate(small[None], shape, mode="bilinear", align_corners=False)
    return enlarged[0].permute(1, 2, 0)
