"""MobileNetV2, MODNet's encoder.

Sandler, Howard, Zhu, Zhmoginov, Chen: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
CVPR 2018, arXiv 1801.04381, table 2. For inference only: every BatchNorm is folded into the
convolution before it, so each convolution has a bias. An identity replaces each BatchNorm, so that
the parameters keep their numbers from the official checkpoints.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from livematte.network.layout import HEAD_CHANNELS, STAGES, STEM_CHANNELS


def _convolution(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution, an identity in place of the folded BatchNorm, and ReLU6."""
    convolution = nn.Conv2d(
        in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups
    )
    return [convolution, nn.Identity(), nn.ReLU6(inplace=True)]


class InvertedResidual(nn.Module):
    """Widen by 1x1, filter each channel by 3x3, narrow by 1x1; add the input if shapes match."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        widen = [] if expansion == 1 else _convolution(in_channels, hidden, kernel=1)
        self.conv = nn.Sequential(
            *widen,
            *_convolution(hidden, hidden, kernel=3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, out_channels, kernel_size=1),
        )
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self.adds_input else out


class Encoding(NamedTuple):
    """The features that MODNet's branches read, named after how much smaller they are."""

    enc2x: Tensor
    enc4x: Tensor
    enc32x: Tensor


class Features(nn.ModuleList):
    """The encoder: (N, 3, H, W) in, features at 1/2, 1/4 and 1/32 of its size out."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [nn.Sequential(*_convolution(3, STEM_CHANNELS, 3, stride=2))]
        channels = STEM_CHANNELS
        for stage in STAGES:
            for block in range(stage.blocks):
                stride = stage.stride if block == 0 else 1
                layers.append(InvertedResidual(channels, stage.channels, stride, stage.expansion))
                channels = stage.channels
        layers.append(nn.Sequential(*_convolution(channels, HEAD_CHANNELS, kernel=1)))
        super().__init__(layers)

    def forward(self, x: Tensor) -> Encoding:
        enc2x = self._through(x, 0, 2)  # (N, 16, H/2, W/2)
        enc4x = self._through(enc2x, 2, 4)  # (N, 24, H/4, W/4)
        enc32x = self._through(enc4x, 4, len(self))  # (N, 1280, H/32, W/32)
        return Encoding(enc2x, enc4x, enc32x)

    def _through(self, x: Tensor, start: int, stop: int) -> Tensor:
        for index in range(start, stop):
            x = self[index](x)
        return x
