"""Which renderer is chosen, and what is said about it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from livematte.backgrounds.parse import parse
from livematte.errors import DeviceError, UsageError
from livematte.frame import Frame, Image, Size
from livematte.options.refinement import DEFAULT, QUALITIES, Refinement
from livematte.options.rendering import Device, RenderOptions
from livematte.render.cuda import backend
from livematte.render.cuda import renderer as cuda
from livematte.render.cuda import still as cuda_still
from livematte.render.finishing import Finisher
from livematte.render.opening import open_renderer, open_still_network
from livematte.render.openvino import backend as openvino_backend
from livematte.render.openvino import network as openvino_network
from livematte.render.openvino.renderer import OpenVinoRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.render.torch_cpu.renderer import TorchRenderer

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


def open_on(device: str, precision: str = "auto") -> OpenedRenderer:
    return open_renderer(
        RenderOptions(Device.parse(device), precision, matte_short_side=224), Size(320, 180)
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
    best = QUALITIES["best"]
    usual = RenderOptions(Device.parse(device), matte_short_side=96)
    frame = Frame(np.zeros((180, 320, 3), np.uint8), 0, 0.0, 0.0)
    for options in (usual, replace(usual, refinement=best)):
        renderer = open_renderer(options, frame.size).renderer
        assert renderer.submit(frame, parse("navy"))
        renderer.close()
    assert wished == [DEFAULT, best]


def live(options: RenderOptions) -> str:
    return open_renderer(options, Size(320, 180)).renderer.description


def photos(options: RenderOptions) -> str:
    return open_still_network(options).description


def lack(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a computer with a CUDA device, but for what it lacks."""

    def missing() -> None:
        raise ImportError("No module named 'openvino'")

    def out_of_memory(*_: object, **__: object) -> None:
        raise DeviceError("There is too little free memory on cuda:0.", "Use the CPU.")

    driver = "no NVIDIA driver was found" if "driver" in what else None
    monkeypatch.setattr(backend, "driver_problem", lambda: driver)
    monkeypatch.setattr(cuda, "cuda_problem", lambda _device: None)
    monkeypatch.setattr(cuda, "CudaRenderer", out_of_memory)
    monkeypatch.setattr(cuda_still, "CudaStillNetwork", out_of_memory)
    if "openvino" in what:
        monkeypatch.setattr(openvino_backend, "load_openvino", missing)


