"""MODNet, as in the paper's figure 2; the inference path only.

Ke, Sun, Li, Yan, Lau: "MODNet: Real-Time Trimap-Free Portrait Matting via Objective
Decomposition", AAAI 2022, arXiv 2011.11961. A low-resolution branch finds where the person is, a
high-resolution branch finds the edges, and a fusion branch combines the two to the matte.

Layers have their names in the official checkpoints. All BatchNorm is folded into the convolutions
(`network.weights.fold`), and the heads that only training needs are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from livematte.network.layout import HEAD_CHANNELS
from livematte.network.mobilenetv2 import Features
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE

HR_CHANNELS: Final = 32
NORM_EPSILON: Final = 1e-5


class IBNorm(nn.Module):
    """BatchNorm on the first half of the channels, InstanceNorm on the second.

    Pan, Luo, Shi, Tang: "Two at Once: Enhancing Learning and Generalization Capacities via
    IBN-Net", ECCV 2018, arXiv 1807.09441. The BatchNorm is already folded into the convolution
    before, so one scale and shift per channel does the rest, without splitting the tensor and
    joining it again.

    Sums are accumulated in float32 whatever the input's type: in float16 they overflow (beyond
    65504) in 6 of the 16 layers, which ruins the matte.
    """

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        instances = x[:, half:].float()
        mean = instances.mean(dim=(2, 3), keepdim=True)
        variance = (instances - mean).square_().mean(dim=(2, 3), keepdim=True)
        scale = torch.rsqrt(variance + NORM_EPSILON)
        scale_all = torch.cat((torch.ones_like(scale), scale), dim=1).to(x.dtype)
        shift_all = torch.cat((torch.zeros_like(scale), -mean * scale), dim=1).to(x.dtype)
        return torch.addcmul(shift_all, x, scale_all)


class ConvIBNormRelu(nn.Module):
    """A convolution, IBNorm and ReLU, the block that MODNet's branches are built of."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2),
            IBNorm(),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class BareConv(nn.Module):
    """A convolution alone, wrapped so that its name matches the official network."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class SEBlock(nn.Module):
    """Squeeze and excitation: weight each channel by its mean over the whole picture.

    Hu, Shen, Sun: "Squeeze-and-Excitation Networks", CVPR 2018, arXiv 1709.01507.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.fc(x.mean(dim=(2, 3), dtype=torch.float32).to(x.dtype))
        return x * weight[:, :, None, None]


class LRBranch(nn.Module):
    """Semantics: where the person is, at 1/8 of the picture's size."""

    def __init__(self) -> None:
        super().__init__()
        self.se_block = SEBlock(HEAD_CHANNELS, reduction=4)
        self.conv_lr16x = ConvIBNormRelu(HEAD_CHANNELS, 96, kernel=5)
        self.conv_lr8x = ConvIBNormRelu(96, 32, kernel=5)

    def forward(self, enc32x: Tensor) -> Tensor:
        lr16x = self.conv_lr16x(_resize(self.se_block(enc32x), 2))  # (N, 96, H/16, W/16)
        lr8x: Tensor = self.conv_lr8x(_resize(lr16x, 2))  # (N, 32, H/8, W/8)
        return lr8x


