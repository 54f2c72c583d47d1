"""The network for single pictures, in OpenVINO."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.render.still import usable

if TYPE_CHECKING:
    from livematte.render.openvino.network import OpenVinoModel, Request

SIZES_KEPT: Final = 8
"""Compiled networks kept in memory: cameras and phones have few aspect ratios, each in portrait
and landscape, and some pictures are matted twice."""


class OpenVinoStillNetwork:
    """Compiles the network for each new size and keeps the last few."""

    def __init__(self, model: OpenVinoModel) -> None:
        """model: with one request per thread that calls `matte` at once."""
        self.description = f"OpenVINO {model.precision} on {model.device_name}"
        self._model = model
        self._requests: OrderedDict[Size, SimpleQueue[Request]] = OrderedDict()
        self._lock = threading.Lock()

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        with self._request(Size.of(pixels)) as request:
            np.copyto(request.pixels, pixels)
            request.start(lambda: None)
            request.wait()
            return usable(request.matte.copy())

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
