"""A device for the ring whose copies and computing are the executor's, on values of one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .executor import Event, Executor, Stream


@dataclass(eq=False)
class Buffer:
    name: str
    value: int | None = None

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False)
class RecordedWork:
    host_input: Buffer
    device_input: Buffer
    device_output: Buffer
    host_output: Buffer


class Counts(NamedTuple):
    """What must not grow once frames are running."""

    allocations: int
    synchronizations: int


class RecordingDevice:
    """`ring.Device`; computing a number is `computed(number)`."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.counts = Counts(0, 0)

    @staticmethod
    def computed(value: int | None) -> int | None:
        return None if value is None else 10 * value + 7

    def work(self) -> RecordedWork:
        return RecordedWork(*map(self.buffer, ("pinned in", "in", "out", "pinned out")))

    def buffer(self, name: str) -> Buffer:
        self.counts = self.counts._replace(allocations=self.counts.allocations + 1)
        return Buffer(f"{name} {self.counts.allocations}")

    def write(self, buffer: Buffer, value: int) -> None:
        self.executor.on_host("host write", writes=[buffer])
        buffer.value = value

    def read(self, buffer: Buffer) -> int | None:
        self.executor.on_host("host read", reads=[buffer])
        return buffer.value

    def synchronize(self) -> None:
        """No part of the protocol: for a planted mistake."""
        synchronizations = self.counts.synchronizations + 1
        self.counts = self.counts._replace(synchronizations=synchronizations)
        self.executor.synchronize()

    def stream(self) -> Stream:
        return self.executor.stream()

    def event(self) -> Event:
        return Event()

    def upload(self, work: RecordedWork, stream: Stream) -> None:
        self._queue("upload", work.host_input, work.device_input, stream)

    def compute(self, work: RecordedWork, stream: Stream) -> None:
        self._queue("compute", work.device_input, work.device_output, stream)

    def download(self, work: RecordedWork, stream: Stream) -> None:
        self._queue("download", work.device_output, work.host_output, stream)

    def record(self, event: Event, stream: Stream) -> None:
        self.executor.record(event, stream)

    def wait(self, stream: Stream, event: Event) -> None:
        self.executor.wait(stream, event)

    def is_done(self, event: Event) -> bool:
        return self.executor.is_done(event)

    def _queue(self, label: str, source: Buffer, target: Buffer, stream: Stream) -> None:
        def run() -> None:
            target.value = self.computed(source.value) if label == "compute" else source.value

        self.executor.queue(stream, label, run, reads=[source], writes=[target])
