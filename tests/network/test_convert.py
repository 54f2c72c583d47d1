from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from livematte.errors import WeightsError
from livematte.frame import Size
from livematte.network import layout, weights
from livematte.network.convert import convert
from livematte.network.modnet import load_modnet
from tests.network.pictures import REFERENCE, astronaut

needs_reference = pytest.mark.skipif(
    not REFERENCE.exists(), reason="the authors' ONNX file is not beside the checkout"
)


def official_checkpoint() -> dict[str, torch.Tensor]:
    """The shipped weights in the form of the authors' checkpoints.

    The encoder's BatchNorms are unfolded again, with statistics at random, under the `module.` of
    DataParallel, beside all that only training needs; the encoder is there twice.
    """
    rng = np.random.default_rng(0)
    state = weights.read(weights.find("photographic"))
    official: dict[str, Any] = {
        name: tensor for name, tensor in state.items() if not name.startswith("features.")
    }
    for layer in layout.ENCODER:
        channels = layer.shape[0]
        gamma, variance = rng.uniform(0.5, 2, channels), rng.uniform(0.5, 2, channels)
        mean = rng.normal(0, 1, channels)
        scale = gamma / np.sqrt(variance + layout.BATCH_NORM_EPSILON)
        block, _, place = layer.name.rpartition(".")
        norm = f"{block}.{int(place) + 1}"
        for prefix in ("backbone.model.", "lr_branch.backbone.model."):
            official |= {
                f"{prefix}{layer.name}.weight": state[f"{layer.name}.weight"]
                / scale[:, None, None, None],
                f"{prefix}{norm}.weight": gamma,
                f"{prefix}{norm}.bias": state[f"{layer.name}.bias"] + mean * scale,
                f"{prefix}{norm}.running_mean": mean,
                f"{prefix}{norm}.running_var": variance,
                f"{prefix}{norm}.num_batches_tracked": np.array(7),
            }
    for branch in ("lr_branch.conv_lr", "hr_branch.conv_hr"):
        official[f"{branch}.layers.0.weight"] = rng.normal(size=(1, 32, 3, 3))
        official[f"{branch}.layers.0.bias"] = rng.normal(size=1)
    return {
        f"module.{name}": torch.tensor(
            value, dtype=torch.int64 if np.asarray(value).dtype.kind == "i" else torch.float32
        )
        for name, value in official.items()
    }


def matte(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    modnet = load_modnet(weights.fold(weights.read(path)))
    with torch.inference_mode():
        return np.asarray(modnet(torch.from_numpy(astronaut(Size(416, 224)))).numpy())


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "under state_dict"])
def test_an_official_checkpoint_becomes_the_same_network(tmp_path: Path, wrapped: bool) -> None:
    source = tmp_path / "official.ckpt"
    checkpoint = official_checkpoint()
    torch.save({"state_dict": checkpoint, "epoch": 40} if wrapped else checkpoint, source)
    made = convert(source)
    assert made == tmp_path / "official.safetensors"
    difference = np.abs(matte(made) - matte(weights.find("photographic")))
    assert difference.mean() < 1e-5
    assert difference.max() < 1e-3


@needs_reference
def test_the_authors_onnx_becomes_the_shipped_file_to_the_last_byte(tmp_path: Path) -> None:
    made = convert(REFERENCE, tmp_path / "made.safetensors")
    assert made.read_bytes() == weights.find("photographic").read_bytes()