@pytest.mark.parametrize("opened", [live, photos])
@pytest.mark.parametrize(
    ("device", "precision", "lacks", "taken"),
    [
        ("auto", "fp32", "", "OpenVINO fp32 on the CPU"),  # too little memory on the GPU
        ("auto", "int8", "", "OpenVINO int8 on the CPU"),
        ("auto", "fp32", "driver", "OpenVINO fp32 on the CPU"),
        ("auto", "auto", "driver openvino", "PyTorch"),
        ("cpu", "fp32", "openvino", "PyTorch"),
        ("openvino:CPU", "fp32", "", "OpenVINO fp32 on the CPU"),
        ("torch:cpu", "auto", "openvino", "PyTorch"),
    ],
)
def test_photos_are_computed_by_what_live_pictures_are(
    opened: Callable[[RenderOptions], str],
    device: str,
    precision: str,
    lacks: str,
    taken: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lack(lacks, monkeypatch)
    options = RenderOptions(Device.parse(device), precision, matte_short_side=96)
    assert opened(options).startswith(taken)


@pytest.mark.parametrize("opened", [live, photos])
@pytest.mark.parametrize(
    ("device", "precision", "lacks", "reasons", "remedy"),
    [
        (
            *("auto", "int8", "driver openvino"),
            [
                "no NVIDIA driver",
                "OpenVINO cannot be used",
                "PyTorch on the CPU supports only fp32",
            ],
            "Leave out --precision",
        ),
        ("cpu", "fp16", "openvino", ["OpenVINO cannot", "not fp16"], "Leave out --precision"),
        ("cuda:1", "auto", "driver", ["Device cuda:1 cannot", "NVIDIA driver"], "--device cpu"),
        ("cuda", "int8", "", ["does not support int8"], "Leave out --precision"),
        ("cuda", "auto", "", ["too little free memory on cuda:0"], "Use the CPU"),
        (
            "torch:cpu",
            "int8",
            "",
            ["PyTorch on the CPU supports only fp32"],
            "Leave out --precision",
        ),
        ("openvino:NPU.7", "auto", "", ["does not find the device NPU.7"], "--device cpu"),
    ],
)
def test_where_nothing_can_be_used_every_reason_is_told(
    opened: Callable[[RenderOptions], str],
    device: str,
    precision: str,
    lacks: str,
    reasons: list[str],
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lack(lacks, monkeypatch)
    with pytest.raises(DeviceError) as raised:
        opened(RenderOptions(Device.parse(device), precision))
    assert [each for each in reasons if each not in raised.value.problem] == []
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("device", ["cpu", "torch:cpu"])
def test_the_importing_program_keeps_its_own_threads(device: str) -> None:
    """Theirs are properties of the process, as is its environment."""

    def own() -> tuple[object, ...]:
        return torch.get_num_threads(), cv2.getNumThreads(), dict(os.environ)

    before = own()
    options = RenderOptions(Device.parse(device), "fp32", 96, threads=1)
    renderer = open_renderer(options, Size(320, 180)).renderer
    assert renderer.submit(Frame(np.zeros((180, 320, 3), np.uint8), 0, 0.0, 0.0), parse("navy"))
    assert renderer.collect(20) is not None
    open_still_network(options).matte(np.zeros((96, 160, 3), np.uint8))
    renderer.close()
    assert own() == before


def test_auto_takes_the_cpu_where_there_is_no_nvidia_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend, "driver_problem", lambda: "no NVIDIA driver was found")
    choice = open_on("auto")
    assert isinstance(choice.renderer, OpenVinoRenderer)
    assert choice.reason == "no NVIDIA driver was found"


def test_torch_takes_over_where_openvino_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise ImportError("No module named 'openvino'")

    monkeypatch.setattr(openvino_backend, "load_openvino", missing)
    choice = open_on("cpu")
    assert isinstance(choice.renderer, TorchRenderer)
    assert choice.reason == "OpenVINO cannot be used: No module named 'openvino'"
    with pytest.raises(DeviceError, match="Device openvino:CPU cannot be used: OpenVINO cannot"):
        open_on("openvino:CPU")


@pytest.mark.parametrize(("has_dot_products", "expected"), [(True, "int8"), (False, "fp32")])
def test_int8_is_taken_where_the_processor_is_fast_at_it(
    monkeypatch: pytest.MonkeyPatch, has_dot_products: bool, expected: str
) -> None:
    monkeypatch.setattr(openvino_network, "has_int8_dot_product", lambda: has_dot_products)
    assert f"OpenVINO {expected} on the CPU" in open_on("cpu").renderer.description


def test_what_no_renderer_can_be_asked_for_is_refused_when_it_is_written_down() -> None:
    for wrong in ({"precision": "int4"}, {"matte_short_side": 0}, {"threads": 0}):
        with pytest.raises(UsageError):
            RenderOptions(**wrong)


def test_the_cpu_is_reached_without_loading_pytorch() -> None:
    """PyTorch takes seconds to load, which is most of the time until the first picture."""
    script = (
        "import sys\n"
        "from livematte.frame import Size\n"
        "from livematte.options.rendering import CPU, RenderOptions\n"
        "from livematte.render.opening import open_renderer\n"
        "open_renderer(RenderOptions(CPU, matte_short_side=224), Size(320, 180))\n"
        "print('torch' in sys.modules)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "False"


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
