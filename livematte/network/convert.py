"""Convert the authors' files, .onnx and .ckpt, to livematte's weight files.

Three things change: the encoder's BatchNorm is folded into its convolutions, tensors that only
training needs are left out, and the encoder's tensors get the shorter names of `network.layout`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from livematte.errors import WeightsError
from livematte.media.whole_file import put_file
from livematte.network import layout, weights
from livematte.network.weights import BatchNorm, State, Weight

if TYPE_CHECKING:
    import onnx

_REMEDY: Final = "Use a float32 checkpoint of the official MODNet, or an ONNX export of one."
_QUANTISED_OPERATORS: Final = frozenset(
    {"ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv"}
)
_TRAINING_ONLY: Final = ("lr_branch.conv_lr.", "hr_branch.conv_hr.")
_ENCODER_AGAIN: Final = "lr_branch.backbone."
"""The official low-resolution branch also holds the encoder, so checkpoints contain it twice."""


def convert(source: Path, target: Path | None = None) -> Path:
    """Write the weights in `source` as a weight file; returns its path.

    source: an .onnx file, or a PyTorch checkpoint (.ckpt, .pt, .pth).
    target: a path that ends in .safetensors; next to the source if None. An existing file is
        replaced, but only by a complete one.

    Raises `WeightsError` if the source cannot be read or is not MODNet, or if the target cannot be
    written.
    """
    suffix = source.suffix.lower()
    if suffix not in weights.CONVERTIBLE_SUFFIXES:
        known = ", ".join(sorted(weights.CONVERTIBLE_SUFFIXES))
        raise WeightsError(
            f"{source} cannot be converted: its extension is not one of {known}.", _REMEDY
        )
    target = target or source.with_suffix(".safetensors")
    if target.suffix.lower() != ".safetensors":
        raise WeightsError(
            f"The weights cannot be written to {target}: they become a .safetensors file.",
            "Choose an output path that ends in .safetensors.",
        )
    source_sha256 = hashlib.sha256(weights.read_bytes(source, _REMEDY)).hexdigest()
    state = from_onnx(source) if suffix == ".onnx" else from_checkpoint(source)
    _write_whole(target, weights.serialise(state, source.name, source_sha256))
    return target


def from_onnx(path: Path) -> State:
    """The tensors of `network.layout.SHAPES` from an ONNX export of the official MODNet.

    Layers are identified by the order in which the graph runs them, because exporters rename the
    layers that they fold. The encoder's BatchNorm may be folded or separate.

    Raises `WeightsError` if the file cannot be read, is quantised, or is for another network.
    """
    graph = _read_onnx(path).graph
    try:
        state = _tensors(path, graph)
    except (IndexError, ValueError, TypeError) as error:
        if isinstance(error, WeightsError):
            raise
        # Operators without the inputs that they need, or parameters whose shapes do not fit.
        raise WeightsError(f"{path} is damaged or not a working network.", _REMEDY) from error
    weights.check(state, path, _REMEDY)
    return state


def _tensors(path: Path, graph: onnx.GraphProto) -> State:
    parameters = _Parameters(path, graph)
    convolutions: list[tuple[Weight, Weight]] = []
    bnorms: list[BatchNorm] = []
    matrices: list[Weight] = []
    convolved = ""
    for node in graph.node:
        if node.op_type in _QUANTISED_OPERATORS:
            raise WeightsError(f"{path} is quantised: it contains {node.op_type}.", _REMEDY)
        if node.op_type == "Conv":
            weight, *biases = (parameters[name] for name in node.input[1:])
            bias = biases[0] if biases else np.zeros(len(weight), np.float32)
            convolutions.append((weight, bias))
            convolved = node.output[0]
        elif node.op_type == "BatchNormalization":
            batch_norm = BatchNorm(*(parameters[name] for name in node.input[1:]))
            if node.input[0] == convolved:
                convolutions[-1] = weights.fold_batch_norm(*convolutions[-1], batch_norm)
            else:
                bnorms.append(batch_norm)
        elif node.op_type == "MatMul":
            matrices.append(np.ascontiguousarray(parameters[node.input[1]].T))

    layers = (*layout.ENCODER, *layout.BRANCHES)
    bnorm_names = [layer.bnorm for layer in layers if layer.bnorm is not None]
    for what, found, expected in (
        ("convolutions", len(convolutions), len(layers)),
        ("BatchNorms after a slice", len(bnorms), len(bnorm_names)),
        ("matrix products", len(matrices), len(layout.SE_BLOCK)),
    ):
        if found != expected:
            raise WeightsError(f"{path} has {found} {what}, but MODNet has {expected}.", _REMEDY)

    state: State = dict(zip(layout.SE_BLOCK, matrices, strict=True))
    for layer, (weight, bias) in zip(layers, convolutions, strict=True):
        state[f"{layer.name}.weight"], state[f"{layer.name}.bias"] = weight, bias
    for bnorm_name, batch_norm in zip(bnorm_names, bnorms, strict=True):
        for parameter, value in zip(layout.BATCH_NORM_PARAMETERS, batch_norm, strict=True):
            state[f"{bnorm_name}.{parameter}"] = value
    return state


class _Parameters:
    """The constant float32 tensors of an ONNX graph, by the names that its nodes use."""

    def __init__(self, path: Path, graph: onnx.GraphProto) -> None:
        self._path = path
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self._tensors[node.output[0]] = node.attribute[0].t
            # Exporters store equal tensors once, and refer to them by an Identity node.
            elif node.op_type == "Identity" and node.input[0] in self._tensors:
                self._tensors[node.output[0]] = self._tensors[node.input[0]]

    def __getitem__(self, name: str) -> Weight:
        import onnx.numpy_helper

        if name not in self._tensors:
            problem = f"{self._path} computes {name}, where MODNet has a stored parameter."
            raise WeightsError(problem, _REMEDY)
        try:
            array = onnx.numpy_helper.to_array(self._tensors[name])
        # For damaged tensors it raises almost anything, including MemoryError.
        except Exception as error:
            raise WeightsError(f"Tensor {name} in {self._path} is damaged.", _REMEDY) from error
        if array.dtype != np.float32:
            problem = f"{self._path} stores {name} as {array.dtype} instead of float32."
            raise WeightsError(problem, _REMEDY)
        return array


def from_checkpoint(path: Path) -> State:
    """The tensors of `network.layout.SHAPES` from a checkpoint in the official format.

    This is a state dict, bare or under the key "state_dict", in float32, with the encoder's
    BatchNorm separate; names may begin with DataParallel's prefix `module.`.

    Raises `WeightsError` if the file cannot be read, holds anything but plain data, or is for
    another network.
    """
    official = {
        name: tensor
        for name, tensor in _read_checkpoint(path)
        if not name.startswith((*_TRAINING_ONLY, _ENCODER_AGAIN))
        and not name.endswith(".num_batches_tracked")
    }

    def take(name: str, shape: tuple[int, ...]) -> Weight:
        if name not in official or official[name].shape != shape:
            problem = f"{path} lacks MODNet's tensor {name} of shape {shape}."
            raise WeightsError(problem, _REMEDY)
        return official.pop(name)

    state: State = {}
    for layer in layout.ENCODER:
        convolution = f"backbone.model.{layer.name}"
        block, _, place = convolution.rpartition(".")
        norm = f"{block}.{int(place) + 1}"
        weight = take(f"{convolution}.weight", layer.shape)
        batch_norm = BatchNorm(
            *(take(f"{norm}.{name}", layer.shape[:1]) for name in layout.BATCH_NORM_PARAMETERS)
        )
        no_bias = np.zeros_like(batch_norm.bias)
        weight, bias = weights.fold_batch_norm(weight, no_bias, batch_norm)
        state[f"{layer.name}.weight"], state[f"{layer.name}.bias"] = weight, bias
    state.update(official)
    weights.check(state, path, _REMEDY)
    return state


def _read_onnx(path: Path) -> onnx.ModelProto:
    import onnx

    try:
        return onnx.load(path, load_external_data=False)
    # A parser of untrusted bytes fails in many ways, and protobuf's errors share no builtin.
    except Exception as error:
        raise WeightsError(f"{path} is cut short, damaged or not an ONNX file.", _REMEDY) from error


def _read_checkpoint(path: Path) -> Iterator[tuple[str, Weight]]:
    """The names, without `module.`, and float32 tensors of a checkpoint, in its order."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # weights_only: the unpickler calls only functions that rebuild tensors and containers.
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    # A parser of untrusted bytes fails in many ways; PyTorch's own advice here is dangerous.
    except Exception as error:
        problem = f"{path} is cut short, damaged or not a checkpoint that holds only tensors."
        raise WeightsError(problem, _REMEDY) from error

    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise WeightsError(f"{path} is a checkpoint without a state dict.", _REMEDY)
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise WeightsError(f"{path} holds {name}, which is not a tensor.", _REMEDY)
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            problem = f"{path} stores {name} as {tensor.dtype} instead of float32."
            raise WeightsError(problem, _REMEDY)
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            raise WeightsError(f"{path} stores {name} in an unsupported form.", _REMEDY)
        yield name.removeprefix("module."), tensor.detach().resolve_neg().resolve_conj().numpy()


def _write_whole(target: Path, data: bytes) -> None:
    """`put_file`, but raise `WeightsError`."""
    try:
        put_file(target, data)
    except OSError as error:
        problem = f"{target} cannot be written ({error.strerror})."
        remedy = "Choose another output path, or check that its folder is writable and has space."
        raise WeightsError(problem, remedy) from error
