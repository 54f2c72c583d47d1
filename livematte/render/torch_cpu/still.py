"""The network for single pictures, in PyTorch on the CPU."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from livematte.network.modnet import normalise_
from livematte.render.still import usable
from livematte.render.torch_cpu.threads import threads

if TYPE_CHECKING:
    from livematte.frame import Image
    from livematte.network.modnet import MODNet


class TorchStillNetwork:
    """Computes one picture at a time."""

    description = "PyTorch fp32 on the CPU"

    def __init__(self, network: MODNet, thread_count: int | None = None) -> None:
        """network: float32, in evaluation mode."""
        self._network = network
        self._threads = thread_count
        self._lock = threading.Lock()

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        rgb = torch.from_numpy(np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None]))
        with self._lock, torch.inference_mode(), threads(self._threads):
            given = normalise_(rgb.float()).contiguous(memory_format=torch.channels_last)
            matte: NDArray[np.float32] = self._network(given)[0, 0].numpy()
        return usable(matte)
