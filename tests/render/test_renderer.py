"""Which renderer is chosen, and what is said about it."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from livematte.backgrounds.parse import parse
from livematte.errors import DeviceError, UsageError
from livematte.frame import Frame, Image, Size
from livematte.options.refinement import DEFAULT, QUALITIES, Refinement
from livematte.render import renderer
from livematte.render.cuda import renderer as cuda
from livematte.render.finishing import Finisher
from livematte.render.openvino import network as openvino_network
from livematte.render.openvino.renderer import OpenVinoRenderer
from livematte.render.renderer import OpenedRenderer, open_renderer
from livematte.render.torch_cpu import TorchRenderer

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


def open_on(device: str, precision: str = "auto") -> OpenedRenderer:
    return open_renderer(
        device,
        frame_size=Size(320, 180),
        matte_short_side=224,
        weights_name="photographic",
        precision=precision,
    )


def test_the_cpu_is_taken_without_a_word_when_it_is_asked_for() -> None:
    choice = open_on("cpu")
    assert isinstance(choice.renderer, OpenVinoRenderer)
    assert re.fullmatch(
        r"OpenVINO (int8|fp32) on the CPU, matte at 384x224", choice.renderer.description
    )
    assert choice.reason == ""


def test_torch_is_taken_when_it_is_asked_for() -> None:
    choice = open_on("torch:cpu")
    assert isinstance(choice.renderer, TorchRenderer)
    assert choice.renderer.description == "PyTorch float32 on the CPU, matte at 384x224"
    assert choice.reason == ""


@pytest.mark.parametrize("device", ["cpu", "torch:cpu"])
def test_it_refines_as_it_was_wished_and_by_default(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    wished: list[Refinement] = []
    next_views = Finisher.next_views

    def watched(finisher: Finisher, pixels: Image, refinement: Refinement) -> tuple[bool, ...]:
        wished.append(refinement)
        return next_views(finisher, pixels, refinement)

    monkeypatch.setattr(Finisher, "next_views", watched)
    size, best = Size(320, 180), QUALITIES["best"]
    frame = Frame(np.zeros((180, 320, 3), np.uint8), 0, 0.0, 0.0)
    for wish in ({}, {"refinement": best}):
        renderer = open_renderer(
            device,
            frame_size=size,
            matte_short_side=96,
            weights_name="photographic",
            **wish,  # type: ignore[arg-type]
        ).renderer
        assert renderer.submit(frame, parse("navy"))
        renderer.close()
    assert wished == [DEFAULT, best]


def test_auto_takes_the_cpu_where_there_is_no_nvidia_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(renderer, "driver_problem", lambda: "no NVIDIA driver was found")
    choice = open_on("auto")
    assert isinstance(choice.renderer, OpenVinoRenderer)
    assert choice.reason == "no NVIDIA driver was found"


def test_torch_takes_over_where_openvino_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise ImportError("No module named 'openvino'")

    monkeypatch.setattr(openvino_network, "load_openvino", missing)
    choice = open_on("cpu")
    assert isinstance(choice.renderer, TorchRenderer)
    assert choice.reason == "OpenVINO cannot be used: No module named 'openvino'"
    with pytest.raises(DeviceError, match="OpenVINO cannot be used"):
        open_on("openvino:CPU")


@pytest.mark.parametrize(("has_dot_products", "expected"), [(True, "int8"), (False, "fp32")])
def test_int8_is_taken_where_the_processor_is_fast_at_it(
    monkeypatch: pytest.MonkeyPatch, has_dot_products: bool, expected: str
) -> None:
    monkeypatch.setattr(openvino_network, "has_int8_dot_product", lambda: has_dot_products)
    assert f"OpenVINO {expected} on the CPU" in open_on("cpu").renderer.description


def test_a_precision_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(DeviceError, match="PyTorch computes in fp32"):
        open_on("torch:cpu", "int8")
    with pytest.raises(UsageError, match="int4"):
        open_on("cpu", "int4")


def test_an_openvino_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DeviceError, match=r"OpenVINO finds no NPU\.7 here, only: CPU"):
        open_on("openvino:NPU.7")


def test_the_cpu_is_reached_without_loading_pytorch() -> None:
    """PyTorch takes seconds to load, which is most of the time until the first picture."""
    script = (
        "import sys\n"
        "from livematte.frame import Frame, Image, Size\n"
        "from livematte.render.renderer import open_renderer\n"
        "open_renderer('cpu', frame_size=Size(320, 180), matte_short_side=224,\n"
        "              weights_name='photographic')\n"
        "print('torch' in sys.modules)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "False"


def test_auto_takes_the_cpu_when_the_gpu_cannot_be_used_after_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def out_of_memory(*_: object, **__: object) -> None:
        raise DeviceError("cuda:0 has too little memory.", "Use the CPU.")

    monkeypatch.setattr(renderer, "driver_problem", lambda: None)
    monkeypatch.setattr(cuda, "cuda_problem", lambda _device: None)
    monkeypatch.setattr(cuda, "CudaRenderer", out_of_memory)
    assert open_on("auto").reason == "cuda:0 has too little memory"
    with pytest.raises(DeviceError, match="too little memory"):
        open_on("cuda")


@without_gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_device_that_is_named_and_cannot_be_used_is_an_error(device: str) -> None:
    with pytest.raises(DeviceError, match=rf"Device {device} cannot be used: .+--device cpu"):
        open_on(device)


@pytest.mark.parametrize(
    "device", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "openvino", "torch", "torch:cuda"]
)
def test_what_is_no_device_is_a_usage_error(device: str) -> None:
    with pytest.raises(UsageError, match="not known"):
        open_on(device)
