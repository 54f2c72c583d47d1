"""Weight files of every form, damaged and made up: refused with a reason, or right."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from onnx import TensorProto, helper

from livematte.errors import WeightsError
from livematte.network import layout, weights
from livematte.network.convert import convert
from tests.properties.cases import cases, clear_error_or_none
from tests.properties.damage import Damage, damages

NAMES = st.sampled_from([*list(layout.SHAPES)[:4], "__metadata__", "extra", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


def refused(path: Path) -> None:
    with pytest.raises(WeightsError) as raised:
        weights.read(path)
    assert raised.value.problem.endswith(".")
    assert len(str(raised.value)) < 2_000


def tensor_of(kind: str, shape: list[int], start: int, stop: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, stop]}


TENSORS = st.builds(
    tensor_of,
    st.sampled_from(["F32", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "F64", "", "X"]),
    st.lists(st.integers(-1, 3) | st.sampled_from([2**31, 2**63]), max_size=4),
    st.integers(0, 8) | st.integers(),
    st.integers(0, 8) | st.integers(),
)


@cases(
    200,
    header=st.dictionaries(NAMES, TENSORS | JSON, max_size=4) | JSON,
    tail=st.binary(max_size=16),
    length=st.none() | st.integers(0, 2**64 - 1),
)
def test_safetensors_headers(folder: Path, header: Any, tail: bytes, length: int | None) -> None:
    text = json.dumps(header).encode()
    path = folder / "header.safetensors"
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + tail)
    refused(path)
    with pytest.raises(WeightsError):
        weights.tensors_sha256(path)


@cases(100, data=st.binary(max_size=200))
def test_no_safetensors_at_all(folder: Path, data: bytes) -> None:
    path = folder / "garbage.safetensors"
    path.write_bytes(data)
    refused(path)


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return weights.find("photographic").read_bytes()


@cases(25, damage=damages())
def test_damage_to_real_weights_is_always_seen(
    shipped: bytes, folder: Path, damage: Damage
) -> None:
    damaged = damage(shipped)
    path = folder / "own.safetensors"
    path.write_bytes(damaged)
    try:
        state = weights.read(path)
    except WeightsError:
        return
    # The header may be written in another way, the numbers may not.
    whole = weights.read(weights.find("photographic"))
    assert all((state[name] == whole[name]).all() for name in whole)


METADATA = st.dictionaries(
    st.sampled_from(["livematte", "x"]), st.text(max_size=9) | JSON.map(json.dumps)
)


@cases(20, metadata=METADATA)
def test_any_metadata(shipped: bytes, folder: Path, metadata: dict[str, str]) -> None:
    length = int.from_bytes(shipped[:8], "little")
    header = json.loads(shipped[8 : 8 + length])
    header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    path = folder / "told.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + shipped[8 + length :])
    if "livematte" in metadata:
        refused(path)
    else:
        assert weights.read(path)


def not_converted(path: Path) -> None:
    target = path.with_name("target.safetensors")
    with pytest.raises(WeightsError) as raised:
        convert(path, target)
    assert raised.value.problem.endswith(".")
    assert not target.exists()


SHAPES = st.lists(st.integers(0, 4), max_size=4)
OPERATORS = ("Conv", "BatchNormalization", "MatMul", "Constant", "Identity", "Relu", "QLinearConv")
TENSOR_NAMES = st.sampled_from(["a", "b", "c", "d", ""])


@st.composite
def graphs(draw: st.DrawFn) -> bytes:
    """ONNX graphs of the operators that matter, with any inputs and parameters of any shape."""
    nodes = []
    for _ in range(draw(st.integers(0, 6))):
        inputs = draw(st.lists(TENSOR_NAMES, max_size=5))
        outputs = draw(st.lists(TENSOR_NAMES, max_size=2))
        nodes.append(helper.make_node(draw(st.sampled_from(OPERATORS)), inputs, outputs))
    tensors = []
    for name in draw(st.lists(TENSOR_NAMES, max_size=4)):
        tensor = TensorProto()
        tensor.name = name
        tensor.data_type = draw(st.sampled_from([1, 1, 1, 7, 10, 16, 0, 99]))
        tensor.dims.extend(draw(SHAPES | st.just([2**40])))
        tensor.raw_data = draw(st.binary(max_size=8)) * draw(st.integers(0, 8))
        if draw(st.booleans()):
            tensor.data_location = TensorProto.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", draw(st.sampled_from(["/etc/passwd", "../x", ""]))
        tensors.append(tensor)
    graph = helper.make_graph(nodes, "graph", [], [], tensors)
    data: bytes = helper.make_model(graph).SerializeToString()
    return data


@cases(200, data=graphs() | st.binary(max_size=100))
def test_onnx_files_that_are_no_modnet(folder: Path, data: bytes) -> None:
    path = folder / "network.onnx"
    path.write_bytes(data)
    not_converted(path)


@cases(80, graph=graphs(), damage=damages())
def test_damaged_onnx_files(folder: Path, graph: bytes, damage: Damage) -> None:
    path = folder / "damaged.onnx"
    path.write_bytes(damage(graph))
    not_converted(path)


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


FIRST = "backbone.model.features.0.0.weight"
VALUES: Final[Sequence[Any]] = (
    torch.zeros(32, 3, 3, 3),
    torch.zeros(32, 3, 3, 3, dtype=torch.int64),
    torch.zeros(32, 3, 3, 3, dtype=torch.complex64),
    torch.zeros(3, 3).to_sparse(),
    torch.zeros(1).expand(10**6, 10**6),
    torch.zeros(2, dtype=torch.bfloat16),
    torch.zeros(2, requires_grad=True),
    torch.empty(4, device="meta"),
    7,
    "text",
    None,
    [1],
)
# By their places: Hypothesis would print them.
PLACES = st.integers(0, len(VALUES) - 1)
CONTENTS = st.dictionaries(
    st.sampled_from([FIRST, f"module.{FIRST}", "x"]) | st.integers(0, 9), PLACES
)


@cases(120, content=CONTENTS | CONTENTS.map(lambda state: {"state_dict": state}) | PLACES)
def test_checkpoints_that_are_no_modnet(folder: Path, content: Any) -> None:
    def filled(content: Any) -> Any:
        if isinstance(content, dict):
            return {name: filled(value) for name, value in content.items()}
        return VALUES[content]

    path = folder / "network.ckpt"
    path.write_bytes(saved(filled(content)))
    not_converted(path)


CHECKPOINT = saved({FIRST: torch.zeros(32, 3, 3, 3), "x": torch.ones(5)})


@cases(120, data=st.binary(max_size=200) | damages().map(lambda damage: damage(CHECKPOINT)))
def test_damaged_checkpoints(folder: Path, data: bytes) -> None:
    path = folder / "damaged.ckpt"
    path.write_bytes(data)
    not_converted(path)


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights and their int8 form as somebody's own, the .xml telling where from."""
    folder = tmp_path_factory.mktemp("int8")
    source = weights.find("photographic")
    own = Path(shutil.copy(source, folder / "own.safetensors"))
    graph = weights.quantized_path(source)
    shutil.copy(graph, weights.quantized_path(own))
    shutil.copy(graph.with_suffix(".bin"), weights.quantized_path(own).with_suffix(".bin"))
    weights.read_quantized(weights.quantized_path(own))
    return weights.quantized_path(own)


