"""The network for single pictures, on an NVIDIA GPU."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from livematte.errors import DeviceError, RenderError
from livematte.frame import Size
from livematte.network.modnet import normalise_
from livematte.network.size import DEFAULT_SHORT_SIDE, network_size
from livematte.render.cuda.calls import exact_float32, failing_as
from livematte.render.cuda.frame import network_on
from livematte.render.cuda.probe import choose_precision
from livematte.render.still import usable

if TYPE_CHECKING:
    from livematte.frame import Image
    from livematte.network.modnet import MODNet

_TRIED_SIZE: Final = network_size(Size(1280, 720), DEFAULT_SHORT_SIDE)
"""The size at which the device's matte is compared with the CPU's; photos can have any size."""


class CudaStillNetwork:
    """Computes one picture at a time."""

    def __init__(
        self, device: str, network: MODNet, precision: str, cuda: Any = torch.cuda
    ) -> None:
        """device: "cuda:N".

        network: float32, in evaluation mode, on the CPU; it is copied, not changed.
        precision: auto, fp16 or fp32.
        cuda: the CUDA module; a simulated one for tests without a GPU.

        Raises `DeviceError` if the device computes wrong mattes or has too little memory.
        """
        self._device = torch.device(device)
        with failing_as(DeviceError, self._device), exact_float32():
            chosen = choose_precision(network, _TRIED_SIZE, self._device, cuda, precision)
            self._network = network_on(self._device, chosen.dtype, network)
        self._dtype = chosen.dtype
        name = cuda.get_device_name(self._device)
        self.description = f"CUDA {chosen.description} on {name} ({self._device})"
        self._lock = threading.Lock()

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        rgb = torch.from_numpy(np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None]))
        with (
            self._lock,
            torch.inference_mode(),
            failing_as(RenderError, self._device),
            exact_float32(measure=False),
        ):
            given = normalise_(rgb.to(self._device).float())
            given = given.to(self._dtype, memory_format=torch.channels_last)
            matte: NDArray[np.float32] = self._network(given)[0, 0].float().cpu().numpy()
        return usable(matte)
