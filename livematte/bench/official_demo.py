"""The yardstick: matting with the method of MODNet's own webcam demo.

Rewritten from a description of it, only for comparison. Each frame is resized to 910x512 and
cropped to the middle 672x512. It goes through the network as published, in eager PyTorch, float32,
NCHW, with PyTorch's own threads. The matte is applied in NumPy, as floats, in front of white, for a
window that shows the frame and the result side by side.

livematte's weights hold the encoder's BatchNorm folded. To do the same work as the demo, it is put
back with numbers that change nothing. NumPy and PyTorch do what PIL and torchvision do in the demo,
in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from livematte.frame import Frame, Image, Rendered, Size
from livematte.network import weights
from livematte.network.mobilenetv2 import InvertedResidual
from livematte.network.modnet import ConvIBNormRelu, MODNet
from livematte.render.renderer import require_size
from livematte.render.result_buffers import ResultBuffers
from livematte.render.timings import Timings

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.options.refinement import Refinement

RESIZED: Final = Size(910, 512)
CUT: Final = Size(672, 512)
"""The size of the network's input and of the result, for frames of any size."""

MEAN: Final = 0.5
DEVIATION: Final = 0.5


class SplitIBNorm(nn.Module):
    """IBNorm as published: splits the channels, normalises each half, and joins them again."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bnorm = nn.BatchNorm2d(channels // 2)
        self.inorm = nn.InstanceNorm2d(channels - channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        half = self.bnorm.num_features
        return torch.cat((self.bnorm(x[:, :half]), self.inorm(x[:, half:])), dim=1)


def load_published_modnet(state: Mapping[str, NDArray[np.float32]]) -> MODNet:
    """MODNet without folding or fusing, in evaluation mode.

    state: as `network.weights.read` returns it; copied.
    """
    modnet = MODNet()
    for block in modnet.modules():
        if isinstance(block, ConvIBNormRelu):
            convolution = block.layers[0]
            assert isinstance(convolution, nn.Conv2d)
            block.layers[1] = SplitIBNorm(convolution.out_channels)
    modnet.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    for index, layer in enumerate(modnet.features):
        if isinstance(layer, InvertedResidual):
            layer.conv = _with_batch_norms(layer.conv)
        else:
            modnet.features[index] = _with_batch_norms(layer)
    return modnet.eval().requires_grad_(False)


def _with_batch_norms(layers: nn.Module) -> nn.Sequential:
    """Add a BatchNorm, which adds the bias, after each convolution of the encoder."""
    unfolded: list[nn.Module] = []
    for layer in layers.children():
        if isinstance(layer, nn.Identity):
            continue
        unfolded.append(layer)
        if isinstance(layer, nn.Conv2d):
            norm = nn.BatchNorm2d(layer.out_channels)
            assert norm.running_var is not None
            assert layer.bias is not None
            with torch.no_grad():
                norm.running_var.fill_(1 - norm.eps)
                norm.bias.copy_(layer.bias)
            layer.bias = None
            unfolded.append(norm)
    return nn.Sequential(*unfolded)


class OfficialDemo:
    """A `Renderer`, so that it is measured like the others; its pictures have the size `CUT`.

    It ignores the background and always uses white: others would only cost it more. It does not
    refine mattes.
    """

    depth = 1

    def __init__(
        self, frame_size: Size, weights_name: str = weights.SHIPPED, threads: int | None = None
    ) -> None:
        """threads: None for PyTorch's own choice, as in the demo.

        Raises `WeightsError` if the weights cannot be used.
        """
        self.timings = Timings()
        self.description = f"official demo's way, PyTorch float32 at {CUT}"
        if threads is not None:
            torch.set_num_threads(threads)
        self._frame_size = frame_size
        self._network = load_published_modnet(weights.read(weights.find(weights_name)))
        self._buffers = ResultBuffers(self.depth, CUT)

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return self._buffers.wait_for_room(timeout_seconds)

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if not self._buffers.has_room():
            return False
        require_size(frame, self._frame_size)
        with self._buffers.render(frame, background) as (image, alpha):
            with self.timings.stage("resize"):
                rgb = cut(frame.image)
                pixels = to_input(rgb)
            with self.timings.stage("network"), torch.no_grad():
                small_matte = self._network(pixels)
            with self.timings.stage("composite"):
                matte = small_matte[0].repeat(3, 1, 1).numpy().transpose(1, 2, 0)
                shown = matte * rgb + (1 - matte) * np.full(rgb.shape, 255.0)
                # The demo's window shows the frame on the left.
                both = np.concatenate((rgb, shown), axis=1).astype(np.uint8)
                np.copyto(image, cv2.cvtColor(both, cv2.COLOR_RGB2BGR)[:, CUT.width :])
            np.copyto(alpha, 255 * matte[..., 0], casting="unsafe")
        return True

    def collect(self, timeout_seconds: float) -> Rendered | None:
        return self._buffers.collect(timeout_seconds)

    def close(self) -> None:
        """There is nothing to release."""


def cut(image: Image) -> Image:
    """The part of a frame, uint8 BGR (H, W, 3), that the demo uses: RGB (512, 672, 3)."""
    left = (RESIZED.width - CUT.width) // 2
    middle = cv2.resize(image, RESIZED)[:, left : left + CUT.width]
    return cv2.cvtColor(middle, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def to_input(rgb: Image) -> Tensor:
    """The network's input: RGB uint8 (H, W, 3) to float32 (1, 3, H, W) in [-1, 1].

    Uses the steps of torchvision's ToTensor, which divides by 255, and Normalize.
    """
    pixels = torch.from_numpy(rgb).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    return pixels.clone().sub_(MEAN).div_(DEVIATION)[None]
