"""The adapter: what exactly it says to `torch.cuda`, written down by one that only listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from livematte.render.cuda.device import CudaDevice, Mirror, Work

DEVICE = torch.device("cuda:1")


class Listener:
    """Stands in for `torch.cuda`; `said` is what was said to it, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def synchronize(self, device: Any) -> None:
        self.said.append(f"synchronize {device}")

    def graph_pool_handle(self) -> str:
        return "pool"

    def Stream(self, device: Any) -> str:  # noqa: N802
        return f"stream on {device}"

    def Event(self, **options: Any) -> Event:  # noqa: N802
        assert not options, "an event that takes times or wakes threads costs more"
        return Event(self)

    def CUDAGraph(self) -> Graph:  # noqa: N802
        return Graph(self)

    @contextmanager
    def stream(self, stream: str) -> Iterator[None]:
        self.said.append(f"on {stream}:")
        yield
        self.said.append("end")

    @contextmanager
    def graph(self, graph: Graph, **options: Any) -> Iterator[None]:
        self.said.append(f"capture {options}:")
        yield
        self.said.append("end")
        graph.is_captured = True


class Event:
    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def record(self, stream: Any) -> None:
        self.listener.said.append(f"record on {stream}")

    def query(self) -> bool:
        return True


class Graph:
    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.is_captured = False

    def replay(self) -> None:
        assert self.is_captured
        self.listener.said.append("replay")


class Stream:
    def __init__(self) -> None:
        self.waited_for: list[Any] = []

    def wait_event(self, event: Any) -> None:
        self.waited_for.append(event)


class Memory:
    """Stands in for a tensor."""

    def __init__(self, listener: Listener, name: str) -> None:
        self.listener = listener
        self.name = name

    def copy_(self, source: Memory, *, non_blocking: bool) -> None:
        assert non_blocking
        self.listener.said.append(f"{source.name} to {self.name}")


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def device(listener: Listener) -> CudaDevice:
    return CudaDevice(DEVICE, listener)


def mirror(listener: Listener, name: str) -> Mirror:
    sides: list[Any] = [Memory(listener, f"{side} {name}") for side in ("host", "device")]
    return Mirror(*sides)


def test_a_frame(listener: Listener, device: CudaDevice) -> None:
    graph = Graph(listener)
    graph.is_captured = True
    uploads = [mirror(listener, "frame"), mirror(listener, "picture")]
    work = Work(uploads, graph, mirror(listener, "result"))
    device.upload(work, "a")
    device.compute(work, "b")
    device.download(work, "c")
    assert listener.said == [
        *("on a:", "host frame to device frame", "host picture to device picture", "end"),
        *("on b:", "replay", "end"),
        *("on c:", "device result to host result", "end"),
    ]


def test_capture_warms_up_first_and_leaves_other_threads_alone(
    listener: Listener, device: CudaDevice
) -> None:
    graph = device.capture(
        lambda: listener.said.append("run"),
        "compute",
        rehearse=lambda: listener.said.append("rehearse"),
    )
    assert graph.is_captured
    options = {"pool": "pool", "stream": "compute", "capture_error_mode": "thread_local"}
    assert listener.said == [
        "synchronize cuda:1",
        *("on compute:", "rehearse", "end"),
        "synchronize cuda:1",
        *(f"capture {options}:", "run", "end"),
    ]


def test_streams_and_events(listener: Listener, device: CudaDevice) -> None:
    assert device.stream() == "stream on cuda:1"
    event, stream = device.event(), Stream()
    device.record(event, "a")
    device.wait(stream, event)
    assert listener.said == ["record on a"]
    assert stream.waited_for == [event]
    assert device.is_done(event)


def test_mirrors_are_pinned_on_the_host_and_alike(
    device: CudaDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(torch, "zeros", lambda shape, **options: made.append((shape, options)))
    device.mirror((4, 3), torch.uint8)
    assert made == [
        ((4, 3), {"dtype": torch.uint8, "pin_memory": True}),
        ((4, 3), {"dtype": torch.uint8, "device": DEVICE}),
    ]
