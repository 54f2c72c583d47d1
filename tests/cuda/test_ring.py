"""The ring under random interleavings, and every planted mistake in it found."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livematte.render.cuda.ring import Ring, Slot

from .executor import Event, Executor, Operation, Stream
from .recorder import RecordedWork, RecordingDevice

RecordedSlot = Slot[RecordedWork, Event]
RecordedRing = Ring[RecordedWork, Stream, Event]


def drive(ring_type: type[RecordedRing], seed: int, *, slots: int = 3, frames: int = 30) -> None:
    """Submit and collect frames at random moments; fails on whatever a ring must never do."""
    random = Random(seed)
    device = RecordingDevice(Executor(random))
    ring = ring_type(device, [device.work() for _ in range(slots)], device.stream())
    at_start = device.counts
    submitted = collected = 0
    leased: RecordedSlot | None = None
    for _ in range(200 * frames):
        if submitted < frames and random.random() < 0.6:
            slot = ring.free_slot()
            assert (slot is None) == (submitted - collected == ring.depth), "wrong count in flight"
            if slot is not None:
                device.write(slot.work.host_input, submitted)
                ring.submit(slot)
                submitted += 1
        if random.random() < 0.5:
            if leased is not None:
                value = device.read(leased.work.host_output)
                assert value == device.computed(collected - 1), "the lease was broken"
            leased = ring.collect(timeout_seconds=0)
            if leased is not None:
                value = device.read(leased.work.host_output)
                assert value == device.computed(collected), "not this frame's result"
                collected += 1
    assert collected == frames, "frames were lost"
    assert not device.executor.races
    assert device.counts == at_start, "memory was taken, or the whole device waited for"


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), slots=st.integers(2, 5), frames=st.integers(1, 20))
def test_every_frame_comes_back_once_and_in_order(seed: int, slots: int, frames: int) -> None:
    drive(Ring, seed, slots=slots, frames=frames)


STEPS = (
    "upload",
    "record up",
    "wait for up",
    "compute",
    "record run",
    "wait for run",
    "download",
    "record down",
)


def ring_queueing(steps: Sequence[str]) -> type[RecordedRing]:
    """A ring that queues these steps for each frame; `STEPS` are the right ones."""

    class Queueing(RecordedRing):
        def _enqueue(self, slot: RecordedSlot) -> None:
            device, work = self._device, slot.work
            for step in steps:
                if step == "upload":
                    device.upload(work, self._upload)
                elif step == "record up":
                    device.record(slot.up, self._upload)
                elif step == "wait for up":
                    device.wait(self._compute, slot.up)
                elif step == "compute":
                    device.compute(work, self._compute)
                elif step == "record run":
                    device.record(slot.run, self._compute)
                elif step == "wait for run":
                    device.wait(self._download, slot.run)
                elif step == "download":
                    device.download(work, self._download)
                elif step == "record down":
                    device.record(slot.down, self._download)

    return Queueing


def without(step: str) -> tuple[str, ...]:
    return tuple(other for other in STEPS if other != step)


def swapped(first: str, second: str) -> tuple[str, ...]:
    names = {first: second, second: first}
    return tuple(names.get(step, step) for step in STEPS)


class NeverLooksWhetherDone(RecordedRing):
    def _is_done_by(self, deadline_seconds: float, slot: RecordedSlot) -> bool:
        return True


class LooksWhetherComputed(RecordedRing):
    def _is_done_by(self, deadline_seconds: float, slot: RecordedSlot) -> bool:
        return self._device.is_done(slot.run)


class LooksWhetherUploaded(RecordedRing):
    def _is_done_by(self, deadline_seconds: float, slot: RecordedSlot) -> bool:
        return self._device.is_done(slot.up)


class WaitsForTheWholeDevice(RecordedRing):
    def _is_done_by(self, deadline_seconds: float, slot: RecordedSlot) -> bool:
        assert isinstance(self._device, RecordingDevice)
        self._device.synchronize()
        return True


class EndsTheLeaseAtOnce(RecordedRing):
    def collect(self, timeout_seconds: float) -> RecordedSlot | None:
        slot = super().collect(timeout_seconds)
        if slot is not None:
            self._free.appendleft(slot)
            self._leased = None
        return slot


class NeverEndsTheLease(RecordedRing):
    def _end_lease(self) -> None:
        self._leased = None


class HandsOutSlotsInFlight(RecordedRing):
    def free_slot(self) -> RecordedSlot | None:
        if self._in_flight:
            self._free.appendleft(self._in_flight[-1])
        return super().free_slot()


class CountsTheLeasedAsInFlight(RecordedRing):
    def free_slot(self) -> RecordedSlot | None:
        is_leased = self._leased is not None
        return super().free_slot() if len(self._in_flight) + is_leased < self.depth else None


class NewestFirst(RecordedRing):
    def collect(self, timeout_seconds: float) -> RecordedSlot | None:
        self._in_flight.rotate(1)
        return super().collect(timeout_seconds)


class TakesMemoryForEachFrame(RecordedRing):
    def _enqueue(self, slot: RecordedSlot) -> None:
        assert isinstance(self._device, RecordingDevice)
        slot.work.host_output = self._device.buffer("pinned out")
        super()._enqueue(slot)


class SharesMemoryBetweenSlots(RecordedRing):
    def free_slot(self) -> RecordedSlot | None:
        for slot in self._free:
            slot.work.device_input = self._free[0].work.device_input
        return super().free_slot()


MISTAKES: dict[str, type[RecordedRing]] = {
    "computing does not wait for the upload": ring_queueing(without("wait for up")),
    "downloading does not wait for computing": ring_queueing(without("wait for run")),
    "up is recorded before the upload": ring_queueing(swapped("upload", "record up")),
    "run is recorded before computing": ring_queueing(swapped("compute", "record run")),
    "down is recorded before the download": ring_queueing(swapped("download", "record down")),
    "collecting never looks whether it is done": NeverLooksWhetherDone,
    "collecting looks whether it is computed": LooksWhetherComputed,
    "collecting looks whether it is uploaded": LooksWhetherUploaded,
    "collecting waits for the whole device": WaitsForTheWholeDevice,
    "the lease ends at once": EndsTheLeaseAtOnce,
    "the lease never ends": NeverEndsTheLease,
    "slots in flight are handed out": HandsOutSlotsInFlight,
    "the leased frame counts as in flight": CountsTheLeasedAsInFlight,
    "the newest comes first": NewestFirst,
    "each frame takes memory": TakesMemoryForEachFrame,
    "slots share memory": SharesMemoryBetweenSlots,
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake: str) -> None:
    for seed in range(10):
        with pytest.raises((AssertionError, ValueError, IndexError)):
            drive(MISTAKES[mistake], seed)


def test_the_planted_mistakes_differ_from_a_ring_without_one() -> None:
    for seed in range(10):
        drive(ring_queueing(STEPS), seed)


def operations_of_three_frames(ring_type: type[RecordedRing]) -> dict[str, list[Operation]]:
    device = RecordingDevice(Executor(Random(0)))
    ring = ring_type(device, [device.work() for _ in range(4)], device.stream())
    for _ in range(3):
        slot = ring.free_slot()
        assert slot is not None
        ring.submit(slot)
    labels = ("upload", "compute", "download")
    return {
        label: [done for done in device.executor.operations if done.label == label]
        for label in labels
    }


def neighbours_may_overlap(operations: dict[str, list[Operation]]) -> bool:
    upload, compute, download = (operations[step] for step in ("upload", "compute", "download"))
    return all(
        upload[n + 1].may_overlap(compute[n]) and download[n].may_overlap(compute[n + 1])
        for n in range(2)
    ) and upload[2].may_overlap(download[0])


def test_the_steps_of_neighbouring_frames_may_overlap() -> None:
    operations = operations_of_three_frames(Ring)
    assert neighbours_may_overlap(operations)
    for upload, compute, download in zip(*operations.values(), strict=True):
        assert upload.is_before(compute)
        assert compute.is_before(download)


def test_two_steps_on_one_stream_lose_the_overlap() -> None:
    class DownloadsOnTheUploadStream(RecordedRing):
        def _enqueue(self, slot: RecordedSlot) -> None:
            self._download = self._upload
            super()._enqueue(slot)

    assert not neighbours_may_overlap(operations_of_three_frames(DownloadsOnTheUploadStream))


def test_filling_may_be_given_up() -> None:
    device = RecordingDevice(Executor(Random(0)))
    ring = Ring(device, [device.work() for _ in range(3)], device.stream())
    assert ring.free_slot() is ring.free_slot()


def test_a_slot_that_the_device_refused_is_not_used_again() -> None:
    class Refusing(RecordingDevice):
        def download(self, work: RecordedWork, stream: Stream) -> None:
            raise RuntimeError("refused")

    device = Refusing(Executor(Random(0)))
    ring = Ring(device, [device.work() for _ in range(3)], device.stream())
    refused = ring.free_slot()
    assert refused is not None
    with pytest.raises(RuntimeError, match="refused"):
        ring.submit(refused)
    assert ring.free_slot() is not refused


def test_a_device_that_hangs_holds_nobody_up() -> None:
    class Hanging(RecordingDevice):
        def is_done(self, event: Event) -> bool:
            return False

    device = Hanging(Executor(Random(0)))
    ring = Ring(device, [device.work() for _ in range(3)], device.stream())
    slot = ring.free_slot()
    assert slot is not None
    ring.submit(slot)
    assert ring.collect(timeout_seconds=0.01) is None
    waiting = threading.Thread(target=ring.collect, args=(60,))
    waiting.start()
    ring.close()
    waiting.join(timeout=5)
    assert not waiting.is_alive()


def test_two_threads_lose_and_mix_nothing() -> None:
    frames = 100
    device = RecordingDevice(Executor(Random(0)))
    ring = Ring(device, [device.work() for _ in range(3)], device.stream())

    def submit_all() -> None:
        submitted = 0
        while submitted < frames:
            slot = ring.free_slot()
            if slot is None:
                time.sleep(0.0001)
            else:
                slot.work.host_input.value = submitted
                ring.submit(slot)
                submitted += 1

    submitting = threading.Thread(target=submit_all)
    submitting.start()
    for number in range(frames):
        slot = ring.collect(timeout_seconds=20)
        assert slot is not None
        assert slot.work.host_output.value == device.computed(number)
    submitting.join()
    assert not device.executor.races
    assert ring.collect(timeout_seconds=0) is None
