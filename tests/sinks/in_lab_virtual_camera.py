"""Checks on real v4l2loopback devices; `test_virtual_camera.py` runs them inside the V4L2 lab.

In there /dev/video-cam is a test camera, and /dev/video-feed and /dev/video-out are loopbacks that
were made with exclusive_caps=1. After each check both must be free again.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import pyvirtualcam  # type: ignore[import-untyped]  # it ships no types

from livematte.errors import SinkError, UsageError
from livematte.frame import Size
from livematte.sinks import VirtualCamera, v4l2loopback
from tests.sinks.pictures import GREEN, picture

CAMERA = "/dev/video-cam"
FEED = "/dev/video-feed"
OUT = "/dev/video-out"
SIZE = Size(320, 240)
RATE = Fraction(10)
PATIENCE_SECONDS = 15.0
WRITE = "ffmpeg -v error -re -f lavfi -i color=s=320x240:r=10 -pix_fmt yuv420p -f v4l2"
READ = "ffmpeg -v error -f v4l2 -i /dev/video-out -frames:v 2 -f rawvideo -pix_fmt bgr24"


@contextmanager
def opened(
    device: str | None, size: Size = SIZE, avoid: Collection[str] = ()
) -> Iterator[VirtualCamera]:
    camera = VirtualCamera(device, avoid)
    camera.open(size, RATE)
    camera.send(picture(size))
    yield camera
    camera.close()
    camera.close()


def is_free(device: str) -> bool:
    try:
        v4l2loopback.check(device, SIZE, avoid=())
    except SinkError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def fed() -> Iterator[None]:
    """Another program feeds /dev/video-feed."""
    with subprocess.Popen([*WRITE.split(), FEED]) as writer:
        wait_until(lambda: not is_free(FEED))
        yield
        writer.terminate()
    wait_until(lambda: is_free(FEED))


@pytest.fixture(autouse=True)
def _both_are_free_again() -> Iterator[None]:
    yield
    assert is_free(FEED)
    assert is_free(OUT)


@pytest.mark.parametrize("size", [SIZE, Size(321, 241)], ids=["even", "odd"])
def test_a_reader_sees_the_colours(tmp_path: Path, size: Size) -> None:
    seen = tmp_path / "seen.bgr"
    with opened(OUT, size) as camera, subprocess.Popen([*READ.split(), str(seen)]) as reader:
        while reader.poll() is None:
            camera.send(picture(size))
            time.sleep(0.05)
    images = np.fromfile(seen, np.uint8).reshape(-1, SIZE.height, SIZE.width, 3)
    assert len(images) == 2
    np.testing.assert_allclose(images[-1, :, -4:].reshape(-1, 3), [GREEN] * 960, atol=3)
    np.testing.assert_allclose(images[-1, :, 4], [(30, 60, 200)] * 240, atol=3)


@pytest.mark.usefixtures("fed")
def test_the_first_free_device_is_chosen() -> None:
    with opened(None) as camera:
        assert camera.description == f"virtual camera {os.path.realpath(OUT)}"


@pytest.mark.parametrize("avoid", [FEED, os.path.realpath(FEED), os.path.realpath(FEED)[-1]])
def test_the_camera_is_not_chosen(avoid: str) -> None:
    with opened(None, avoid=[avoid]) as camera:
        assert camera.description == f"virtual camera {os.path.realpath(OUT)}"
    with pytest.raises(UsageError, match="is the camera"):
        VirtualCamera(FEED, [avoid]).open(SIZE, RATE)


@pytest.mark.usefixtures("fed")
def test_every_reason_is_said_if_none_can_be_chosen() -> None:
    with pytest.raises(SinkError) as caught:
        VirtualCamera(None, [OUT]).open(SIZE, RATE)
    feed, out = os.path.realpath(FEED), os.path.realpath(OUT)
    assert caught.value.problem == (
        f"No virtual camera is free: {feed} is in use: another program feeds it; "
        f"{out} is the camera, and cannot be the virtual camera too."
    )
    assert "devices=3 exclusive_caps=1,1,1" in caught.value.remedy


@pytest.mark.usefixtures("fed")
def test_a_device_that_is_fed_is_refused() -> None:
    with pytest.raises(SinkError, match="another program feeds it"):
        VirtualCamera(FEED).open(SIZE, RATE)


@pytest.mark.parametrize("device", [CAMERA, "/dev/null"])
def test_what_is_no_loopback_is_refused(device: str) -> None:
    with pytest.raises(SinkError, match="is not a virtual camera"):
        VirtualCamera(device).open(SIZE, RATE)


def test_a_device_that_may_not_be_used_is_refused() -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(SinkError, match="You may not use") as caught:
            VirtualCamera(OUT).open(SIZE, RATE)
    finally:
        os.seteuid(0)
    assert "usermod -aG video" in caught.value.remedy


def test_a_device_is_left_free_for_any_program() -> None:
    with opened(OUT):
        assert not is_free(OUT)
    information = subprocess.run(["v4l2-ctl", "-d", OUT, "--info"], capture_output=True, text=True)
    assert "Video Output" in information.stdout


def test_a_device_that_a_crashed_program_left_behind_can_be_used() -> None:
    other = pyvirtualcam.Camera(*SIZE, fps=10, device=OUT)
    other.send(np.zeros((SIZE.height, SIZE.width, 3), np.uint8))
    other.close()
    with opened(OUT):
        pass


def test_a_device_can_be_used_again_while_it_is_watched() -> None:
    with opened(OUT):
        watching = os.open(OUT, os.O_RDWR)
    try:
        with opened(OUT):
            pass
        with pytest.raises(SinkError, match="is held at 320x240 by a program that watches it"):
            VirtualCamera(OUT).open(Size(640, 480), RATE)
    finally:
        os.close(watching)
    with opened(OUT, Size(640, 480)):
        pass


def test_nothing_is_paced() -> None:
    with opened(OUT) as camera:
        began = time.monotonic()
        for _ in range(20):
            camera.send(picture(SIZE))
        assert time.monotonic() - began < 20 / RATE / 2
