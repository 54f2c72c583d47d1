"""MODNet as an OpenVINO graph, from the same weights as `network.modnet`, without PyTorch.

It is the same network: functions here have the names of the modules there, and
`tests/network/test_graph.py` checks that the two agree. Only IBNorm differs. There it is one scale
and shift; here each half of the channels has its own convolution, because splitting a convolution's
output in two costs more than convolving twice (int8 at 512x288 on two cores: 35.2 ms instead of
37.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from livematte.network.layout import STAGES
from livematte.network.openvino_runtime import load_openvino

if TYPE_CHECKING:
    from openvino import Model, Node

openvino = load_openvino()
ops = openvino.opset15

NORM_EPSILON: Final = 1e-5
_HEIGHT_AND_WIDTH: Final = np.array([2, 3], np.int64)
_CHANNELS: Final = 1


def build_modnet(state: Mapping[str, NDArray[np.float32]]) -> Model:
    """(1, 3, H, W) float32 RGB in [-1, 1], multiples of 32, to the matte (1, 1, H, W) in [0, 1].

    state: every parameter by name, as `network.weights.fold` returns them.

    H and W are dynamic; `Model.reshape` sets them. Convolutions have their names in
    `network.layout`, those of an IBNorm followed by `.batch` or `.instance`.
    """
    return _Builder(state).modnet()


class _Builder:
    def __init__(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        self._state = state

    def modnet(self) -> Model:
        image = ops.parameter([1, 3, -1, -1], np.float32, name="image")
        enc2x, enc4x, enc32x = self.features(image)
        lr8x = self.lr_branch(enc32x)
        hr2x = self.hr_branch(image, enc2x, enc4x, lr8x)
        alpha = ops.result(self.f_branch(image, lr8x, hr2x), name="alpha")
        return openvino.Model([alpha], [image], "MODNet")

    def features(self, image: Node) -> tuple[Node, Node, Node]:
        """The encoder: features at 1/2, 1/4 and 1/32 of the picture's size."""
        outputs = [_relu6(self.convolution("features.0.0", image, stride=2))]
        for stage in STAGES:
            for block in range(stage.blocks):
                stride = stage.stride if block == 0 else 1
                name = f"features.{len(outputs)}.conv"
                outputs.append(self.inverted_residual(name, outputs[-1], stride, stage.expansion))
        enc32x = _relu6(self.convolution(f"features.{len(outputs)}.0", outputs[-1]))
        return outputs[1], outputs[3], enc32x

    def inverted_residual(self, name: str, x: Node, stride: int, expansion: int) -> Node:
        # In the official names, a convolution, its BatchNorm and ReLU6 take three numbers.
        place = 0 if expansion == 1 else 3
        y = x if expansion == 1 else _relu6(self.convolution(f"{name}.0", x))
        y = _relu6(self.convolution(f"{name}.{place}", y, stride))
        y = self.convolution(f"{name}.{place + 3}", y)
        return ops.add(x, y) if stride == 1 and _channels(x) == _channels(y) else y

    def lr_branch(self, enc32x: Node) -> Node:
        """Semantics: where the person is, at 1/8 of the picture's size."""
        lr16x = self.conv_ibnorm_relu("lr_branch.conv_lr16x", _resize(self.se_block(enc32x), 2))
        return self.conv_ibnorm_relu("lr_branch.conv_lr8x", _resize(lr16x, 2))

    def se_block(self, x: Node) -> Node:
        mean = ops.reduce_mean(x, _HEIGHT_AND_WIDTH, keep_dims=True)
        hidden = ops.relu(self.linear("lr_branch.se_block.fc.0", mean))
        return ops.multiply(x, ops.sigmoid(self.linear("lr_branch.se_block.fc.2", hidden)))

    def hr_branch(self, image: Node, enc2x: Node, enc4x: Node, lr8x: Node) -> Node:
        """Detail: what the edges look like, at 1/2 of the picture's size."""
        image2x = _resize(image, 1 / 2)
        image4x = _resize(image, 1 / 4)
        lr4x = _resize(lr8x, 2)

        enc2x = self.conv_ibnorm_relu("hr_branch.tohr_enc2x", enc2x)
        hr4x = self.conv_ibnorm_relu("hr_branch.conv_enc2x", _concat(image2x, enc2x), stride=2)
        enc4x = self.conv_ibnorm_relu("hr_branch.tohr_enc4x", enc4x)
        hr4x = self.conv_ibnorm_relu("hr_branch.conv_enc4x", _concat(hr4x, enc4x))
        hr4x = _concat(hr4x, lr4x, image4x)
        for index in range(3):
            hr4x = self.conv_ibnorm_relu(f"hr_branch.conv_hr4x.{index}", hr4x)
        hr2x = _concat(_resize(hr4x, 2), enc2x)
        for index in range(4):
            hr2x = self.conv_ibnorm_relu(f"hr_branch.conv_hr2x.{index}", hr2x)
        return hr2x

    def f_branch(self, image: Node, lr8x: Node, hr2x: Node) -> Node:
        """Combines semantics and detail to the matte, at the picture's size."""
        lr4x = self.conv_ibnorm_relu("f_branch.conv_lr4x", _resize(lr8x, 2))
        f2x = self.conv_ibnorm_relu("f_branch.conv_f2x", _concat(_resize(lr4x, 2), hr2x))
        f = self.conv_ibnorm_relu("f_branch.conv_f.0", _concat(_resize(f2x, 2), image))
        return ops.sigmoid(self.convolution("f_branch.conv_f.1.layers.0", f))

    def conv_ibnorm_relu(self, name: str, x: Node, stride: int = 1) -> Node:
        """BatchNorm (already folded) on half of the channels, InstanceNorm on the rest."""
        name = f"{name}.layers.0"
        half = len(self._state[f"{name}.bias"]) // 2
        batch = self.convolution(name, x, stride, slice(half), ".batch")
        instance = self.convolution(name, x, stride, slice(half, None), ".instance")
        instance = ops.mvn(instance, _HEIGHT_AND_WIDTH, True, NORM_EPSILON, "inside_sqrt")
        return ops.relu(_concat(batch, instance))

    def convolution(
        self, name: str, x: Node, stride: int = 1, channels: slice = slice(None), part: str = ""
    ) -> Node:
        """The convolution called `name`, or the `part` of it that makes these `channels`."""
        weight, bias = (self._state[f"{name}.{what}"][channels] for what in ("weight", "bias"))
        convolve = ops.convolution
        if weight.shape[1] != _channels(x):  # depthwise: each channel is a group
            convolve, weight = ops.group_convolution, weight[:, None]
        padding = [weight.shape[-1] // 2] * 2
        y = convolve(x, weight, [stride] * 2, padding, padding, [1, 1], name=name + part)
        return ops.add(y, bias[None, :, None, None])

    def linear(self, name: str, x: Node) -> Node:
        """A matrix product over the channels of (1, C, 1, 1)."""
        weight = self._state[f"{name}.weight"][:, :, None, None]
        return ops.convolution(x, weight, [1, 1], [0, 0], [0, 0], [1, 1], name=name)


def _channels(x: Node) -> int:
    return int(x.get_output_partial_shape(0)[_CHANNELS].get_length())


def _concat(*parts: Node) -> Node:
    return ops.concat(list(parts), _CHANNELS)


def _relu6(x: Node) -> Node:
    return ops.clamp(x, 0.0, 6.0)


def _resize(x: Node, scale: float) -> Node:
    # "linear_onnx", the mode closest to PyTorch's, is slower here and no more exact.
    scales = np.array([scale, scale], np.float32)
    return ops.interpolate(
        x,
        scales,
        "linear",
        "scales",
        coordinate_transformation_mode="half_pixel",
        axes=_HEIGHT_AND_WIDTH,
    )
