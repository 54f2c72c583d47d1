"""Why a device cannot be used, and at what precision it can."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from livematte.errors import DeviceError
from livematte.frame import Size
from livematte.network.modnet import MODNet
from livematte.render.cuda.probe import Precision, choose_precision, cuda_problem, first_sentence
from livematte.render.cuda.renderer import CudaRenderer
from livematte.render.probe import probe_pixels

from .pictures import FRAME_SIZE, MATTE_SIZE
from .simulation import DEVICE, simulated_cuda


class Machine:
    """Stands in for `torch.cuda` on a machine with some devices."""

    def __init__(
        self,
        *capabilities: tuple[int, int],
        built_for: str = "sm_75 sm_80 sm_90a compute_90",
        error: Exception | None = None,
    ) -> None:
        self._capabilities = capabilities
        self._built_for = built_for.split()
        self._error = error

    def init(self) -> None:
        warnings.warn("Found a GPU of an age that PyTorch warns about.", stacklevel=2)
        if self._error is not None:
            raise self._error

    def device_count(self) -> int:
        return len(self._capabilities)

    def get_device_capability(self, index: int) -> tuple[int, int]:
        return self._capabilities[index]

    def get_device_name(self, index: int) -> str:
        return f"GPU {index}"

    def get_arch_list(self) -> list[str]:
        return self._built_for


@pytest.fixture
def _built_with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.8")


@pytest.mark.usefixtures("_built_with_cuda")
@pytest.mark.parametrize(
    ("device", "machine", "problem"),
    [
        ("cuda", Machine((8, 6)), None),
        ("cuda:1", Machine((5, 0), (7, 5)), None),
        ("cuda:0", Machine((9, 0)), None),
        ("cuda:0", Machine((12, 0)), None),  # by PTX
        ("cuda:1", Machine((8, 6)), "PyTorch finds only cuda:0"),
        ("cuda:2", Machine((8, 6), (8, 6)), "PyTorch finds only cuda:0 and cuda:1"),
        ("cuda", Machine(), "PyTorch finds no CUDA device"),
        (
            "cuda",
            Machine(error=RuntimeError("Found no NVIDIA driver on your system. Please check")),
            "PyTorch could not start CUDA (Found no NVIDIA driver on your system)",
        ),
        (
            "cuda:1",
            Machine((8, 6), (6, 1)),
            "this build of PyTorch does not support GPU 1 (compute capability 6.1)",
        ),
        (
            "cuda",
            Machine((12, 0), built_for="sm_80 sm_90a compute_90a"),
            "this build of PyTorch does not support GPU 0 (compute capability 12.0)",
        ),
        (
            "cuda",
            Machine((8, 0), built_for="sm_86"),
            "this build of PyTorch does not support GPU 0 (compute capability 8.0)",
        ),
    ],
)
def test_why_a_device_cannot_be_used(device: str, machine: Machine, problem: str | None) -> None:
    assert cuda_problem(device, machine) == problem


def test_a_pytorch_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert cuda_problem("cuda") == "this PyTorch was built without CUDA"


@pytest.fixture(scope="module")
def plain_network() -> Iterator[MODNet]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield MODNet().eval()
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("capability", "dtype", "description"),
    [
        ((6, 0), torch.float16, "float16"),
        ((6, 1), torch.float32, "float32 (float16 is slow on this GPU)"),
        ((7, 5), torch.float16, "float16"),
        ((12, 0), torch.float16, "float16"),
    ],
)
def test_precision_by_compute_capability(
    plain_network: MODNet, capability: tuple[int, int], dtype: torch.dtype, description: str
) -> None:
    with simulated_cuda(capability=capability) as cuda:
        precision = choose_precision(plain_network, MATTE_SIZE, DEVICE, cuda)
    assert precision == Precision(dtype, description)


class Spoilt(MODNet):
    """Returns NaN or a matte a little off, where `dtypes` are computed on the device."""

    dtypes: tuple[torch.dtype, ...] = ()
    error = float("nan")

    def forward(self, image: Tensor) -> Tensor:
        alpha = super().forward(image)
        is_spoilt = image.device.type == "cuda" and image.dtype in self.dtypes
        return alpha + self.error if is_spoilt else alpha


@pytest.mark.parametrize("error", [float("nan"), 0.02])
def test_a_wrong_float16_is_found_by_trying(error: float) -> None:
    network = Spoilt().eval()
    network.dtypes, network.error = (torch.float16,), error
    with simulated_cuda(capability=(7, 5)) as cuda:
        precision = choose_precision(network, MATTE_SIZE, DEVICE, cuda)
    assert precision == Precision(torch.float32, "float32 (float16 gives wrong mattes on this GPU)")


def test_a_device_that_is_wrong_in_float32_too_is_refused() -> None:
    network = Spoilt().eval()
    network.dtypes = (torch.float16, torch.float32)
    with (
        simulated_cuda(capability=(7, 5)) as cuda,
        pytest.raises(DeviceError, match="wrong mattes, even in float32"),
    ):
        choose_precision(network, MATTE_SIZE, DEVICE, cuda)


def test_the_renderer_reports_that_as_it_is() -> None:
    network = Spoilt().eval()
    network.dtypes = (torch.float16, torch.float32)
    with simulated_cuda() as cuda, pytest.raises(DeviceError, match=r"^NVIDIA Simulated"):
        CudaRenderer("cuda", FRAME_SIZE, MATTE_SIZE, network, cuda=cuda)


def test_the_probe_is_the_same_every_time_and_within_range() -> None:
    pixels = probe_pixels(Size(96, 64))
    assert pixels.shape == (1, 3, 64, 96)
    assert pixels.dtype == np.float32
    assert -1 <= pixels.min() < -0.5
    assert 0.5 < pixels.max() <= 1
    np.testing.assert_array_equal(pixels, probe_pixels(Size(96, 64)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("CUDA error: launch failure\nCompile with", "CUDA error: launch failure"),
        ("Out of memory. Tried 2.5 GiB.", "Out of memory"),
        ("Version 12.8 is too old.", "Version 12.8 is too old"),
        ("", "RuntimeError"),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(RuntimeError(text)) == sentence
