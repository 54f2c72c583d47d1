"""Quantise MODNet to int8 for OpenVINO, and measure how much that changes the matte.

The result is OpenVINO's own network format, two files: an .xml with the graph, which records what
it was made from, and a .bin with the numbers. `network.weights` finds and verifies them.

The method is NNCF's post-training quantisation: the network runs on a few real frames, and each
layer's scale is set from the values that occur. No frame is stored.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livematte.errors import UsageError, WeightsError
from livematte.frame import Image, Size
from livematte.matting.shrink import shrink
from livematte.network import layout, weights
from livematte.network.graph import build_modnet
from livematte.network.openvino_runtime import load_openvino
from livematte.network.size import DEFAULT_SHORT_SIDE, PIXEL_MEAN, PIXEL_SCALE, network_size

FLOAT_LAYERS: Final = tuple(layer.name for layer in layout.ENCODER[:3])
"""Convolutions that stay in float32: their input has few channels with very different ranges, and
an error there spreads through the whole network. `weights/README.md` has the measurement."""

# By default OpenVINO computes in bf16 if the CPU can, which is coarser than this int8.
_EXACT: Final = {"INFERENCE_PRECISION_HINT": "f32"}


class Difference(NamedTuple):
    """How much two mattes, from 0 to 1, differ.

    frames: how many were compared.
    mean, worst: the mean absolute difference over all pixels, for all frames and the worst frame.
    """

    frames: int
    mean: float
    worst: float


def quantize(source: Path, frames: Iterable[Image], target: Path | None = None) -> Path:
    """Write the int8 form of the weights in `source`; returns the path of its .xml.

    frames: for calibration, uint8 BGR (H, W, 3) of any size, showing people as the network will
        see them. About 80 are enough.
    target: a path that ends in .xml; where `weights.find_quantized` looks for it if None. The .bin
        is written next to it. Existing files are replaced, but only by complete ones.

    NNCF shows its progress on stdout.

    Raises `WeightsError` if NNCF is missing, the weights cannot be read or the target cannot be
    written, and `UsageError` if there are no frames or the target would replace the shipped one.
    """
    if target is None:
        target = weights.quantized_path(source)
        if target == weights.quantized_path(weights.find(weights.SHIPPED)):
            raise UsageError(
                f"The int8 form of the {weights.SHIPPED} weights comes with livematte, which "
                "accepts no other in its place.",
                "Give an output path, or quantise a copy of the weight file.",
            )
    if target.suffix.lower() != ".xml":
        raise WeightsError(
            f"The int8 weights cannot be written to {target}: they become an .xml file "
            "and a .bin file.",
            "Choose an output path that ends in .xml.",
        )
    # In this order: NNCF imports OpenVINO, which must not load its telemetry.
    openvino = load_openvino()
    try:
        import nncf
    except ImportError as error:
        raise WeightsError(
            f"Quantising needs NNCF, which cannot be imported ({error}).",
            "Run `pip install 'livematte[quantize]'` and try again.",
        ) from error
    nncf.set_log_level(logging.ERROR)
    model = build_modnet(weights.fold(weights.read(source)))
    pixels = [network_input(frame, DEFAULT_SHORT_SIDE) for frame in frames]
    if not pixels:
        raise UsageError(
            "There are no frames to calibrate with.", "Give pictures or videos of people."
        )
    quantized = nncf.quantize(
        model,
        nncf.Dataset(pixels),
        subset_size=len(pixels),
        # MIXED allows asymmetric activations: those after a ReLU do not lie around zero.
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=list(FLOAT_LAYERS)),
    )
    origin = {
        "tensors_sha256": weights.tensors_sha256(source),
        "calibration_frames": str(len(pixels)),
        "float_layers": ",".join(FLOAT_LAYERS),
        "nncf": nncf.__version__,
        "openvino": openvino.__version__,
    }
    _write_whole(openvino, quantized, origin, target)
    return target


def compare(
    source: Path, quantized: Path, frames: Iterable[Image], short_side: int = DEFAULT_SHORT_SIDE
) -> Difference:
    """Compare an int8 network's mattes of `frames`, uint8 BGR (H, W, 3), with float32's.

    source, quantized: the weight file, and the .xml that was made from it.
    short_side: the network's, in pixels.

    Raises `WeightsError` if one of them cannot be read, and `UsageError` if there are no frames.
    """
    openvino = load_openvino()
    core = openvino.Core()
    exact = build_modnet(weights.fold(weights.read(source)))
    try:
        networks = [
            core.compile_model(each, "CPU", _EXACT) for each in (exact, core.read_model(quantized))
        ]
    except RuntimeError as error:
        raise WeightsError(
            f"{quantized} is damaged or not an OpenVINO network.", weights.QUANTIZE_AGAIN
        ) from error
    differences = []
    for frame in frames:
        pixels = network_input(frame, short_side)
        expected, got = (np.asarray(network(pixels)[0]) for network in networks)
        differences.append(float(np.abs(expected - got).mean()))
    if not differences:
        raise UsageError("There are no frames to compare.", "Give pictures or videos of people.")
    return Difference(len(differences), float(np.mean(differences)), max(differences))


def network_input(frame: Image, short_side: int) -> NDArray[np.float32]:
    """The network's input for a frame (H, W, 3): float32 RGB (1, 3, h, w) in [-1, 1]."""
    size = network_size(Size.of(frame), short_side)
    small = np.empty((size.height, size.width, 3), np.uint8)
    shrink(frame, small)
    rgb = (small[..., ::-1].astype(np.float32) - PIXEL_MEAN) / PIXEL_SCALE
    return np.ascontiguousarray(rgb.transpose(2, 0, 1)[np.newaxis])


def _write_whole(openvino: Any, model: Any, origin: dict[str, str], target: Path) -> None:
    """Write both files under other names first, so that they appear only when complete."""
    try:
        with tempfile.TemporaryDirectory(prefix="quantize-", dir=target.parent) as folder:
            graph = Path(folder, target.name)
            numbers = graph.with_suffix(".bin")
            # Twice, because the .xml must record which .bin belongs to it.
            openvino.save_model(model, graph, compress_to_fp16=False)
            origin["bin_sha256"] = hashlib.sha256(numbers.read_bytes()).hexdigest()
            model.set_rt_info(origin, weights.QUANTIZED_ORIGIN)
            openvino.save_model(model, graph, compress_to_fp16=False)
            numbers.replace(target.with_suffix(".bin"))
            graph.replace(target)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "OpenVINO failed"
        raise WeightsError(
            f"{target} cannot be written ({reason}).",
            "Choose another output path, or check that its folder is writable and has space.",
        ) from error
