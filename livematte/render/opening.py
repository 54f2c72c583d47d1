"""The one place that chooses the backend for mattes, for live video, files and photos."""

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
"""The backends to try for each kind of device, best first."""

OpenedT = TypeVar("OpenedT")


def open_renderer(
    options: RenderOptions,
    frame_size: Size,
    on_change: Callable[[str], None] = lambda _sentence: None,
) -> OpenedRenderer:
    """Open the renderer for frames of `frame_size`.

    on_change: called with a sentence when the renderer could not use a cached network.

    Raises `DeviceError`, with every reason, if no requested device can be used with these options;
    `WeightsError` if the weights cannot be used.
    """
    return OpenedRenderer(
        *_first(options, lambda each: each.open_renderer(options, frame_size, on_change))
    )


def open_still_network(options: RenderOptions, parallel: int = 1) -> StillNetwork:
    """Open the network for single pictures. The options' size and refinement are ignored.

    parallel: how many threads will call it at once.

    Raises what `open_renderer` raises.
    """
    return _first(options, lambda each: each.open_still(options, parallel))[0]


def _first(options: RenderOptions, opened: Callable[[Backend], OpenedT]) -> tuple[OpenedT, str]:
    """What the first usable candidate opens, and why it was chosen.

    The reason is "" if the user chose the device.
    """
    weights.find(options.weights)  # bad weights fail on every backend
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
        return "Run `livematte doctor` to see what is missing, or reinstall livematte."
    return "Leave out --device, or choose --device cpu."
