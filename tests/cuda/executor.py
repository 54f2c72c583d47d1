"""Streams that run in any order a device might choose, and a detector of races.

A GPU that happens to be quick hides most mistakes in ordering: the copy that nobody waited for was
done anyway. Here what is queued runs late and in random order, as far as events allow, so that
mistakes show as wrong values; and every access to memory carries a vector clock (Fidge; Mattern,
1988), so that two that nothing orders are found even when their values came out right.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from random import Random

Clock = dict[str, int]


@dataclass(frozen=True, eq=False)
class Operation:
    """Something that an actor (a stream, or the host) did, and what had happened before it."""

    label: str
    actor: str
    clock: Clock

    def is_before(self, other: Operation) -> bool:
        return other.clock.get(self.actor, 0) >= self.clock[self.actor]

    def may_overlap(self, other: Operation) -> bool:
        return not self.is_before(other) and not other.is_before(self)


@dataclass(eq=False)
class Actor:
    """The host or a stream: a name and how much of each other actor it has seen."""

    name: str
    clock: Clock = field(default_factory=dict)

    def act(self, label: str) -> Operation:
        self.clock[self.name] = self.clock.get(self.name, 0) + 1
        return Operation(label, self.name, dict(self.clock))

    def see(self, clock: Clock) -> None:
        for name, count in clock.items():
            self.clock[name] = max(self.clock.get(name, 0), count)


@dataclass(eq=False)
class Stream(Actor):
    """What is queued, and for each entry whether it may run yet."""

    queue: deque[tuple[Callable[[], bool], Callable[[], None]]] = field(default_factory=deque)


@dataclass(eq=False)
class Event:
    """What had happened at each of its records, and how many of them are done."""

    records: list[Clock] = field(default_factory=list)
    done: int = 0


class Executor:
    """Runs streams in a random order, and writes down `operations` and `races`."""

    def __init__(self, random: Random) -> None:
        self.operations: list[Operation] = []
        self.races: list[str] = []
        self._random = random
        self._host = Actor("host")
        self._streams: list[Stream] = []
        self._accesses: dict[Hashable, list[tuple[Operation, bool]]] = {}
        self._lock = threading.RLock()

    def stream(self) -> Stream:
        self._streams.append(Stream(f"stream {len(self._streams)}"))
        return self._streams[-1]

    def queue(
        self,
        stream: Stream,
        label: str,
        action: Callable[[], None],
        reads: Iterable[Hashable],
        writes: Iterable[Hashable],
    ) -> None:
        with self._lock:
            stream.see(self._host.clock)
            operation = stream.act(label)
            self.operations.append(operation)
            self._access(operation, reads, writes)
            stream.queue.append((lambda: True, action))
            self._run_some()

    def record(self, event: Event, stream: Stream) -> None:
        with self._lock:
            event.records.append(stream.act("record").clock)
            number = len(event.records)

            def pass_event() -> None:
                event.done = max(event.done, number)

            stream.queue.append((lambda: True, pass_event))

    def wait(self, stream: Stream, event: Event) -> None:
        """As on CUDA, for the last record so far; an event never recorded holds nobody up."""
        with self._lock:
            number = len(event.records)
            if number:
                stream.see(event.records[-1])
            stream.queue.append((lambda: event.done >= number, lambda: None))

    def is_done(self, event: Event) -> bool:
        with self._lock:
            self._run_some()
            if event.done < len(event.records):
                return False
            if event.records:
                self._host.see(event.records[-1])
            return True

    def synchronize(self) -> None:
        with self._lock:
            while self._run_one():
                pass
            assert not any(stream.queue for stream in self._streams), "deadlock"
            for stream in self._streams:
                self._host.see(stream.clock)

    def on_host(
        self, label: str, reads: Iterable[Hashable] = (), writes: Iterable[Hashable] = ()
    ) -> None:
        """The host touches memory itself."""
        with self._lock:
            self._access(self._host.act(label), reads, writes)

    def _run_some(self) -> None:
        for _ in range(self._random.choice((0, 0, 0, 1, 2, 5))):
            self._run_one()

    def _run_one(self) -> bool:
        ready = [stream for stream in self._streams if stream.queue and stream.queue[0][0]()]
        if ready:
            _, action = self._random.choice(ready).queue.popleft()
            action()
        return bool(ready)

    def _access(
        self, operation: Operation, reads: Iterable[Hashable], writes: Iterable[Hashable]
    ) -> None:
        for memory, is_write in [*((m, False) for m in reads), *((m, True) for m in writes)]:
            earlier = self._accesses.setdefault(memory, [])
            for other, other_is_write in earlier:
                if (is_write or other_is_write) and not other.is_before(operation):
                    self.races.append(f"{other.label} and {operation.label} race for {memory}")
            if is_write:
                earlier.clear()  # what comes after this write comes after all of those, or races
            earlier.append((operation, is_write))
