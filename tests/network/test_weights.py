from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from livematte.errors import WeightsError
from livematte.network import layout, weights

Damage = Callable[[Path], None]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the shipped weights at a path of the user's own."""
    return Path(shutil.copy(weights.find("photographic"), tmp_path / "own.safetensors"))


def test_the_shipped_weights_are_found_and_whole() -> None:
    state = weights.read(weights.find("photographic"))
    assert state.keys() == layout.SHAPES.keys()
    assert all(tensor.dtype == np.float32 for tensor in state.values())


def test_a_path_of_ones_own_is_read(own: Path) -> None:
    assert weights.read(weights.find(str(own))).keys() == weights.read(own).keys()


def test_the_shipped_file_must_be_the_very_one(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    monkeypatch.setattr(weights, "_shipped_path", lambda: own)
    weights.read(own)
    state = {name: tensor + 1 for name, tensor in weights.read(own).items()}
    own.write_bytes(weights.serialise(state, "x", "y"))
    with pytest.raises(WeightsError, match=r"not the file .* Reinstall livematte"):
        weights.read(own)


def test_weights_that_were_not_pulled_say_how() -> None:
    if weights.pulled_path("webcam").exists():
        pytest.skip("the webcam weights have been pulled here")
    with pytest.raises(WeightsError, match="weights pull webcam"):
        weights.find("webcam")


def test_a_pulled_file_must_come_from_the_official_checkpoint(
    monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    monkeypatch.setattr(weights, "pulled_path", lambda _name: own)
    with pytest.raises(WeightsError, match=r"official webcam .* weights pull webcam"):
        weights.read(weights.find("webcam"))


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_a_folder_is_no_file_of_weights(name: str) -> None:
    with pytest.raises(WeightsError, match="is a folder"):
        weights.find(name)


@pytest.mark.parametrize("name", ["", "nobody", "missing/file.safetensors"])
def test_what_does_not_exist_names_what_does(name: str) -> None:
    with pytest.raises(WeightsError, match=rf"{name}.*photographic and webcam"):
        weights.find(name)


@pytest.mark.parametrize("suffix", [".onnx", ".ckpt"])
def test_what_must_be_converted_first_says_how(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"my{suffix}"
    path.touch()
    with pytest.raises(WeightsError, match="livematte weights convert"):
        weights.find(str(path))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1_000_000])


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_text(path: Path) -> None:
    path.write_text("weights")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def remove(path: Path) -> None:
    path.unlink()


def make_huge(path: Path) -> None:
    os.truncate(path, 1 << 30)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def edit(path: Path, change: Callable[[weights.State], None]) -> None:
    state = {name: tensor.copy() for name, tensor in weights.read(path).items()}
    change(state)
    safetensors.numpy.save_file(state, path)


def leave_out_a_tensor(path: Path) -> None:
    edit(path, lambda state: void(state.pop("features.0.0.weight")))


def add_a_tensor(path: Path) -> None:
    edit(path, lambda state: state.update(extra=np.zeros(1, np.float32)))


def change_a_shape(path: Path) -> None:
    edit(path, lambda state: state.update({"features.0.0.bias": np.zeros(31, np.float32)}))


def halve_the_precision(path: Path) -> None:
    edit(path, lambda state: state.update({"features.0.0.bias": np.zeros(32, np.float16)}))


def make_infinite(path: Path) -> None:
    edit(path, lambda state: state["features.0.0.bias"].fill(np.inf))


def claim_enormous_sides(path: Path) -> None:
    header = b'{"x":{"dtype":"F32","shape":[0,9223372036854775808],"data_offsets":[0,0]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def void(_value: object) -> None:
    """Makes a statement of an expression."""


DAMAGES: dict[Damage, str] = {
    cut_short: "cut short",
    make_empty: "cut short",
    make_text: "cut short",
    make_folder: "folder",
    claim_enormous_sides: "cut short",
    remove: "does not exist",
    make_huge: "far more",
    flip_a_bit: "numbers have changed",
    leave_out_a_tensor: r"lacks MODNet's tensor features\.0\.0\.weight",
    add_a_tensor: "extra",
    change_a_shape: r"features\.0\.0\.bias .* \(31,\) instead of \(32,\)",
    halve_the_precision: "float16 instead of float32",
    make_infinite: "not finite",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_told_in_one_line_with_what_to_do(own: Path, damage: Damage) -> None:
    damage(own)
    with pytest.raises(WeightsError, match=DAMAGES[damage]) as raised:
        weights.read(own)
    assert str(own) in raised.value.problem
    assert "\n" not in str(raised.value)
    assert raised.value.remedy


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(own: Path) -> None:
    own.chmod(0)
    with pytest.raises(WeightsError, match="do not have permission to read"):
        weights.read(own)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return Path.touch, (Path(tmp_path / "exploded"),)  # type: ignore[return-value]

    path = tmp_path / "bomb.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(WeightsError):
        weights.read(path)
    assert not (tmp_path / "exploded").exists()
