"""What the ring asks of a device, said to `torch.cuda`.

All knowledge of streams, events, pinned memory and graph capture is here. Every call names its
stream: PyTorch's current stream is a property of the thread and a trap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mirror:
    """The same bytes on both sides.

    host: pinned (page-locked), since a copy from or to other memory blocks the thread.
    device: on the device, of the same shape and dtype.
    """

    host: Tensor
    device: Tensor


@dataclass(eq=False)
class Work:
    """What is done for one frame: upload some mirrors, replay a graph, download a mirror."""

    uploads: Sequence[Mirror]
    graph: Any
    result: Mirror


class CudaDevice:
    """`ring.Device` over `torch.cuda`."""

    def __init__(self, device: torch.device, cuda: Any = torch.cuda) -> None:
        """cuda: the module to speak to; another stands in for it where no GPU is."""
        self._device = device
        self._cuda = cuda
        self._graph_memory = cuda.graph_pool_handle()

    def mirror(self, shape: tuple[int, ...], dtype: torch.dtype) -> Mirror:
        return Mirror(
            torch.zeros(shape, dtype=dtype, pin_memory=True),
            torch.zeros(shape, dtype=dtype, device=self._device),
        )

    def capture(self, run: Callable[[], None], stream: Any, rehearse: Callable[[], None]) -> Any:
        """Record all that `run` queues as a graph, to be replayed on `stream` by one call.

        `run` must wait for nothing and use only memory that stays where it is. All graphs share the
        memory of what they compute on the way: they are replayed on one stream, so never at once,
        and none reads what another left there.

        rehearse: does the same, and leaves nothing behind that a frame in flight would miss.
        """
        # Buffers were filled on the default stream, which other streams do not wait for.
        self._cuda.synchronize(self._device)
        # A first run lets cuDNN measure its algorithms and libraries take their workspaces, which a
        # capture does not allow.
        self.run(rehearse, stream)
        # What it reads may be uploaded to next, by a stream that does not wait for this one.
        self._cuda.synchronize(self._device)
        graph = self._cuda.CUDAGraph()
        # Any other mode makes the calls of other threads, whatever they do, fail the capture.
        with self._cuda.graph(
            graph,
            pool=self._graph_memory,
            stream=stream,
            capture_error_mode="thread_local",
        ):
            run()
        return graph

    def run(self, action: Callable[[], None], stream: Any) -> None:
        """Queue what `action` does, to be done after all that is queued there."""
        with self._cuda.stream(stream):
            action()

    def synchronize(self) -> None:
        """Wait for everything: only before the first frame and after the last."""
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
