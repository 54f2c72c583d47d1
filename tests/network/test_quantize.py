from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pytest

from livematte.errors import SourceError, UsageError, WeightsError
from livematte.frame import Image, Size
from livematte.network import layout, weights
from livematte.network.graph import openvino
from livematte.network.quantize import FLOAT_LAYERS, compare, network_input, quantize
from livematte.sources import Demo
from livematte.sources.samples import read_frames
from tests.lab import SHARED

SHIPPED: Final = weights.find("photographic")
WEBCAM: Final = SHARED / "media" / "webcam"
NOT_CALIBRATED_WITH: Final = (
    "doctor_960x540.mp4",
    "eat.mkv",
    "hungry.mkv",
    "night.mkv",
    "portrait_1280x720.mp4",
    "want.mkv",
)

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def int8() -> Path:
    """The .xml of the package."""
    quantized = weights.find_quantized(SHIPPED)
    assert quantized is not None
    return quantized


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The .xml beside a copy of the shipped weights, as a user would have made it."""
    shutil.copy(SHIPPED, tmp_path / "own.safetensors")
    for suffix in (".xml", ".bin"):
        made = weights.quantized_path(SHIPPED).with_suffix(suffix)
        shutil.copy(made, tmp_path / f"own_int8{suffix}")
    return tmp_path / "own_int8.xml"


def demo_frames(number: int) -> Iterator[Image]:
    with Demo(Size(360, 360), realtime=False) as demo:
        for frame in islice(demo.frames(), 0, 30 * number, 30):
            yield frame.image


def test_the_matte_of_the_demo_is_float32s(int8: Path) -> None:
    difference = compare(SHIPPED, int8, demo_frames(3))
    assert difference.frames == 3
    # On any processor; 0.4e-3 on one with VNNI. Float32 against itself would give 0.
    assert 1e-6 < difference.mean <= difference.worst < 0.004


@pytest.mark.skipif(not WEBCAM.exists(), reason="the clips are not beside the checkout")
def test_it_holds_what_is_promised_on_clips_it_was_not_calibrated_with(int8: Path) -> None:
    clips = [WEBCAM / name for name in NOT_CALIBRATED_WITH]
    difference = compare(SHIPPED, int8, read_frames(clips, per_clip=6))
    assert difference.frames == 6 * len(clips)
    assert difference.mean <= 0.004
    assert difference.worst <= 0.015


def test_all_but_the_first_layers_are_int8(int8: Path) -> None:
    assert tuple(layer.name for layer in layout.ENCODER[:3]) == FLOAT_LAYERS
    model = openvino.Core().read_model(int8)
    convolutions = [each for each in model.get_ops() if "Convolution" in each.get_type_name()]
    names = {each.get_friendly_name() for each in convolutions}
    assert names.issuperset(FLOAT_LAYERS)
    assert len(names) == 87  # two of each that has an IBNorm, and the SE block's matrices
    for convolution in convolutions:
        quantized = convolution.get_friendly_name() not in FLOAT_LAYERS
        assert (type_of_weight(convolution) == "i8") == quantized, convolution
        assert is_quantized(convolution.input_value(0).get_node()) == quantized, convolution


def type_of_weight(convolution: Any) -> str:
    node = convolution.input_value(1).get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return str(node.get_element_type().get_type_name())


def is_quantized(node: Any) -> bool:
    if node.get_type_name() == "Concat":
        return all(is_quantized(each.get_node()) for each in node.input_values())
    return bool(node.get_type_name() == "FakeQuantize")


def test_the_shipped_one_is_verified_and_found_beside_its_weights(int8: Path) -> None:
    assert int8 == SHIPPED.with_name("modnet_photographic_int8.xml")
    weights.read_quantized(int8)


def test_weights_without_an_int8_form(tmp_path: Path) -> None:
    assert weights.find_quantized(tmp_path / "own.safetensors") is None


def test_ones_own_is_verified(own: Path) -> None:
    assert weights.find_quantized(own.with_name("own.safetensors")) == own
    weights.read_quantized(own)


def tamper_with_the_graph(xml: Path) -> None:
    xml.write_bytes(xml.read_bytes().replace(b'"Sigmoid"', b'"Clamp"'))


def tamper_with_the_numbers(xml: Path) -> None:
    binary = xml.with_suffix(".bin")
    data = bytearray(binary.read_bytes())
    data[-1000] ^= 1
    binary.write_bytes(data)


def cut_the_graph_short(xml: Path) -> None:
    xml.write_bytes(xml.read_bytes()[:100_000])


def cut_the_numbers_short(xml: Path) -> None:
    binary = xml.with_suffix(".bin")
    binary.write_bytes(binary.read_bytes()[:100_000])


def remove_the_numbers(xml: Path) -> None:
    xml.with_suffix(".bin").unlink()


def forget_the_origin(xml: Path) -> None:
    xml.write_bytes(xml.read_bytes().replace(b"livematte>", b"other>"))


def change_the_weights(xml: Path) -> None:
    path = xml.with_name("own.safetensors")
    state = {name: tensor + 1 for name, tensor in weights.read(path).items()}
    path.write_bytes(weights.serialise(state, "x", "y"))


DAMAGES: dict[Damage, str] = {
    tamper_with_the_numbers: r"own_int8\.bin is damaged",
    cut_the_graph_short: r"own_int8\.xml is cut short",
    cut_the_numbers_short: r"own_int8\.bin is damaged",
    remove_the_numbers: r"own_int8\.bin does not exist",
    forget_the_origin: "does not record what it was made from",
    change_the_weights: r"made from other weights than .*own\.safetensors",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_is_not_the_weights_int8_form_is_refused(own: Path, damage: Damage) -> None:
    damage(own)
    with pytest.raises(WeightsError, match=DAMAGES[damage]) as raised:
        weights.read_quantized(own)
    assert "livematte weights quantize" in raised.value.remedy


@pytest.mark.parametrize(
    "damage",
    [
        tamper_with_the_graph,
        tamper_with_the_numbers,
        cut_the_graph_short,
        cut_the_numbers_short,
        remove_the_numbers,
    ],
    ids=lambda damage: damage.__name__,
)
def test_the_shipped_one_must_be_the_very_one(
    monkeypatch: pytest.MonkeyPatch, own: Path, damage: Damage
) -> None:
    monkeypatch.setattr(weights, "_shipped_path", lambda: own.with_name("own.safetensors"))
    weights.read_quantized(own)
    damage(own)
    with pytest.raises(WeightsError, match=r"not the file that|does not exist") as raised:
        weights.read_quantized(own)
    assert raised.value.remedy == "Reinstall livematte."


def test_line_ends_of_windows_are_no_damage(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    monkeypatch.setattr(weights, "_shipped_path", lambda: own.with_name("own.safetensors"))
    own.write_bytes(own.read_bytes().replace(b"\n", b"\r\n"))
    weights.read_quantized(own)


def test_the_hash_of_the_tensors_is_the_headers_or_their_own(tmp_path: Path) -> None:
    import safetensors.numpy

    anonymous = tmp_path / "anonymous.safetensors"
    safetensors.numpy.save_file(weights.read(SHIPPED), anonymous)
    assert weights.tensors_sha256(anonymous) == weights.tensors_sha256(SHIPPED)
    anonymous.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        weights.tensors_sha256(anonymous)


def test_it_quantises_and_says_from_what(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    source = Path(shutil.copy(SHIPPED, tmp_path / "own.safetensors"))
    made = quantize(source, demo_frames(2))
    assert made == weights.find_quantized(source)
    assert {each.name for each in tmp_path.iterdir()} == {
        "own.safetensors",
        "own_int8.xml",
        "own_int8.bin",
    }
    weights.read_quantized(made)
    origin = openvino.Core().read_model(made).get_rt_info(weights.QUANTIZED_ORIGIN)
    assert origin["calibration_frames"] == "2"
    assert origin["float_layers"].split(",") == list(FLOAT_LAYERS)
    assert compare(source, made, demo_frames(1)).worst < 0.015
    # It did not come from elsewhere, and NNCF brought no telemetry.
    assert made.read_bytes() != weights.quantized_path(SHIPPED).read_bytes()
    assert sys.modules["openvino_telemetry"] is None


def test_without_nncf_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(WeightsError, match=r"pip install 'livematte\[quantize\]'"):
        quantize(own.with_name("own.safetensors"), demo_frames(1))


def test_the_shipped_one_is_not_replaced_by_accident(
    monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    source = own.with_name("own.safetensors")
    monkeypatch.setattr(weights, "_shipped_path", lambda: source)
    with pytest.raises(UsageError, match="comes with livematte"):
        quantize(source, demo_frames(1))
    weights.read_quantized(own)


def test_it_refuses_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"ends in \.xml"):
        quantize(SHIPPED, demo_frames(1), tmp_path / "int8.bin")
    pytest.importorskip("nncf")
    with pytest.raises(UsageError, match="no frames"):
        quantize(SHIPPED, [], tmp_path / "int8.xml")
    with pytest.raises(UsageError, match="no frames"):
        compare(SHIPPED, weights.quantized_path(SHIPPED), [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_network_is_not_compared(tmp_path: Path) -> None:
    (tmp_path / "int8.xml").write_text("<net/>")
    with pytest.raises(WeightsError, match="not an OpenVINO network"):
        compare(SHIPPED, tmp_path / "int8.xml", demo_frames(1))


def test_the_network_is_fed_as_the_renderers_feed_it() -> None:
    orange = np.full((720, 1280, 3), (0, 128, 255), np.uint8)
    pixels = network_input(orange, short_side=288)
    assert pixels.shape == (1, 3, 288, 512)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels.mean((0, 2, 3)), (1, 0.5 / 127.5, -1), atol=1e-6)


def levels(frames: Iterator[Image]) -> list[int]:
    """The brightness of each frame in tens, which survives the codec.

    Of a list, because frames may be kept, though a source uses its memory again.
    """
    return [round(float(frame.mean()) / 10) for frame in list(frames)]


def test_frames_are_spread_over_a_clip_and_files_of_a_folder_come_in_order(tmp_path: Path) -> None:
    for name, level in (("b", 200), ("c", 220)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((48, 64, 3), level, np.uint8))
    (tmp_path / ".hidden").write_text("not looked at")
    clip = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for index in range(9):
        writer.write(np.full((48, 64, 3), 20 * index, np.uint8))
    writer.release()

    assert levels(read_frames([clip], per_clip=3)) == [0, 8, 16]
    assert levels(read_frames([clip], per_clip=None)) == list(range(0, 18, 2))
    assert levels(read_frames([clip], per_clip=99)) == list(range(0, 18, 2))
    assert levels(read_frames([tmp_path / "b.png", clip], per_clip=2)) == [20, 0, 16]
    assert levels(read_frames([tmp_path], per_clip=2)) == [0, 16, 20, 22]


def test_what_has_no_frames_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError, match=r"notes\.txt"):
        list(read_frames([tmp_path]))
    with pytest.raises(SourceError, match=r"missing\.mkv does not exist"):
        list(read_frames([tmp_path / "missing.mkv"]))
