"""The network for single pictures of any size, which may be asked by several threads at once."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from livematte.errors import DeviceError, MatteError
from livematte.frame import Image, Size
from livematte.matting.matte_guard import range_problem
from livematte.network import weights
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE
from livematte.render.cuda.driver import driver_problem
from livematte.render.renderer import check_device, check_precision

if TYPE_CHECKING:
    from livematte.network.modnet import MODNet
    from livematte.render.openvino.network import OpenVinoModel, Request

SIZES_KEPT: Final = 8
"""Compiled networks in memory: cameras and phones know few proportions, each upright and across,
and some pictures are looked at twice."""


class StillNetwork(Protocol):
    """Computes mattes, from any thread."""

    @property
    def description(self) -> str:
        """What the user is told: "OpenVINO fp32 on the CPU"."""
        ...

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        """The matte of a picture at the network's size: uint8 BGR (h, w, 3) to float32 (h, w).

        Values are in [0, 1].

        Raises `RenderError` if the network fails, and of these `MatteError` if numbers of the matte
        are no alpha.
        """
        ...


def open_still_network(
    device: str, weights_name: str, precision: str, threads: int | None, parallel: int
) -> StillNetwork:
    """The network for single pictures.

    device, weights_name, precision, threads: as for `renderer.open_renderer`; auto is the CPU
        where there is no CUDA device.
    parallel: how many threads will ask at once.

    Raises `DeviceError`, `WeightsError` and `UsageError` as `open_renderer` does.
    """
    check_device(device)
    check_precision(precision)
    path = weights.find(weights_name)
    if device.startswith("cuda") or (device == "auto" and driver_problem() is None):
        from livematte.render.cuda.renderer import cuda_problem

        name = "cuda:0" if device in ("auto", "cuda") else device
        problem = driver_problem() or cuda_problem(name)
        if problem is None:
            return TorchStillNetwork(weights.fold(weights.read(path)), name, precision)
        if device != "auto":
            raise DeviceError(
                f"Device {device} cannot be used: {problem}.",
                "Leave out --device, or choose --device cpu.",
            )
    if device != "torch:cpu":
        from livematte.render.openvino.network import OpenVinoModel

        name = device.partition(":")[2] or "CPU"
        try:
            streams = min(parallel, threads or parallel)
            model = OpenVinoModel(
                name, path, precision, threads, streams=streams, requests=parallel
            )
            return OpenVinoStillNetwork(model)
        except ImportError as error:
            if device.startswith("openvino:"):
                raise DeviceError(
                    f"OpenVINO cannot be used: {error}.", "Install it again, or leave out --device."
                ) from error
    return TorchStillNetwork(weights.fold(weights.read(path)), "cpu", precision, threads)


class OpenVinoStillNetwork:
    """The network in OpenVINO, compiled for each size that comes; the last few are kept."""

    def __init__(self, model: OpenVinoModel) -> None:
        """model: with as many requests as threads will ask at once."""
        self.description = f"OpenVINO {model.precision} on {model.device_name}"
        self._model = model
        self._requests: OrderedDict[Size, SimpleQueue[Request]] = OrderedDict()
        self._lock = threading.Lock()

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        with self._request(Size.of(pixels)) as request:
            np.copyto(request.pixels, pixels)
            request.start(lambda: None)
            request.wait()
            return _usable(request.matte.copy())

    @contextmanager
    def _request(self, size: Size) -> Iterator[Request]:
        with self._lock:  # so that no size is compiled twice
            if size not in self._requests:
                self._requests[size] = self._compile(size)
            self._requests.move_to_end(size)
            requests = self._requests[size]
            while len(self._requests) > SIZES_KEPT:
                self._requests.popitem(last=False)
        request = requests.get()
        try:
            yield request
        finally:
            requests.put(request)

    def _compile(self, size: Size) -> SimpleQueue[Request]:
        requests: SimpleQueue[Request] = SimpleQueue()
        network = self._model.compile(size, lasting=False)
        for each in network.requests:
            requests.put(each)
        return requests


class TorchStillNetwork:
    """The network in PyTorch, one picture after the other."""

    def __init__(
        self, state: weights.State, device: str, precision: str, threads: int | None = None
    ) -> None:
        """Raises `DeviceError` for precisions other than fp32."""
        if precision not in ("auto", "fp32"):
            raise DeviceError(
                f"With PyTorch, photos are matted in fp32, not in {precision}.",
                "Leave out --precision, or choose --device cpu.",
            )
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # see `renderer._open_torch`
        import torch

        from livematte.network.modnet import load_modnet

        if threads is not None:
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._network: MODNet = load_modnet(state).to(self._device)
        name = "the CPU" if device == "cpu" else torch.cuda.get_device_name(self._device)
        self.description = f"PyTorch fp32 on {name}"
        self._lock = threading.Lock()

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        import torch

        rgb = np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None])
        with self._lock, torch.inference_mode():
            given = torch.from_numpy(rgb).to(self._device).float()
            given = given.sub_(PIXEL_MEAN).div_(PIXEL_SCALE)
            given = given.contiguous(memory_format=torch.channels_last)
            matte: NDArray[np.float32] = self._network(given)[0, 0].cpu().numpy()
        return _usable(matte)


def _usable(matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same matte. Raises `MatteError` if its numbers cannot be alpha."""
    if problem := range_problem(matte):
        raise MatteError(problem)
    return matte
