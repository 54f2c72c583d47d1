"""A `torch.cuda` whose tensors hold true numbers on the CPU and whose graphs are true replays.

With it the real renderer runs from end to end: its numbers can be compared, and every transfer,
allocation and wait is written down. It is stricter than a device where that finds mistakes:

- copies and graphs run late and in random order (`executor`), as far as events allow;
- capturing a graph leaves garbage in what it computed, and what was there before in what it would
  have changed: only a replay gives numbers;
- a replay repeats the operations on the memory they had, and fails if that was given back.

What each copy and graph reads and writes goes to the executor's detector of races.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from . import executor, fakeguard

aten = torch.ops.aten

DEVICE: Final = torch.device("cuda:0")
NAME: Final = "NVIDIA Simulated"


@dataclass(eq=False)
class Memory:
    """A piece of the device's memory, held by the tensors on it: given back with the last."""


class SimulatedTensor(torch.Tensor):
    """Says that it is on "cuda:0"; its values are `on_cpu`."""

    on_cpu: Tensor
    memory: Memory
    simulation: SimulatedCuda

    @staticmethod
    def __new__(cls, values: Tensor, memory: Memory, cuda: SimulatedCuda) -> SimulatedTensor:
        tensor: SimulatedTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=DEVICE,
        )
        tensor.on_cpu, tensor.memory, tensor.simulation = values, memory, cuda
        return tensor

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        simulation = next(tensor.simulation for tensor in _on_device((args, kwargs)))
        return simulation.dispatch(func, args, kwargs or {})


@dataclass(eq=False)
class Log:
    """What happened; a test clears it to look at a frame alone.

    copies: "upload" or "download" with the number of bytes, of copies that nobody waits for.
    kernels: operations on the device outside graphs.
    waits: whatever makes the host wait for the device.
    """

    copies: list[tuple[str, int]] = field(default_factory=list)
    replays: int = 0
    kernels: list[str] = field(default_factory=list)
    allocations: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)


class SimulatedStream:
    def __init__(self, cuda: SimulatedCuda) -> None:
        self.queued = cuda.executor.stream()
        self._executor = cuda.executor

    def wait_event(self, event: SimulatedEvent) -> None:
        self._executor.wait(self.queued, event.recorded)


class SimulatedEvent:
    def __init__(self, cuda: SimulatedCuda) -> None:
        self.recorded = executor.Event()
        self._cuda = cuda

    def record(self, stream: SimulatedStream) -> None:
        self._cuda.executor.record(self.recorded, stream.queued)

    def query(self) -> bool:
        return self._cuda.executor.is_done(self.recorded)


@dataclass(frozen=True, eq=False)
class Captured:
    """An operation in a graph. results: what it makes anew, to be written again by a replay."""

    func: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    results: list[Tensor]

    def replay(self) -> None:
        results = tree_leaves(self.func(*self.args, **self.kwargs))
        for result, new in zip(self.results, results, strict=bool(self.results)):
            result.copy_(new)


