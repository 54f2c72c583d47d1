"""A camera that goes and comes back. The kernel's own devices are tried in the lab."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from livematte.errors import SourceError
from livematte.frame import Frame, Size
from livematte.sources import ReconnectingCamera, Source, reconnecting_camera
from livematte.sources.camera import UnpluggedError
from tests.sources.fakes import PLUGGED_SIZE as SIZE
from tests.sources.fakes import Plugged, Socket


class Reading:
    """A camera whose frames a thread takes."""

    def __init__(self, socket: Socket) -> None:
        self.sentences: list[str] = []
        self.frames: list[Frame] = []
        self.camera = ReconnectingCamera(
            "rtsp://camera", make=socket.make, on_trouble=self.sentences.append
        )
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        for frame in self.camera.frames():
            self.frames.append(frame)

    def __enter__(self) -> Reading:
        self.camera.__enter__()
        self._thread.start()
        self.wait_for_frames()
        return self

    def __exit__(self, *_: object) -> None:
        started = time.monotonic()
        self.camera.interrupt()
        self._thread.join(5)
        assert time.monotonic() - started < 0.5
        assert not self._thread.is_alive()
        self.camera.__exit__(None, None, None)

    def wait_for_frames(self, count: int = 5) -> float:
        """Wait for so many more; returns how long the first of them took."""
        start, began = len(self.frames), time.monotonic()
        while len(self.frames) < start + count:
            assert time.monotonic() - began < 10
            time.sleep(0.002)
        return self.frames[start].captured_seconds - began

    def wait_for_trouble(self) -> None:
        began = time.monotonic()
        while not self.camera.trouble:
            assert time.monotonic() - began < 10
            time.sleep(0.002)


def test_a_camera_that_is_not_there_at_the_start_is_an_error() -> None:
    socket = Socket()
    socket.plugged_in.clear()
    with pytest.raises(SourceError, match="no camera 0"), ReconnectingCamera(0, make=socket.make):
        pass


def test_a_camera_that_goes_while_it_is_first_opened_is_waited_for() -> None:
    socket = Socket()
    socket.opening_faults = [UnpluggedError("Camera 0 is gone.", "Plug it in.") for _ in range(3)]
    with Reading(socket) as reading:
        assert reading.sentences == []
    assert socket.opened == 1


def test_a_camera_that_stays_gone_while_it_is_first_opened_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnecting_camera, "FIRST_PATIENCE_SECONDS", 0.3)
    socket = Socket()
    socket.opening_faults = [UnpluggedError("Camera 0 is gone.", "Plug it in.") for _ in range(99)]
    with pytest.raises(SourceError, match="is gone"), ReconnectingCamera(0, make=socket.make):
        pass
    socket.opening_faults = [SourceError("Camera 0 is in use.", "") for _ in range(3)]
    began = time.monotonic()
    with pytest.raises(SourceError, match="in use"), ReconnectingCamera(0, make=socket.make):
        pass
    assert time.monotonic() - began < 0.25, "what waiting cannot mend is said at once"


def test_whatever_a_camera_fails_by_it_is_opened_again() -> None:
    socket = Socket()
    with Reading(socket) as reading:
        for fault in (cv2.error("a torn picture"), ValueError("odd"), MemoryError(), OSError(5)):
            socket.opening_faults = [RuntimeError("not yet")]
            socket.faults = [fault]
            reading.wait_for_trouble()
            assert reading.wait_for_frames() < 1
    assert len(reading.sentences) == 8
    assert reading.sentences[0] == "The camera failed: a torn picture. Waiting for it to come back."
    assert socket.open_now == 0


def test_an_unplugged_camera_is_taken_again_when_it_is_back() -> None:
    socket = Socket()
    with Reading(socket) as reading:
        for _ in range(2):
            socket.plugged_in.clear()
            reading.wait_for_trouble()
            assert reading.camera.trouble == "Waiting for the camera"
            time.sleep(0.6)
            socket.plugged_in.set()
            assert reading.wait_for_frames() < 1
            assert reading.camera.trouble == ""
    indices = [each.index for each in reading.frames]
    assert indices == list(range(len(indices)))
    media = [each.media_seconds for each in reading.frames]
    assert media == sorted(media)
    assert media[-1] > 1.2, "what was missed took time too"
    assert (
        reading.sentences
        == [
            "Camera 0 stopped giving pictures. Waiting for it to come back.",
            "The camera is back: the camera.",
        ]
        * 2
    )
    assert socket.open_now == 0


def test_frames_keep_their_size_if_the_camera_comes_back_with_another() -> None:
    socket = Socket()
    with Reading(socket) as reading:
        socket.plugged_in.clear()
        reading.wait_for_trouble()
        socket.size = Size(160, 90)
        socket.plugged_in.set()
        reading.wait_for_frames()
    assert {each.size for each in reading.frames} == {SIZE}
    assert {int(np.ptp(each.image)) for each in reading.frames} == {0}


def test_it_is_closed_while_it_is_turned_off_and_opened_when_it_is_turned_on() -> None:
    socket = Socket()
    with Reading(socket) as reading:
        reading.camera.turn_off()
        began = time.monotonic()
        while socket.open_now:
            assert time.monotonic() - began < 1
        time.sleep(0.3)
        assert socket.opened == 1
        reading.camera.turn_on()
        assert reading.wait_for_frames() < 0.5
    assert socket.opened == 2
    assert reading.sentences == []


def test_it_ends_while_it_is_turned_off_or_waited_for() -> None:
    for what in ("off", "unplugged"):
        socket = Socket()
        with Reading(socket) as reading:
            if what == "off":
                reading.camera.turn_off()
            else:
                socket.plugged_in.clear()
            time.sleep(0.2)
        assert socket.open_now == 0


def test_turning_it_off_and_on_at_random_leaves_it_on() -> None:
    """However the calls fall between the camera's opening and closing."""
    socket, random = Socket(), np.random.default_rng(4)
    with Reading(socket) as reading:
        for _ in range(60):
            reading.camera.turn_off()
            time.sleep(random.choice([0, 0.001, 0.006]))
            reading.camera.turn_on()
            time.sleep(random.choice([0, 0.001, 0.006]))
        assert reading.wait_for_frames() < 1
    assert socket.open_now == 0


def test_a_camera_goes_on_when_there_was_no_memory_for_a_picture() -> None:
    socket, sentences = Socket(), list[str]()

    class Short(Plugged):
        def frames(self) -> Iterator[Frame]:
            if socket.opened == 1:
                raise MemoryError
            yield from super().frames()

    def make(_device: int | str, _size: Size | None, _rate: float | None) -> Source:
        return Short(socket)

    with ReconnectingCamera(0, on_trouble=sentences.append, make=make) as camera:
        assert next(camera.frames()).size == SIZE
        camera.interrupt()
    assert socket.opened == 2
    assert sentences[0].startswith("There is not enough memory for a picture.")
