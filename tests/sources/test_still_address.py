"""A network camera that gives single pictures, served by a server of this test."""

from __future__ import annotations

import threading
import time
from itertools import islice

import numpy as np
import pytest

from livematte.errors import SourceError
from livematte.sources import Camera, ReconnectingCamera, still_address
from livematte.sources.still_address import gives_stills
from tests.sources.fakes import STILLS_SIZE as SIZE
from tests.sources.fakes import serving_stills


def test_a_picture_s_address_is_a_slow_camera() -> None:
    with serving_stills() as server, Camera(server.address, None, 20.0) as camera:
        began = time.monotonic()
        frames = list(islice(camera.frames(), 10))
        assert 0.3 < time.monotonic() - began < 3
        assert camera.frames_per_second == 20
        assert "pictures of http://127.0.0.1" in camera.description
        assert "64x48" in camera.description
        assert "SECRET" not in camera.description
        assert len({int(each.image[0, 0, 0]) for each in frames}) > 3, "it is asked again and again"


def test_a_slow_server_does_not_make_gaps() -> None:
    with serving_stills() as server, Camera(server.address, None, 20.0) as camera:
        server.seconds = 0.6
        seconds = [each.captured_seconds for each in islice(camera.frames(), 25)]
        assert max(np.diff(seconds)) < 0.4


def test_a_name_and_password_in_the_address_open_it() -> None:
    with serving_stills() as server:
        server.password = "me:se@cret"
        assert not gives_stills(server.address)
        server_address = server.address.replace("//", "//me:se%40cret@")
        assert gives_stills(server_address)
        with Camera(server_address) as camera:
            assert next(camera.frames()).size == SIZE
            assert "cret" not in camera.description


def test_what_breaks_and_is_mended_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still_address, "PATIENCE_SECONDS", 0.4)
    told: list[str] = []
    with (
        serving_stills() as server,
        ReconnectingCamera(server.address, None, 20.0, on_trouble=told.append) as camera,
    ):
        frames = camera.frames()
        next(frames)
        server.is_broken = True
        threading.Timer(1.5, lambda: setattr(server, "is_broken", False)).start()
        deadline = time.monotonic() + 10
        while len(told) < 2 and time.monotonic() < deadline:
            next(frames)
        assert "the connection was lost" in told[0]
        assert "is back" in told[1]
        camera.interrupt()


def test_what_is_no_picture_is_left_to_ffmpeg() -> None:
    with serving_stills() as server:
        server.kind = "multipart/x-mixed-replace; boundary=x"
        assert not gives_stills(server.address)
        server.kind = "text/html"
        assert not gives_stills(server.address)
    assert not gives_stills("rtsp://127.0.0.1:9/")
    assert not gives_stills("http://127.0.0.1:9/none.jpg")


def test_a_picture_that_never_comes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still_address, "PATIENCE_SECONDS", 0.3)
    with serving_stills() as server:
        server.is_broken = True
        with pytest.raises(SourceError, match="ended, or the connection was lost"):
            Camera(server.address).__enter__()