@cases(40, damage=damages(), suffix=st.sampled_from([".xml", ".bin"]))
def test_damaged_int8_forms(int8: Path, damage: Damage, suffix: str) -> None:
    path = int8.with_suffix(suffix)
    whole = path.read_bytes()
    try:
        path.write_bytes(damage(whole))
        changed = path.read_bytes() != whole
        # What the .xml says of itself is checked; how else it may be damaged, OpenVINO sees.
        passed = False
        with clear_error_or_none():
            weights.read_quantized(int8)
            passed = True
        assert passed or changed
        assert not passed or suffix == ".xml" or not changed, "damaged numbers passed"
    finally:
        path.write_bytes(whole)


@cases(
    60,
    text=st.text(max_size=60)
    | st.sampled_from(["<a/>", "<net><rt_info><livematte/></rt_info></net>"]),
)
def test_int8_forms_that_are_none(int8: Path, text: str) -> None:
    whole = int8.read_bytes()
    try:
        int8.write_text(text, encoding="utf-8", errors="replace")
        with pytest.raises(WeightsError):
            weights.read_quantized(int8)
    finally:
        int8.write_bytes(whole)


def test_an_xml_that_grows_to_gigabytes_is_refused(int8: Path) -> None:
    whole = int8.read_bytes()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    try:
        int8.write_text(f'<!DOCTYPE net [<!ENTITY l0 "lol">{laughs}]><net>&l11;</net>')
        with pytest.raises(WeightsError, match="damaged"):
            weights.read_quantized(int8)
    finally:
        int8.write_bytes(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("ending", [".safetensors", ".onnx", ".ckpt"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, ending: str) -> None:
    pipe, endless = tmp_path / f"pipe{ending}", tmp_path / f"endless{ending}"
    os.mkfifo(pipe)
    endless.symlink_to("/dev/zero")
    for path in (pipe, endless):
        with pytest.raises(WeightsError, match="is not a file"):
            weights.read(path) if ending == ".safetensors" else convert(path)


@pytest.mark.parametrize("ending", [".safetensors", ".onnx", ".ckpt"])
def test_huge_files_are_refused_unread(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"huge{ending}"
    path.touch()
    os.truncate(path, 100 << 30)
    with pytest.raises(WeightsError, match="far more"):
        weights.read(path) if ending == ".safetensors" else convert(path)


def test_a_pickle_that_would_run_something_does_not(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "exploded",)

    (tmp_path / "bomb.ckpt").write_bytes(pickle.dumps(Bomb()))
    with zipfile.ZipFile(tmp_path / "bomb2.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb(), protocol=2))
        archive.writestr("archive/version", "3\n")
    for name in ("bomb.ckpt", "bomb2.ckpt"):
        not_converted(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


def test_numbers_in_their_right_place_are_still_converted(tmp_path: Path) -> None:
    """The refusals above are worth something: what is right is not refused."""
    state = weights.read(weights.find("photographic"))
    path = tmp_path / "again.safetensors"
    path.write_bytes(weights.serialise(state, "x", "y"))
    again = weights.read(path)
    assert all(np.array_equal(again[name], state[name]) for name in state)
