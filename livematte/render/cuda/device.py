"""Implements `ring.Device` with `torch.cuda`.

All code for streams, events, pinned memory and graph capture is here. Every call names its stream:
PyTorch's current stream belongs to the thread and is easy to get wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mirror:
    """The same bytes on host and device.

    host: pinned (page-locked) memory, since copies from or to other memory block the thread.
    device: memory of the same shape and dtype on the device.
    """

    host: Tensor
    device: Tensor


@dataclass(eq=False)
class Work:
    """The work for one frame: upload some mirrors, replay a graph, download a mirror."""

    uploads: Sequence[Mirror]
    graph: Any
    result: Mirror


class CudaDevice:
    """`ring.Device` over `torch.cuda`."""

    def __init__(self, device: torch.device, cuda: Any = torch.cuda) -> None:
        """cuda: the CUDA module; a simulated one for tests without a GPU."""
        self._device = device
        self._cuda = cuda
        self._graph_memory = cuda.graph_pool_handle()

    def mirror(self, shape: tuple[int, ...], dtype: torch.dtype) -> Mirror:
        return Mirror(
            torch.zeros(shape, dtype=dtype, pin_memory=True),
            torch.zeros(shape, dtype=dtype, device=self._device),
        )

    def capture(self, run: Callable[[], None], stream: Any, rehearse: Callable[[], None]) -> Any:
        """Record everything that `run` queues as a graph, to replay it on `stream` with one call.

        `run` must not wait, and must use only memory with fixed addresses. All graphs share the
        memory for intermediate results: they are replayed on one stream, so never at the same time,
        and none reads what another left there.

        rehearse: does the same, without changing state that a frame in flight needs.
        """
        # Buffers were filled on the default stream, which other streams do not wait for.
        self._cuda.synchronize(self._device)
        # On a first run cuDNN measures its algorithms and libraries allocate their workspaces. A
        # capture allows neither.
        self.run(rehearse, stream)
        # Its inputs can be uploaded to next, by a stream that does not wait for this one.
        self._cuda.synchronize(self._device)
        graph = self._cuda.CUDAGraph()
        # In any other mode, a CUDA call on any other thread fails the capture.
        with self._cuda.graph(
            graph,
            pool=self._graph_memory,
            stream=stream,
            capture_error_mode="thread_local",
        ):
            run()
        return graph

    def run(self, action: Callable[[], None], stream: Any) -> None:
        """Queue what `action` does on `stream`, after everything queued there."""
        with self._cuda.stream(stream):
            action()

    def synchronize(self) -> None:
        """Wait for everything. Only for use before the first frame and after the last."""
        self._cuda.synchronize(self._device)

    def stream(self) -> Any:
        return self._cuda.Stream(device=self._device)

    def event(self) -> Any:
        return self._cuda.Event()

    def upload(self, work: Work, stream: Any) -> None:
        with self._cuda.stream(stream):
            for mirror in work.uploads:
                mirror.device.copy_(mirror.host, non_blocking=True)

    def compute(self, work: Work, stream: Any) -> None:
        with self._cuda.stream(stream):
            work.graph.replay()

    def download(self, work: Work, stream: Any) -> None:
        with self._cuda.stream(stream):
            work.result.host.copy_(work.result.device, non_blocking=True)

    def record(self, event: Any, stream: Any) -> None:
        event.record(stream)

    def wait(self, stream: Any, event: Any) -> None:
        stream.wait_event(event)

    def is_done(self, event: Any) -> bool:
        return bool(event.query())
