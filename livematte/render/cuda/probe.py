"""Checks whether a CUDA device can be used, and at what precision.

Half precision is at least twice as fast on most devices, useless on some, and wrong on a few:
GeForce GTX 10xx computes it at 1/64 of its usual rate, and GTX 16xx has returned NaN from networks
like this one. The compute capability tells which devices are slow; a trial tells which are wrong.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor

from livematte.errors import DeviceError
from livematte.frame import Size
from livematte.render.cuda.frame import network_on
from livematte.render.probe import PROBE_TOLERANCE, probe_pixels

if TYPE_CHECKING:
    from livematte.network.modnet import MODNet

_FAST_HALF_FROM: Final = (7, 0)
_FAST_HALF_BEFORE: Final = ((6, 0),)
"""Compute capabilities where halves are faster than floats: all since Volta; before, only P100."""


class Precision(NamedTuple):
    """dtype: the network's. description: for the user, with the reason if it is the slower one."""

    dtype: torch.dtype
    description: str


def cuda_problem(device: str, cuda: Any = torch.cuda) -> str | None:
    """Why `device` ("cuda" or "cuda:N") cannot be used; None if it can.

    A clause for the middle of a sentence, without a full stop.
    """
    if torch.version.cuda is None:
        return "this PyTorch was built without CUDA"
    try:
        with warnings.catch_warnings():
            # PyTorch warns about devices that are too old or too new for it; checked below.
            warnings.simplefilter("ignore")
            cuda.init()
            count = cuda.device_count()
    except (RuntimeError, AssertionError) as error:
        return f"PyTorch could not start CUDA ({first_sentence(error)})"
    index = torch.device(device).index or 0
    if index >= count:
        names = " and ".join(f"cuda:{known}" for known in range(count))
        return f"PyTorch finds only {names}" if names else "PyTorch finds no CUDA device"
    capability = cuda.get_device_capability(index)
    if not _runs_on(capability, cuda.get_arch_list()):
        major, minor = capability
        return (
            f"this build of PyTorch does not support {cuda.get_device_name(index)} "
            f"(compute capability {major}.{minor})"
        )
    return None


def choose_precision(
    network: MODNet,
    matte_size: Size,
    device: torch.device,
    cuda: Any = torch.cuda,
    wanted: str = "auto",
) -> Precision:
    """The precision that is `wanted`; for "auto", float16 if it is fast and its matte correct.

    network: float32, in evaluation mode, on the CPU; its matte there is the reference.
    wanted: fp16, fp32 or auto.

    Raises `DeviceError` if the device's matte is wrong at that precision, for "auto" at both.
    """
    capability = cuda.get_device_capability(device)
    is_fast = capability >= _FAST_HALF_FROM or capability in _FAST_HALF_BEFORE
    pixels = torch.from_numpy(probe_pixels(matte_size))
    with torch.no_grad():
        expected = network(pixels)
        if wanted == "fp32":
            reason = "as requested"
        elif not is_fast and wanted == "auto":
            reason = "float16 is slow on this GPU"
        elif _is_right(network, pixels, expected, device, torch.float16):
            return Precision(torch.float16, "float16")
        elif wanted == "fp16":
            raise DeviceError(
                f"{cuda.get_device_name(device)} ({device}) computes wrong mattes in float16.",
                "Leave out --precision.",
            )
        else:
            reason = "float16 gives wrong mattes on this GPU"
        if _is_right(network, pixels, expected, device, torch.float32):
            return Precision(torch.float32, f"float32 ({reason})")
    raise DeviceError(
        f"{cuda.get_device_name(device)} ({device}) computes wrong mattes, even in float32.",
        "Update its driver, or use --device cpu.",
    )


def first_sentence(error: BaseException) -> str:
    """The first sentence of PyTorch's long errors, without its full stop."""
    return re.split(r"\.\s|\n", str(error).strip() or type(error).__name__)[0].rstrip(".")


def _runs_on(capability: tuple[int, int], built_for: list[str]) -> bool:
    """Whether code for any of `built_for` ("sm_86", "compute_90", ...) runs on the capability.

    Machine code (sm) runs on later devices of the same generation, PTX (compute) on all later ones.
    A letter at the end ("sm_90a") limits the code to exactly that capability.
    """
    codes = re.findall(r"(sm|compute)_(\d+)(\d)([af]?)", " ".join(built_for))
    for kind, major, minor, tie in codes:
        code = int(major), int(minor)
        if code == capability:
            return True
        if code < capability and not tie and (kind == "compute" or code[0] == capability[0]):
            return True
    return False


def _is_right(
    network: MODNet, pixels: Tensor, expected: Tensor, device: torch.device, dtype: torch.dtype
) -> bool:
    pixels = pixels.to(device=device, dtype=dtype, memory_format=torch.channels_last)
    matte: Tensor = network_on(device, dtype, network)(pixels)
    difference = (matte.float().cpu() - expected).abs().mean()
    return difference.item() <= PROBE_TOLERANCE  # never true of NaN
