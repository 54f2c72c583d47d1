"""Which devices livematte can compute on, and which one it picks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from livematte.doctor.finding import Finding, note, ok, problem
from livematte.doctor.packages import reinstall
from livematte.text.counted import counted

if TYPE_CHECKING:
    import torch

PCI_DEVICES: Final = Path("/sys/bus/pci/devices")

_NVIDIA: Final = "0x10de"
_DISPLAY_CLASS: Final = "0x03"

INSTALL_DRIVER: Final = (
    "Install NVIDIA's newest driver from https://www.nvidia.com/drivers, or on Ubuntu with:",
    "sudo ubuntu-drivers install" if sys.platform == "linux" else "",
)

NOT_USED: Final = "is not available; using the CPU:"


def check_cuda() -> Iterator[Finding]:
    from livematte.render.cuda.driver import driver_problem

    reason = driver_problem()
    if reason is None:
        import torch

        from livematte.render.cuda.probe import cuda_problem

        yield from examine_cuda(cuda_problem("cuda"), torch.cuda, _computes_in)
    elif has_nvidia_card():
        yield problem(f"There is an NVIDIA card, but CUDA {NOT_USED} {reason}.", *INSTALL_DRIVER)
    else:
        yield note(f"CUDA {NOT_USED} {reason}.")


def examine_cuda(
    reason: str | None, cuda: Any, computes_in: Callable[[torch.device], str]
) -> Iterator[Finding]:
    """Check CUDA on a computer with NVIDIA's driver.

    reason: why there is no device, as `cuda_problem` returns it; None if there is one.
    cuda: the module torch.cuda.
    computes_in: the precision that gives correct mattes on a device; raises `DeviceError` if none.
    """
    import torch

    from livematte.errors import DeviceError

    if reason is not None:
        yield problem(f"There is a driver, but CUDA {NOT_USED} {reason}.", *_get_pytorch(reason))
        return
    for index in range(cuda.device_count()):
        major, minor = cuda.get_device_capability(index)
        name = (
            f"cuda:{index}: {cuda.get_device_name(index)}, compute capability {major}.{minor}, "
            f"PyTorch for CUDA {torch.version.cuda}"
        )
        try:
            precision = computes_in(torch.device("cuda", index))
        except DeviceError as error:
            yield problem(f"{name} {NOT_USED} {error.problem}", *INSTALL_DRIVER)
        else:
            used = "is used" if index == 0 else f"is used with --device cuda:{index}"
            yield ok(f"{name} {used}, in {precision}")


def _get_pytorch(reason: str) -> tuple[str, str]:
    if sys.platform == "linux" and "without CUDA" in reason:
        return "Install PyTorch with CUDA:", reinstall("torch", alone=False)
    return (
        "Update NVIDIA's driver, and install the PyTorch build for your card:",
        "https://pytorch.org/get-started/locally/",
    )


def _computes_in(device: torch.device) -> str:
    from livematte.frame import Size
    from livematte.network import weights
    from livematte.network.modnet import load_modnet
    from livematte.network.size import LIVE_SHORT_SIDE, network_size
    from livematte.render.cuda.probe import choose_precision

    network = load_modnet(weights.fold(weights.read(weights.find(weights.SHIPPED))))
    matte_size = network_size(Size(1280, 720), LIVE_SHORT_SIDE)
    return choose_precision(network, matte_size, device).description


def has_nvidia_card(devices: Path = PCI_DEVICES) -> bool:
    """Whether the kernel lists an NVIDIA card; False on systems other than Linux."""
    return any(
        (device / "vendor").read_text().strip() == _NVIDIA
        and (device / "class").read_text().startswith(_DISPLAY_CLASS)
        for device in devices.glob("*")
    )


def check_openvino() -> Iterator[Finding]:
    from livematte.network.openvino_runtime import load_openvino
    from livematte.render.processor import cores, has_int8_dot_product

    try:
        core = load_openvino().Core()
    except ImportError as error:
        yield problem(
            f"OpenVINO cannot be loaded ({error}); using PyTorch, at a third of the speed.",
            "Reinstall it:",
            reinstall("openvino"),
        )
        return
    for device in core.available_devices:
        name = core.get_property(device, "FULL_DEVICE_NAME")
        if device == "CPU":
            precision = "int8" if has_int8_dot_product() else "fp32, because it has no fast int8"
            yield ok(f"CPU, {name}, {counted(cores(), 'core')}, computes in {precision}")
        else:
            yield ok(f"{device}, {name}, is used with --device openvino:{device}")
