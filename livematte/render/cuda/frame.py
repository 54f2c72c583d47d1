"""Everything that happens to a frame on the GPU, from its pixels to the finished picture.

Written to be captured as a CUDA graph: it never waits, copies no value to the host, and reads and
writes only tensors with fixed addresses. Refining and compositing follow the same rules as on the
CPU (`matting.steady`, `matting.composite`). Only the network runs in half precision. Pixels are
float32: a half has 11 bits, and a weighted sum of two levels needs more to round correctly.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.background import Blur
from livematte.frame import Size
from livematte.matting.matte_guard import RANGE
from livematte.matting.room_blur import MEAN_WEIGHT
from livematte.network.modnet import normalise_
from livematte.options.refinement import Refinement
from livematte.render.cuda.area import AreaResize
from livematte.render.cuda.colours import CudaColours, CudaLight
from livematte.render.cuda.edges import CudaEdges
from livematte.render.cuda.steady import CudaRefiner

if TYPE_CHECKING:
    from livematte.network.modnet import MODNet

LEAST_WEIGHT: Final = 1e-6
"""With less of the room in a picture than this, the person covers everything."""


class Compositing(Enum):
    """The three ways to put a person on a background; each has its own graph."""

    PICTURE = auto()
    BLUR = auto()
    TRANSPARENT = auto()


@dataclass(frozen=True, eq=False)
class FrameTensors:
    """The inputs and outputs of a frame, on the device.

    frame, picture: uint8 BGR (H, W, 3); `picture` is read only for `Compositing.PICTURE`.
    blur_taps: float32, only for `Compositing.BLUR`; see `room_blur.taps`.
    image: uint8 BGR (H, W, 3).
    alpha: uint8 (H, W).
    forget: bool (1,): whether to forget earlier frames first.
    light_wrap: float32 (1,), its strength from 0 to 1, used only with light wrap.
    pixels: uint8 BGR (h, w, 3), the network's input, not mirrored.
    raw: uint8 (h, w), the network's matte before refinement, the mean of its views.
    is_alpha: uint8 (1,): 0 if a value of the network's is NaN, infinite or outside 0 to 1.
    """

    frame: Tensor
    picture: Tensor
    blur_taps: Tensor
    image: Tensor
    alpha: Tensor
    forget: Tensor
    light_wrap: Tensor
    pixels: Tensor
    raw: Tensor
    is_alpha: Tensor


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
        """network: float32, in evaluation mode, on the CPU; it is copied, not changed.

        dtype: float16 or float32, for the network.
        """
        self._shape = (frame_size.height, frame_size.width)
        self._to_network = AreaResize(frame_size, matte_size, device)
        self._to_reduced = AreaResize(frame_size, Blur.reduced_size(frame_size), device)
        self._dtype = dtype
        self._network = network_on(device, dtype, network)
        self._refiner = CudaRefiner(matte_size, refinement, device)
        self._edges = CudaEdges(frame_size, matte_size, device)
        self._colours = CudaColours(frame_size, device)
        self._light = CudaLight(frame_size, device)
        self._new_refiner = partial(CudaRefiner, matte_size, device=device)

    @property
    def refinement(self) -> Refinement:
        """Used for rendering and captures from now on. All captures share one past."""
        return self._refiner.refinement

    @refinement.setter
    def refinement(self, refinement: Refinement) -> None:
        self._refiner.refinement = refinement

    def rehearse(self, tensors: FrameTensors, compositing: Compositing) -> None:
        """Do what `render` does, without reading or changing the past."""
        self._render(tensors, compositing, self._new_refiner(refinement=self.refinement))

    def render(self, tensors: FrameTensors, compositing: Compositing) -> None:
        """Matte and composite `tensors.frame` into `image`, `alpha` and the guard's inputs.

        Render frames in their order, since refining depends on earlier ones.
        """
        self._render(tensors, compositing, self._refiner)

    @torch.no_grad()
    def _render(
        self, tensors: FrameTensors, compositing: Compositing, refiner: CudaRefiner
    ) -> None:
        refiner.forget_if(tensors.forget)
        pixels = self._to_network(tensors.frame)  # (h, w, 3)
        mattes = self._mattes(refiner.views(pixels))
        # A comparison with NaN is false.
        tensors.is_alpha.copy_(((mattes >= -RANGE) & (mattes <= 1 + RANGE)).all())
        tensors.pixels.copy_(pixels.round())
        tensors.raw.copy_((255 * refiner.unmirrored(mattes)).round().clamp(0, 255))
        small_matte = refiner.refine(mattes, pixels)
        if self.refinement.edges:
            matte = self._edges.enlarge(small_matte, pixels, tensors.frame)  # (H, W, 1)
        else:
            matte = self._enlarge(small_matte[..., None])

        levels = (255 * matte).round_()
        # Below half a level the picture is the background only.
        matte = torch.where(levels > 0, matte, 0)

        tensors.alpha.copy_(levels[..., 0])
        composite = {
            Compositing.PICTURE: self._on_picture,
            Compositing.BLUR: self._on_blurred_room,
            Compositing.TRANSPARENT: self._on_nothing,
        }[compositing]
        tensors.image.copy_(composite(tensors, matte).round_())

    def _mattes(self, views: Tensor) -> Tensor:
        """The network's mattes of views of a frame, (n, h, w, 3): float32 (n, h, w) in [0, 1]."""
        rgb = normalise_(views.flip(3))
        pixels = rgb.permute(0, 3, 1, 2)  # (n, 3, h, w)
        pixels = pixels.to(self._dtype, memory_format=torch.channels_last)
        mattes: Tensor = self._network(pixels)
        return mattes[:, 0].float()

    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return self._over(tensors.picture.float(), tensors, matte)

    def _on_blurred_room(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        """On the blurred room, without the person's colours in it; see `room_blur`."""
        weight = 1 - matte
        weighted = torch.cat((tensors.frame * weight, weight), dim=2)  # (H, W, 4)
        channels = self._to_reduced(weighted).permute(2, 0, 1)  # (4, h, w)
        height, width = channels.shape[1:]
        sizes = (height**2, width**2)
        rows, columns, out_rows, out_columns = torch.split(tensors.blur_taps, [*sizes, *sizes])
        cells = rows.view(height, height) @ channels @ columns.view(width, width).T
        mean = channels.sum(dim=(1, 2), keepdim=True)
        mean = mean[:3] / mean[3:].clamp_min(LEAST_WEIGHT)
        covered = MEAN_WEIGHT * (1 - cells[3:])
        room = ((cells[:3] + covered * mean) / (cells[3:] + covered)).round()
        room = out_rows.view(height, height) @ room @ out_columns.view(width, width).T
        room = room.clamp(0, 255).permute(1, 2, 0)  # (h, w, 3)
        return self._over(self._enlarge(room), tensors, matte)

    def _on_nothing(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        person = self._colours.estimate(tensors.frame, matte)  # see `composite.Compositor`
        return torch.where(matte > 0, person, 0)

    def _over(self, behind: Tensor, tensors: FrameTensors, matte: Tensor) -> Tensor:
        """Porter and Duff's "over" (SIGGRAPH 1984), on float32 BGR (H, W, 3)."""
        person = tensors.frame.float()
        if self.refinement.colours:
            person = self._colours.estimate(tensors.frame, matte)
        if self.refinement.light_wrap > 0:
            person = self._light.shine(person, matte, behind, tensors.light_wrap)
        return torch.lerp(behind, person, matte)

    def _enlarge(self, picture: Tensor) -> Tensor:
        """Resize (h, w, channels) to the frame's size, bilinearly with pixel centres at halves."""
        nchw = picture.permute(2, 0, 1)[None]
        enlarged = F.interpolate(nchw, self._shape, mode="bilinear", align_corners=False)
        return enlarged[0].permute(1, 2, 0)


def network_on(device: torch.device, dtype: torch.dtype, network: MODNet) -> MODNet:
    """A copy of the network on a device, in the memory layout with the fastest convolutions."""
    # PyTorch's annotations lack the `memory_format` argument of modules.
    moved: MODNet = copy.deepcopy(network).to(  # type: ignore[call-overload]
        device=device, dtype=dtype, memory_format=torch.channels_last
    )
    return moved
