"""Slots in a ring, so that one frame is uploaded while another is computed and a third downloaded.

This file defines only the order of operations. A small protocol, `Device`, stands for the device:
`CudaDevice` (`render.cuda.device`) implements it for CUDA; the tests have one that runs the streams
in every order a device might choose and reports each race.

Each frame goes through three steps on three streams. Events keep the steps of one frame in order,
and let different frames overlap:

    upload stream      upload(n)  up▸       upload(n+1)  up▸    ...
    compute stream                ▸compute(n)  run▸      ▸compute(n+1)  run▸
    download stream                            ▸download(n)  down▸     ...
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

POLL_SECONDS: Final = 0.0005
"""How often to check a frame in flight. CUDA has no wait with a timeout, and a device that hangs
must not hang the program."""

WorkT = TypeVar("WorkT")
WorkT_contra = TypeVar("WorkT_contra", contravariant=True)
StreamT = TypeVar("StreamT")
EventT = TypeVar("EventT")


class Device(Protocol[WorkT_contra, StreamT, EventT]):
    """The operations that the ring needs. None waits: each call queues work or checks its state.

    A stream runs its queued work in order; streams run in parallel. An event recorded on a stream
    is done when everything queued there before it is done.
    """

    def stream(self) -> StreamT: ...
    def event(self) -> EventT: ...
    def upload(self, work: WorkT_contra, stream: StreamT) -> None: ...
    def compute(self, work: WorkT_contra, stream: StreamT) -> None: ...
    def download(self, work: WorkT_contra, stream: StreamT) -> None: ...
    def record(self, event: EventT, stream: StreamT) -> None: ...
    def wait(self, stream: StreamT, event: EventT) -> None: ...
    def is_done(self, event: EventT) -> bool: ...


@dataclass(eq=False)
class Slot(Generic[WorkT, EventT]):
    """The place of one frame: its work (buffers and what to do) and its three events."""

    work: WorkT
    up: EventT
    run: EventT
    down: EventT


class Ring(Generic[WorkT, StreamT, EventT]):
    """A first-in, first-out queue of frames through a device.

    A slot is in exactly one place: free, in flight, or leased to the last caller of `collect`. It
    becomes free again only after its download is done and the lease has ended, so its memory is
    never written while a device or a reader still uses it. There is one more slot than frames in
    flight, because one can be leased.

    One thread calls `free_slot`, `submit` and `close`; one thread, maybe another, calls `collect`.
    Only the first takes from the free slots and only the second takes from those in flight, so
    what either saw there stays true until it acts. A lock guards the moves themselves and is never
    held while the device is called.
    """

    def __init__(
        self, device: Device[WorkT, StreamT, EventT], works: Sequence[WorkT], compute: StreamT
    ) -> None:
        """works: the work of each slot; no two may share memory.

        compute: the stream to compute on; it must be the one that graphs were captured on.
        """
        self.depth: Final = len(works) - 1
        self._device = device
        self._upload = device.stream()
        self._compute = compute
        self._download = device.stream()
        self._free: deque[Slot[WorkT, EventT]] = deque(
            Slot(work, device.event(), device.event(), device.event()) for work in works
        )
        self._in_flight: deque[Slot[WorkT, EventT]] = deque()
        self._leased: Slot[WorkT, EventT] | None = None
        self._closed = False
        self._changed = threading.Condition()

    def free_slot(self) -> Slot[WorkT, EventT] | None:
        """The slot to fill for the next `submit`; None while `depth` frames are in flight.

        It stays the next one until it is submitted, so a failure to fill it loses nothing.
        """
        with self._changed:
            has_room = self._free and len(self._in_flight) < self.depth
            return self._free[0] if has_room else None

    def submit(self, slot: Slot[WorkT, EventT]) -> None:
        """Queue the three steps of the slot that `free_slot` returned.

        If the device refuses, the slot is lost: some of its steps may be queued, so it is unknown
        when its memory is no longer in use.
        """
        with self._changed:
            self._free.remove(slot)
        self._enqueue(slot)
        with self._changed:
            self._in_flight.append(slot)
            self._changed.notify()

    def _enqueue(self, slot: Slot[WorkT, EventT]) -> None:
        device = self._device
        device.upload(slot.work, self._upload)
        device.record(slot.up, self._upload)

        device.wait(self._compute, slot.up)
        device.compute(slot.work, self._compute)
        device.record(slot.run, self._compute)

        device.wait(self._download, slot.run)
        device.download(slot.work, self._download)
        device.record(slot.down, self._download)

    def collect(self, timeout_seconds: float) -> Slot[WorkT, EventT] | None:
        """Wait for the oldest slot in flight, which is leased until the next call.

        None if it is not done in time, or if the ring was closed.
        """
        deadline_seconds = time.monotonic() + timeout_seconds
        with self._changed:
            self._end_lease()
            self._changed.wait_for(lambda: self._in_flight or self._closed, timeout_seconds)
            oldest = self._in_flight[0] if self._in_flight else None
        if oldest is None or not self._is_done_by(deadline_seconds, oldest):
            return None
        with self._changed:
            if self._closed:
                return None
            self._leased = self._in_flight.popleft()
            return self._leased

    def _end_lease(self) -> None:
        if self._leased is not None:
            self._free.append(self._leased)
            self._leased = None

    def _is_done_by(self, deadline_seconds: float, slot: Slot[WorkT, EventT]) -> bool:
        while not self._device.is_done(slot.down):
            remaining_seconds = deadline_seconds - time.monotonic()
            if remaining_seconds <= 0 or self._closed:
                return False
            time.sleep(min(POLL_SECONDS, remaining_seconds))
        return True

    def close(self) -> None:
        """Drop all slots; a thread that waits in `collect` gets None."""
        with self._changed:
            self._closed = True
            self._free.clear()
            self._in_flight.clear()
            self._leased = None
            self._changed.notify_all()