class HRBranch(nn.Module):
    """Detail: what the edges look like, at 1/2 of the picture's size."""

    def __init__(self) -> None:
        super().__init__()
        hr = HR_CHANNELS
        self.tohr_enc2x = ConvIBNormRelu(16, hr, kernel=1)
        self.conv_enc2x = ConvIBNormRelu(hr + 3, hr, kernel=3, stride=2)
        self.tohr_enc4x = ConvIBNormRelu(24, hr, kernel=1)
        self.conv_enc4x = ConvIBNormRelu(2 * hr, 2 * hr, kernel=3)
        self.conv_hr4x = nn.Sequential(
            ConvIBNormRelu(3 * hr + 3, 2 * hr, kernel=3),
            ConvIBNormRelu(2 * hr, 2 * hr, kernel=3),
            ConvIBNormRelu(2 * hr, hr, kernel=3),
        )
        self.conv_hr2x = nn.Sequential(
            ConvIBNormRelu(2 * hr, 2 * hr, kernel=3),
            ConvIBNormRelu(2 * hr, hr, kernel=3),
            ConvIBNormRelu(hr, hr, kernel=3),
            ConvIBNormRelu(hr, hr, kernel=3),
        )

    def forward(self, image: Tensor, enc2x: Tensor, enc4x: Tensor, lr8x: Tensor) -> Tensor:
        image2x = _resize(image, 1 / 2)
        image4x = _resize(image, 1 / 4)
        lr4x = _resize(lr8x, 2)

        enc2x = self.tohr_enc2x(enc2x)  # (N, 32, H/2, W/2)
        hr4x = self.conv_enc2x(torch.cat((image2x, enc2x), dim=1))  # (N, 32, H/4, W/4)
        enc4x = self.tohr_enc4x(enc4x)  # (N, 32, H/4, W/4)
        hr4x = self.conv_enc4x(torch.cat((hr4x, enc4x), dim=1))  # (N, 64, H/4, W/4)
        hr4x = self.conv_hr4x(torch.cat((hr4x, lr4x, image4x), dim=1))  # (N, 32, H/4, W/4)
        hr2x: Tensor = self.conv_hr2x(torch.cat((_resize(hr4x, 2), enc2x), dim=1))
        return hr2x  # (N, 32, H/2, W/2)


class FusionBranch(nn.Module):
    """Combines semantics and detail to the matte, at the picture's size."""

    def __init__(self) -> None:
        super().__init__()
        hr = HR_CHANNELS
        self.conv_lr4x = ConvIBNormRelu(hr, hr, kernel=5)
        self.conv_f2x = ConvIBNormRelu(2 * hr, hr, kernel=3)
        self.conv_f = nn.Sequential(
            ConvIBNormRelu(hr + 3, hr // 2, kernel=3), BareConv(hr // 2, 1, kernel=1)
        )

    def forward(self, image: Tensor, lr8x: Tensor, hr2x: Tensor) -> Tensor:
        lr4x = self.conv_lr4x(_resize(lr8x, 2))  # (N, 32, H/4, W/4)
        lr2x = _resize(lr4x, 2)
        f2x = self.conv_f2x(torch.cat((lr2x, hr2x), dim=1))  # (N, 32, H/2, W/2)
        f = self.conv_f(torch.cat((_resize(f2x, 2), image), dim=1))  # (N, 1, H, W)
        return torch.sigmoid(f)


class MODNet(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1], H and W multiples of 32, to the matte (N, 1, H, W) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = Features()
        self.lr_branch = LRBranch()
        self.hr_branch = HRBranch()
        self.f_branch = FusionBranch()

    def forward(self, image: Tensor) -> Tensor:
        enc2x, enc4x, enc32x = self.features(image)
        lr8x = self.lr_branch(enc32x)
        hr2x = self.hr_branch(image, enc2x, enc4x, lr8x)
        alpha: Tensor = self.f_branch(image, lr8x, hr2x)
        return alpha


def normalise_(pixels: Tensor) -> Tensor:
    """Convert float pixels from 0 to 255 to the network's input, from -1 to 1, in place."""
    return pixels.sub_(PIXEL_MEAN).div_(PIXEL_SCALE)


def load_modnet(state: Mapping[str, NDArray[np.float32]]) -> MODNet:
    """MODNet with these weights, ready to run on the CPU: eval mode, no gradients, channels_last.

    state: every parameter by name, as `network.weights.fold` returns them; copied.
    """
    # The meta device avoids allocating and initialising parameters that are replaced at once.
    with torch.device("meta"):
        modnet = MODNet()
    modnet.load_state_dict({name: _parameter(state[name]) for name in state}, assign=True)
    return modnet.eval().requires_grad_(False)


def _parameter(array: NDArray[np.float32]) -> Tensor:
    parameter = torch.tensor(array)
    is_convolution = parameter.ndim == 4
    return parameter.contiguous(memory_format=torch.channels_last) if is_convolution else parameter


def _resize(x: Tensor, scale: float) -> Tensor:
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
