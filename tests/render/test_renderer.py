"""Which renderer is chosen, and what is said about it."""

from __future__ import annotations

import pytest
import torch

from livematte.errors import DeviceError, UsageError
from livematte.frame import Size
from livematte.render import cuda, cuda_probe
from livematte.render.cpu import CpuRenderer
from livematte.render.renderer import Choice, open_renderer

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


def open_on(device: str) -> Choice:
    return open_renderer(
        device, frame_size=Size(320, 180), matte_short_side=224, weights_name="photographic"
    )


def test_the_cpu_is_taken_without_a_word_when_it_is_asked_for() -> None:
    choice = open_on("cpu")
    assert isinstance(choice.renderer, CpuRenderer)
    assert choice.renderer.description == "PyTorch float32 on the CPU, matte at 384x224"
    assert choice.reason == ""


@without_gpu
def test_auto_takes_the_cpu_and_says_why() -> None:
    choice = open_on("auto")
    assert isinstance(choice.renderer, CpuRenderer)
    assert choice.reason == cuda_probe.cuda_problem("cuda:0")
    assert choice.reason


def test_auto_takes_the_cpu_when_the_gpu_cannot_be_used_after_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def out_of_memory(*_: object) -> None:
        raise DeviceError("cuda:0 has too little memory.", "Use the CPU.")

    monkeypatch.setattr(cuda, "cuda_problem", lambda _device: None)
    monkeypatch.setattr(cuda, "CudaRenderer", out_of_memory)
    assert open_on("auto").reason == "cuda:0 has too little memory."
    with pytest.raises(DeviceError, match="too little memory"):
        open_on("cuda")


@without_gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_device_that_is_named_and_cannot_be_used_is_an_error(device: str) -> None:
    with pytest.raises(DeviceError, match=rf"Device {device} cannot be used: .+--device cpu"):
        open_on(device)


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"])
def test_what_is_no_device_is_a_usage_error(device: str) -> None:
    with pytest.raises(UsageError, match="not known"):
        open_on(device)
