"""MODNet's layers by name and shape, without PyTorch: the contents of a weight file.

`network.mobilenetv2` and `network.modnet` build the network for these parameters. Names are those
of the official checkpoints, except that the encoder's begin at `features`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

STEM_CHANNELS: Final = 32
HEAD_CHANNELS: Final = 1280


class Stage(NamedTuple):
    """A row of table 2 in the MobileNetV2 paper: t, c, n and s."""

    expansion: int
    channels: int
    blocks: int
    stride: int


STAGES: Final = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)

BATCH_NORM_PARAMETERS: Final = ("weight", "bias", "running_mean", "running_var")
BATCH_NORM_EPSILON: Final = 1e-5


class Convolution(NamedTuple):
    """A convolution with a bias.

    name: what comes before `.weight` and `.bias`.
    shape: the weight's (out channels, in channels of a group, kernel height, kernel width).
    bnorm: the BatchNorm on the first half of its output, in the branches' IBNorms.
    """

    name: str
    shape: tuple[int, int, int, int]
    bnorm: str | None = None


def _encoder() -> Iterator[Convolution]:
    yield Convolution("features.0.0", (STEM_CHANNELS, 3, 3, 3))
    index, channels = 1, STEM_CHANNELS
    for stage in STAGES:
        for _ in range(stage.blocks):
            block, hidden = f"features.{index}.conv", channels * stage.expansion
            # A convolution, its BatchNorm and ReLU6 take three numbers.
            place = 0
            if stage.expansion != 1:
                yield Convolution(f"{block}.{place}", (hidden, channels, 1, 1))
                place += 3
            yield Convolution(f"{block}.{place}", (hidden, 1, 3, 3))
            yield Convolution(f"{block}.{place + 3}", (stage.channels, hidden, 1, 1))
            index, channels = index + 1, stage.channels
    yield Convolution(f"features.{index}.0", (HEAD_CHANNELS, channels, 1, 1))


def _block(name: str, in_channels: int, out_channels: int, kernel: int) -> Convolution:
    """A convolution with IBNorm and ReLU."""
    shape = (out_channels, in_channels, kernel, kernel)
    return Convolution(f"{name}.layers.0", shape, bnorm=f"{name}.layers.1.bnorm")


ENCODER: Final = tuple(_encoder())
"""The encoder's convolutions, in the order in which they run, with BatchNorm folded in."""

SE_BLOCK: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "lr_branch.se_block.fc.0.weight": (HEAD_CHANNELS // 4, HEAD_CHANNELS),
        "lr_branch.se_block.fc.2.weight": (HEAD_CHANNELS, HEAD_CHANNELS // 4),
    }
)
"""The two matrices, (out, in), between the encoder and the branches."""

BRANCHES: Final = (
    _block("lr_branch.conv_lr16x", HEAD_CHANNELS, 96, kernel=5),
    _block("lr_branch.conv_lr8x", 96, 32, kernel=5),
    _block("hr_branch.tohr_enc2x", 16, 32, kernel=1),
    _block("hr_branch.conv_enc2x", 32 + 3, 32, kernel=3),
    _block("hr_branch.tohr_enc4x", 24, 32, kernel=1),
    _block("hr_branch.conv_enc4x", 2 * 32, 64, kernel=3),
    _block("hr_branch.conv_hr4x.0", 3 * 32 + 3, 64, kernel=3),
    _block("hr_branch.conv_hr4x.1", 64, 64, kernel=3),
    _block("hr_branch.conv_hr4x.2", 64, 32, kernel=3),
    _block("hr_branch.conv_hr2x.0", 2 * 32, 64, kernel=3),
    _block("hr_branch.conv_hr2x.1", 64, 32, kernel=3),
    _block("hr_branch.conv_hr2x.2", 32, 32, kernel=3),
    _block("hr_branch.conv_hr2x.3", 32, 32, kernel=3),
    _block("f_branch.conv_lr4x", 32, 32, kernel=5),
    _block("f_branch.conv_f2x", 2 * 32, 32, kernel=3),
    _block("f_branch.conv_f.0", 32 + 3, 16, kernel=3),
    Convolution("f_branch.conv_f.1.layers.0", (1, 16, 1, 1)),
)
"""The branches' convolutions, in the order in which they run."""


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from SE_BLOCK.items()
    for convolution in (*ENCODER, *BRANCHES):
        out_channels = convolution.shape[0]
        yield f"{convolution.name}.weight", convolution.shape
        yield f"{convolution.name}.bias", (out_channels,)
        if convolution.bnorm is not None:
            for parameter in BATCH_NORM_PARAMETERS:
                yield f"{convolution.bnorm}.{parameter}", (out_channels // 2,)


SHAPES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(dict(_shapes()))
"""Every tensor of a weight file; all are float32."""
