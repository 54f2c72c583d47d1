"""All that happens to a frame on the GPU, from its pixels to the picture that may be seen.

Written to be captured as a CUDA graph: it waits for nothing, takes no value to the host, and reads
and writes only tensors that stay where they are. The rules of refining and compositing are the
CPU's (`render.refine`, `render.composite`). Only the network runs in half precision. Pixels are
float32, because a half has 11 bits and a weighted sum of two levels needs more to round as it
should.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from livematte.background import BLUR_SIGMAS, Blur
from livematte.frame import Size
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE
from livematte.refinement import Refinement
from livematte.render.area import AreaResize
from livematte.render.cuda_colours import CudaColours, CudaLight
from livematte.render.cuda_edges import CudaEdges
from livematte.render.cuda_refine import CudaRefiner

if TYPE_CHECKING:
    from livematte.network.modnet import MODNet

LEAST_WEIGHT: Final = 1e-6
"""Where less of the room than this is in reach of the blur, the person covers all of it."""


class Compositing(Enum):
    """The three ways to put a person on a background; each is a graph of its own."""

    PICTURE = auto()
    BLUR = auto()
    TRANSPARENT = auto()


@dataclass(frozen=True, eq=False)
class FrameTensors:
    """What a frame is read from and written to, on the device.

    frame, picture: uint8 BGR (H, W, 3); `picture` is read only for `Compositing.PICTURE`.
    blur_taps: float32 (2 * blur_radius(size) + 1,), only for `Compositing.BLUR`; see `gaussian`.
    image: uint8 BGR (H, W, 3).
    alpha: uint8 (H, W).
    is_finite: uint8 (1,): 0 if the network's matte holds NaN or infinity.
    """

    frame: Tensor
    picture: Tensor
    blur_taps: Tensor
    image: Tensor
    alpha: Tensor
    is_finite: Tensor


class FramePath:
    """Mattes and composites frames of one size on one device."""

    def __init__(
        self,
        frame_size: Size,
        matte_size: Size,
        network: MODNet,
        dtype: torch.dtype,
        device: torch.device,
        refinement: Refinement,
    ) -> None:
        """network: float32, in evaluation mode, on the CPU; it is copied and left alone.

        dtype: float16 or float32, what the network computes in.
        """
        self._shape = (frame_size.height, frame_size.width)
        self._to_network = AreaResize(frame_size, matte_size, device)
        self._to_reduced = AreaResize(frame_size, Blur.reduced_size(frame_size), device)
        self._dtype = dtype
        self._network = network_on(device, dtype, network)
        self._refiner = CudaRefiner(matte_size, refinement, device)
        self._edges = CudaEdges(frame_size, matte_size, device) if refinement.edges else None
        self._colours = CudaColours(frame_size, device)
        self._refined = refinement.colours
        strength = refinement.light_wrap
        self._light = CudaLight(frame_size, strength, device) if strength > 0 else None

    def forget(self) -> None:
        """As if no frame had been rendered. To be called once all graphs are captured."""
        self._refiner.forget()

    @torch.no_grad()
    def render(self, tensors: FrameTensors, compositing: Compositing) -> None:
        """Matte and composite `tensors.frame` into `image`, `alpha` and `is_finite`.

        Frames are to be rendered in their order, since refining remembers earlier ones.
        """
        pixels = self._to_network(tensors.frame)  # (h, w, 3)
        mattes = self._mattes(self._refiner.views(pixels))
        tensors.is_finite.copy_(mattes.isfinite().all())
        small_matte = self._refiner.refine(mattes, pixels)
        if self._edges is None:
            matte = self._enlarge(small_matte[..., None])  # (H, W, 1)
        else:
            matte = self._edges.enlarge(small_matte, pixels, tensors.frame)

        levels = (255 * matte).round_()
        # Below half a level the picture is the background and nothing else.
        matte = torch.where(levels > 0, matte, 0)

        tensors.alpha.copy_(levels[..., 0])
        composite = {
            Compositing.PICTURE: self._on_picture,
            Compositing.BLUR: self._on_blurred_room,
            Compositing.TRANSPARENT: self._on_nothing,
        }[compositing]
        tensors.image.copy_(composite(tensors, matte).round_())

    def _mattes(self, views: Tensor) -> Tensor:
        """What the network says of views of a frame, (n, h, w, 3): float32 (n, h, w) in [0, 1]."""
        rgb = (views.flip(3) - PIXEL_MEAN) / PIXEL_SCALE
        pixels = rgb.permute(0, 3, 1, 2)  # (n, 3, h, w)
        pixels = pixels.to(self._dtype, memory_format=torch.channels_last)
        mattes: Tensor = self._network(pixels)
        return mattes[:, 0].float()

    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return self._over(tensors.picture.float(), tensors, matte)

    def _on_blurred_room(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        """On the room out of focus, without the person's colours in it.

        Normalised convolution (Knutsson and Westin, CVPR 1993): each pixel counts by how little of
        the person it holds, and the blurred sum is divided by the blurred weights.
        """
        weight = 1 - matte
        weighted = torch.cat((tensors.frame * weight, weight), dim=2)  # (H, W, 4)
        # One picture a channel, so that one set of taps serves all.
        channels = self._to_reduced(weighted).permute(2, 0, 1)[:, None]  # (4, 1, h, w)
        radius = tensors.blur_taps.shape[0] // 2
        across = F.conv2d(channels, tensors.blur_taps.view(1, 1, 1, -1), padding=(0, radius))
        blurred = F.conv2d(across, tensors.blur_taps.view(1, 1, -1, 1), padding=(radius, 0))
        room = blurred[:3, 0] / blurred[3:, 0].clamp_min(LEAST_WEIGHT)  # (3, h, w)
        return self._over(self._enlarge(room.permute(1, 2, 0)), tensors, matte)

    def _on_nothing(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        person = self._colours.estimate(tensors.frame, matte)  # see `composite.Compositor`
        return torch.where(matte > 0, person, 0)

    def _over(self, behind: Tensor, tensors: FrameTensors, matte: Tensor) -> Tensor:
        """Porter and Duff's "over" (SIGGRAPH 1984), on float32 BGR (H, W, 3)."""
        person = tensors.frame.float()
        if self._refined:
            person = self._colours.estimate(tensors.frame, matte)
        if self._light is not None:
            person = self._light.shine(person, matte, behind)
        return torch.lerp(behind, person, matte)

    def _enlarge(self, picture: Tensor) -> Tensor:
        """(h, w, channels) to the frame's size, bilinearly with pixels centred at halves."""
        nchw = picture.permute(2, 0, 1)[None]
        enlarged = F.interpolate(nchw, self._shape, mode="bilinear", align_corners=False)
        return enlarged[0].permute(1, 2, 0)


def network_on(device: torch.device, dtype: torch.dtype, network: MODNet) -> MODNet:
    """A copy of the network on a device, in the layout in which its convolutions are fastest."""
    # PyTorch's own annotations do not know that a module takes `memory_format`.
    moved: MODNet = copy.deepcopy(network).to(  # type: ignore[call-overload]
        device=device, dtype=dtype, memory_format=torch.channels_last
    )
    return moved


def blur_radius(frame_size: Size) -> int:
    """Three standard deviations of the strongest blur, in pixels of the reduced copy."""
    return math.ceil(3 * Blur(BLUR_SIGMAS[1]).reduced_sigma(frame_size))


def gaussian(sigma: float, radius: int) -> NDArray[np.float32]:
    """Samples of a Gaussian, of sum 1: float32 (2 * radius + 1,)."""
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    normalized: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return normalized