@needs_reference
def test_names_of_an_own_export_do_not_matter(tmp_path: Path) -> None:
    model = onnx.load(REFERENCE)
    renamed = {each.name: f"onnx::{index}" for index, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = renamed[each.name]
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    onnx.save(model, tmp_path / "own.onnx")
    made = weights.read(convert(tmp_path / "own.onnx"))
    for name, tensor in weights.read(weights.find("photographic")).items():
        np.testing.assert_array_equal(made[name], tensor)


@needs_reference
def test_other_exporters_forms_give_the_same_tensors(tmp_path: Path) -> None:
    """One parameter in a Constant node, one behind an Identity, and a BatchNorm left unfolded."""
    model = onnx.load(REFERENCE)
    graph = model.graph
    tensors = {each.name: each for each in graph.initializer}
    first, second, third = [each for each in graph.node if each.op_type == "Conv"][:3]

    constant = tensors[first.input[1]]
    graph.initializer.remove(constant)
    prologue = [onnx.helper.make_node("Constant", [], [constant.name], value=constant)]
    prologue.append(onnx.helper.make_node("Identity", [second.input[1]], ["the same"]))
    second.input[1] = "the same"

    weight, bias = (numpy_helper.to_array(tensors[name]) for name in third.input[1:])
    scale = np.float32(2) / np.sqrt(np.float32(3) + np.float32(layout.BATCH_NORM_EPSILON))
    tensors[third.input[1]].CopyFrom(numpy_helper.from_array(weight / scale, third.input[1]))
    norm = {"gamma": bias * 0 + 2, "beta": bias, "mean": bias * 0, "variance": bias * 0 + 3}
    graph.initializer.extend(numpy_helper.from_array(norm[name], name) for name in norm)
    del third.input[2]
    place = list(graph.node).index(third) + 1
    output = third.output[0]
    third.output[0] = "convolved"
    normed = onnx.helper.make_node("BatchNormalization", ["convolved", *norm], [output])
    nodes = [*prologue, *graph.node[:place], normed, *graph.node[place:]]
    del graph.node[:]
    graph.node.extend(nodes)

    onnx.save(model, tmp_path / "own.onnx")
    made = weights.read(convert(tmp_path / "own.onnx"))
    for name, tensor in weights.read(weights.find("photographic")).items():
        np.testing.assert_allclose(made[name], tensor, rtol=1e-6, atol=0)


def drop_a_convolution(model: onnx.ModelProto) -> None:
    model.graph.node.remove(next(each for each in model.graph.node if each.op_type == "Conv"))


def halve_the_precision(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    half = numpy_helper.to_array(weight).astype(np.float16)
    weight.CopyFrom(numpy_helper.from_array(half, weight.name))


def quantise(model: onnx.ModelProto) -> None:
    next(each for each in model.graph.node if each.op_type == "Conv").op_type = "QLinearConv"


@needs_reference
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop_a_convolution, "convolutions, but MODNet has"),
        (halve_the_precision, "float16 instead of float32"),
        (quantise, "quantised"),
    ],
)
def test_another_onnx_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None], said: str
) -> None:
    model = onnx.load(REFERENCE)
    change(model)
    onnx.save(model, tmp_path / "own.onnx")
    with pytest.raises(WeightsError, match=said):
        convert(tmp_path / "own.onnx")
    assert not (tmp_path / "own.safetensors").exists()


@pytest.mark.parametrize("name", ["a.onnx", "a.ckpt"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", bytes(1000)])
def test_what_is_no_network_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        convert(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_checkpoint_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    checkpoint = official_checkpoint()
    del checkpoint["module.hr_branch.conv_enc2x.layers.0.weight"]
    torch.save(checkpoint, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match=r"hr_branch\.conv_enc2x\.layers\.0\.weight"):
        convert(tmp_path / "a.ckpt")


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self._path), "w")


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(tmp_path: Path) -> None:
    torch.save({"module.x": Bomb(tmp_path / "exploded")}, tmp_path / "bomb.ckpt")
    with pytest.raises(WeightsError, match=r"bomb\.ckpt"):
        convert(tmp_path / "bomb.ckpt")
    assert not (tmp_path / "exploded").exists()


def test_a_target_that_is_no_weight_file_or_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "a.ckpt"
    torch.save(official_checkpoint(), source)
    with pytest.raises(WeightsError, match=r"ends in \.safetensors"):
        convert(source, tmp_path / "a.ckpt2")
    with pytest.raises(WeightsError, match="cannot be written"):
        convert(source, tmp_path / "missing" / "a.safetensors")
