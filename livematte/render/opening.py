"""The one place where it is chosen by what mattes are computed, live and of photos alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from livematte.errors import DeviceError
from livematte.network import weights
from livematte.options.rendering import Device, DeviceKind, RenderOptions
from livematte.render.cuda.backend import CudaBackend
from livematte.render.openvino.backend import OpenVinoBackend
from livematte.render.renderer import OpenedRenderer
from livematte.render.torch_cpu.backend import TorchCpuBackend

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.render.backend import Backend
    from livematte.render.still import StillNetwork

_ON_THE_CPU: Final[tuple[Backend, ...]] = (OpenVinoBackend("CPU"), TorchCpuBackend())

_CANDIDATES: Final[dict[DeviceKind, Callable[[Device], tuple[Backend, ...]]]] = {
    DeviceKind.AUTO: lambda _: (CudaBackend("cuda"), *_ON_THE_CPU),
    DeviceKind.CPU: lambda _: _ON_THE_CPU,
    DeviceKind.TORCH_CPU: lambda _: (TorchCpuBackend(),),
    DeviceKind.CUDA: lambda device: (CudaBackend(str(device)),),
    DeviceKind.OPENVINO: lambda device: (OpenVinoBackend(device.name),),
}
"""What is tried for each kind of device, the best first."""

OpenedT = TypeVar("OpenedT")


def open_renderer(
    options: RenderOptions,
    frame_size: Size,
    on_change: Callable[[str], None] = lambda _sentence: None,
) -> OpenedRenderer:
    """Open the renderer for frames of `frame_size`.

    on_change: told in a sentence when the renderer could not use what an earlier start has stored.

    Raises `DeviceError` if no device that is asked for can be used as is asked, with every reason;
    `WeightsError` if the weights cannot be used.
    """
    return OpenedRenderer(
        *_first(options, lambda each: each.open_renderer(options, frame_size, on_change))
    )


def open_still_network(options: RenderOptions, parallel: int = 1) -> StillNetwork:
    """The network for single pictures; of the options, size and refinement do not concern it.

    parallel: how many threads will ask at once.

    Raises what `open_renderer` raises.
    """
    return _first(options, lambda each: each.open_still(options, parallel))[0]


def _first(options: RenderOptions, opened: Callable[[Backend], OpenedT]) -> tuple[OpenedT, str]:
    """What the first candidate opens that can be used, and why it is that one.

    "" if that was not left to livematte.
    """
    weights.find(options.weights)  # what is wrong with these is wrong on all of them
    candidates = _CANDIDATES[options.device.kind](options.device)
    reasons: list[str] = []
    for backend in candidates:
        problem = backend.problem(options)
        if problem is None:
            try:
                chosen = opened(backend)
            except DeviceError as error:
                if len(candidates) == 1:
                    raise
                problem = error.problem.rstrip(".")
            else:
                if options.device.kind is DeviceKind.AUTO and not reasons:
                    reasons.append("a CUDA device was found")
                return chosen, "; ".join(reasons)
        reasons.append(problem)
    raise DeviceError(
        f"Device {options.device} cannot be used: {'; '.join(reasons)}.",
        _remedy(options),
    )


def _remedy(options: RenderOptions) -> str:
    if options.precision != "auto":
        return "Leave out --precision, or choose --device cpu."
    if options.device.kind in (DeviceKind.AUTO, DeviceKind.CPU):
        return "See what `livematte doctor` finds, or install livematte again."
    return "Leave out --device, or choose --device cpu."