class SimulatedGraph:
    def __init__(self, cuda: SimulatedCuda) -> None:
        self.operations: list[Captured] = []
        self.own: set[Memory] = set()
        self.pool: Memory | None = None
        self._cuda = cuda
        self._before: dict[Memory, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._reads: list[weakref.ref[Memory]] = []
        self._writes: list[weakref.ref[Memory]] = []

    def add(self, operation: Captured, tensors: list[SimulatedTensor]) -> None:
        self.operations.append(operation)
        outside = [tensor for tensor in tensors if tensor.memory not in self.own]
        for tensor in outside:
            changes = operation.func._schema.is_mutable and tensor.on_cpu is operation.args[0]
            (self._writes if changes else self._reads).append(weakref.ref(tensor.memory))

    def note_before(self, target: SimulatedTensor) -> None:
        """Keep what is in memory of others, before an operation that changes it is tried out."""
        if target.memory not in self.own and target.memory not in self._before:
            storage = target.on_cpu.untyped_storage()
            self._before[target.memory] = storage, storage.clone()  # type: ignore[no-untyped-call]

    def end_capture(self) -> None:
        """Nothing was computed yet: leave garbage where results will be, and the rest as it was."""
        for operation in self.operations:
            for result in operation.results or operation.args[:1]:
                result.fill_(float("nan") if result.is_floating_point() else 85)
        for storage, before in self._before.values():
            storage.copy_(before)
        self._before.clear()

    def replay(self) -> None:
        self._cuda.log.replays += 1
        if self._cuda.replay_error is not None:
            raise self._cuda.replay_error
        stream = self._cuda.current_stream
        assert stream is not None, "a replay on the default stream"
        self._cuda.executor.queue(
            stream.queued,
            "replay",
            self._run,
            reads=map(self._alive, self._reads),
            writes=[self.pool, *map(self._alive, self._writes)],
        )

    def _run(self) -> None:
        for reference in self._reads + self._writes:
            self._alive(reference)
        with torch.no_grad():
            for operation in self.operations:
                operation.replay()

    @staticmethod
    def _alive(reference: weakref.ref[Memory]) -> Memory:
        memory = reference()
        assert memory is not None, "a graph uses memory that was given back"
        return memory


class SimulatedCuda:
    """Stands in for the module `torch.cuda`; see `simulated_cuda`."""

    def __init__(self, random: Random, capability: tuple[int, int]) -> None:
        self.executor = executor.Executor(random)
        self.log = Log()
        self.replay_error: RuntimeError | None = None
        self._capability = capability
        self._pinned: dict[int, Tensor] = {}
        self._current = threading.local()
        self._capturing: SimulatedGraph | None = None

    @property
    def current_stream(self) -> SimulatedStream | None:
        """The calling thread's stream; None is the default one."""
        stream: SimulatedStream | None = getattr(self._current, "stream", None)
        return stream

    # What follows is what the renderer uses of `torch.cuda`, under the names it has there.

    def init(self) -> None: ...

    def device_count(self) -> int:
        return 1

    def get_device_capability(self, _device: Any) -> tuple[int, int]:
        return self._capability

    def get_device_name(self, _device: Any) -> str:
        return NAME

    def get_arch_list(self) -> list[str]:
        return ["sm_60", "sm_70", "sm_80", "compute_80"]

    @contextmanager
    def device(self, _device: Any) -> Iterator[None]:
        yield

    @contextmanager
    def stream(self, stream: SimulatedStream) -> Iterator[None]:
        before = self.current_stream
        self._current.stream = stream
        try:
            yield
        finally:
            self._current.stream = before

    def synchronize(self, _device: Any) -> None:
        self._wait("synchronize")

    def graph_pool_handle(self) -> Memory:
        return Memory()

    def Stream(self, device: Any) -> SimulatedStream:  # noqa: N802
        return SimulatedStream(self)

    def Event(self) -> SimulatedEvent:  # noqa: N802
        return SimulatedEvent(self)

    def CUDAGraph(self) -> SimulatedGraph:  # noqa: N802
        return SimulatedGraph(self)

    @contextmanager
    def graph(
        self,
        cuda_graph: SimulatedGraph,
        *,
        pool: Memory,
        stream: SimulatedStream,
        capture_error_mode: str,
    ) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        cuda_graph.pool = pool
        with self.stream(stream):
            self._capturing = cuda_graph
            try:
                yield
            finally:
                self._capturing = None
        cuda_graph.end_capture()

    # What follows is the device.

    def dispatch(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run an operation of PyTorch's of which some tensor is on the device, or is to be."""
        tensors = _on_device((args, kwargs))
        device = kwargs.get("device")
        to_device = bool(tensors) if device is None else torch.device(device).type == "cuda"
        on_host = [
            leaf
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, Tensor) and not isinstance(leaf, SimulatedTensor) and leaf.dim() > 0
        ]
        if not tensors and not to_device:
            return self._on_host(func, args, kwargs)
        if func is aten.copy_.default and tensors and on_host:
            return self._copy(*args, **kwargs)
        if func is aten._to_copy.default and to_device != bool(tensors):
            self._wait("a copy by to() or cpu()")
        elif func is aten._local_scalar_dense.default:
            self._wait("a value taken to the host")
        elif on_host:
            raise RuntimeError(f"{func} on tensors of the device and the host")
        return self._run(func, args, kwargs, tensors, to_device)

    def _on_host(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if not kwargs.get("pin_memory"):
            return func(*args, **kwargs)
        pinned = func(*args, **{**kwargs, "pin_memory": False})
        self.log.allocations.append("pinned")
        self._pinned[pinned.untyped_storage().data_ptr()] = pinned
        return pinned

    def _copy(self, target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
        is_upload = isinstance(target, SimulatedTensor)
        host, device = (source, target) if is_upload else (target, source)
        assert isinstance(device, SimulatedTensor)
        address = host.untyped_storage().data_ptr()
        to, by = (device.on_cpu, host) if is_upload else (host, device.on_cpu)
        stream = self.current_stream
        if not non_blocking or address not in self._pinned or stream is None:
            self._wait("a copy that blocks")
            to.copy_(by)
        else:
            label = "upload" if is_upload else "download"
            self.log.copies.append((label, host.nbytes))
            places = ([address], [device.memory]) if is_upload else ([device.memory], [address])
            self.executor.queue(stream.queued, label, lambda: _assign(to, by), *places)
        return target

    def _run(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        tensors: list[SimulatedTensor],
        to_device: bool,
    ) -> Any:
        plain = {key: value for key, value in kwargs.items() if key != "pin_memory"}
        if "device" in plain:
            plain["device"] = torch.device("cpu")
        if self._capturing is not None and func._schema.is_mutable:
            assert isinstance(args[0], SimulatedTensor)
            self._capturing.note_before(args[0])
        values = tree_map(_values, args)
        plain = tree_map(_values, plain)
        result = func(*values, **plain)
        if not to_device:
            return result

        by_values = {id(tensor.on_cpu): tensor for tensor in tensors}
        by_storage = {tensor.on_cpu.untyped_storage().data_ptr(): tensor for tensor in tensors}
        fresh: list[Tensor] = []

        def wrap(out: Any) -> Any:
            if not isinstance(out, Tensor):
                return out
            if id(out) in by_values:  # changed in place
                return by_values[id(out)]
            viewed = by_storage.get(out.untyped_storage().data_ptr())
            if viewed is not None:
                return SimulatedTensor(out, viewed.memory, self)
            fresh.append(out)
            return SimulatedTensor(out, self._allocate(str(func)), self)

        wrapped = tree_map(wrap, result)
        is_view = not fresh and not func._schema.is_mutable
        if self._capturing is not None and not is_view:
            self._capturing.add(Captured(func, values, plain, fresh), tensors)
        elif not is_view:
            self.log.kernels.append(str(func))
        return wrapped

    def _allocate(self, what: str) -> Memory:
        memory = Memory()
        if self._capturing is None:
            self.log.allocations.append(what)
        else:
            self._capturing.own.add(memory)
        return memory

    def _wait(self, what: str) -> None:
        if self._capturing is not None:
            raise RuntimeError(f"{what}: not permitted when a stream is capturing")
        self.log.waits.append(what)
        self.executor.synchronize()


class _Everywhere(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the operations that no simulated tensor takes part in yet: those that make them."""

    def __init__(self, cuda: SimulatedCuda) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cuda = cuda

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return self._cuda.dispatch(func, args, kwargs or {})


@contextmanager
def simulated_cuda(
    *, seed: int = 0, capability: tuple[int, int] = (8, 6)
) -> Iterator[SimulatedCuda]:
    """Within it, this thread may make tensors on "cuda:0"."""
    try:
        fakeguard.install()
    except LookupError as error:
        pytest.skip(str(error))
    cuda = SimulatedCuda(Random(seed), capability)
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    # Else a module that is moved keeps its parameter objects, and they are no simulated tensors.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)
        patch.setattr(torch.version, "cuda", "simulated")
        try:
            with _Everywhere(cuda):
                yield cuda
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrites)


def _assign(target: Tensor, source: Tensor) -> None:
    target.copy_(source)


def _values(leaf: Any) -> Any:
    return leaf.on_cpu if isinstance(leaf, SimulatedTensor) else leaf


def _on_device(tree: Any) -> list[SimulatedTensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, SimulatedTensor)]
