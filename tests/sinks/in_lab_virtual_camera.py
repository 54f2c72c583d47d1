"""Checks on real v4l2loopback devices; `test_virtual_camera.py` runs them inside the V4L2 lab.

In there /dev/video-cam is a test camera, and /dev/video-feed and /dev/video-out are loopbacks that
were made with exclusive_caps=1. After each check both must be free again.
"""

from __future__ import annotations

import fcntl
import grp
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvirtualcam  # type: ignore[import-untyped]  # it ships no types

from livematte.errors import SinkError, UsageError
from livematte.frame import Image, Size
from livematte.linux import v4l2, v4l2_writer, v4l2loopback
from livematte.linux.camera_format import LAYOUTS, contain
from livematte.linux.v4l2_writer import Writer
from livematte.sinks import VirtualCamera
from tests.sinks.pictures import GREEN, picture

CAMERA = "/dev/video-cam"
FEED = "/dev/video-feed"
OUT = "/dev/video-out"
SIZE = Size(320, 240)
RATE = Fraction(10)
PATIENCE_SECONDS = 15.0
WRITE = "ffmpeg -v error -re -f lavfi -i color=s=320x240:r=10 -pix_fmt yuv420p -f v4l2"
READ = "ffmpeg -v error -f v4l2 -i /dev/video-out -frames:v 2 -f rawvideo -pix_fmt bgr24"

CRASHING = """
import time, numpy, pyvirtualcam
camera = pyvirtualcam.Camera(320, 240, fps=10, device={!r})
while True:
    camera.send(numpy.zeros((240, 320, 3), numpy.uint8))
    time.sleep(0.1)
"""
CONVERTED_BACK: dict[str, Callable[[Image], Image]] = {
    "yuyv422": lambda data: _to_bgr(data.reshape(240, 320, 2), cv2.COLOR_YUV2BGR_YUYV),
    "nv12": lambda data: _to_bgr(data.reshape(360, 320), cv2.COLOR_YUV2BGR_NV12),
    "rgb24": lambda data: data.reshape(240, 320, 3)[..., ::-1],
}


def _to_bgr(image: Image, code: int) -> Image:
    return np.asarray(cv2.cvtColor(image, code), np.uint8)


@contextmanager
def opened(
    device: str | None, size: Size = SIZE, avoid: Collection[str] = ()
) -> Iterator[VirtualCamera]:
    camera = VirtualCamera(device, avoid)
    camera.open(size, RATE)
    try:
        camera.send(picture(size))
        yield camera
    finally:
        camera.close()
        camera.close()


def is_free(device: str) -> bool:
    try:
        v4l2loopback.check(device, avoid=())
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
        f"{out} is the camera; it cannot also be the virtual camera."
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
    """What to do about it fits who may use it."""
    was = os.stat(OUT)
    remedies = []
    try:
        for group, mode in ((0, 0o600), (grp.getgrnam("video").gr_gid, 0o660)):
            os.chown(OUT, 0, group)
            os.chmod(OUT, mode)
            os.seteuid(65534)
            try:
                with pytest.raises(SinkError, match="You do not have permission to use") as caught:
                    VirtualCamera(OUT).open(SIZE, RATE)
            finally:
                os.seteuid(0)
            remedies.append(caught.value.remedy)
    finally:
        os.chown(OUT, was.st_uid, was.st_gid)
        os.chmod(OUT, was.st_mode & 0o7777)
    assert remedies[0].startswith("No group has access to this device.")
    assert remedies[1].endswith('again: `sudo usermod -aG video "$USER"`.')


def test_a_device_is_left_free_for_any_program() -> None:
    with opened(OUT):
        pass
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
        with opened(OUT, Size(640, 360)) as camera:
            assert camera.description.endswith("(fixed at 320x240 by the driver)")
    finally:
        os.close(watching)
    with opened(OUT, Size(640, 480)) as camera:
        assert camera.description == f"virtual camera {OUT}"


def test_who_watches_sees_the_one_that_follows_a_crash(tmp_path: Path) -> None:
    """The reader stays, and keeps the device at what the crashed program had sent."""
    crashing = [sys.executable, "-c", CRASHING.format(OUT)]
    seen = tmp_path / "seen.bgr"
    with subprocess.Popen(crashing) as crashed:
        wait_until(lambda: v4l2loopback.held(OUT) is not None)
        # A free device is looked at for as long as pictures might still come, and is not free.
        assert not is_free(OUT)
        read = [*READ.replace("-frames:v 2", "-frames:v 400").split(), str(seen)]
        reader = subprocess.Popen(read, stderr=subprocess.DEVNULL)
        wait_until(lambda: seen.exists() and seen.stat().st_size > 0)
        crashed.kill()
    try:
        with opened(OUT, Size(640, 360)) as camera:
            camera.is_watched()
            before = seen.stat().st_size
            for _ in range(40):
                camera.send(picture(Size(640, 360)))
                time.sleep(0.02)
            assert reader.poll() is None
            assert camera.is_watched()
            wait_until(lambda: seen.stat().st_size > before)
    finally:
        reader.terminate()
        reader.wait()
    frames = seen.read_bytes()
    frame_bytes = SIZE.width * SIZE.height * 3
    last = np.frombuffer(frames[: len(frames) // frame_bytes * frame_bytes], np.uint8)
    last = last.reshape(-1, SIZE.height, SIZE.width, 3)[-1]
    assert last[:28].max() < 20, "bars, for what it keeps is higher"
    np.testing.assert_allclose(last[120, 20], (30, 60, 200), atol=6)


@pytest.mark.parametrize("kept", ["yuyv422", "nv12", "rgb24"])
def test_what_the_device_is_held_at_is_sent(kept: str) -> None:
    """By a program that watches it, where the one before sent another size and format."""
    with subprocess.Popen([*WRITE.replace("yuv420p", kept).split(), OUT]) as writer:
        wait_until(lambda: v4l2loopback.held(OUT) is not None)
        watching = os.open(OUT, os.O_RDWR | os.O_NONBLOCK)
        writer.kill()
    try:
        with opened(OUT, Size(640, 480)) as camera:
            for _ in range(5):
                camera.send(picture(Size(640, 480)))
            content = b""
            with suppress(BlockingIOError):
                while frame := os.read(watching, SIZE.width * SIZE.height * 3):
                    content = frame
    finally:
        os.close(watching)
    bgr = CONVERTED_BACK[kept](np.frombuffer(content, np.uint8))
    np.testing.assert_allclose(bgr[100, 20], (30, 60, 200), atol=6)


def test_a_kept_format_that_nobody_feeds_is_free_and_sent() -> None:
    control = ["v4l2-ctl", "-d", OUT, "-c"]
    subprocess.run([*control, "keep_format=1"], check=True)
    try:
        for kept in ("yuv420p", "h264"):
            encoded = "yuv420p -c:v libx264 -g 1" if kept == "h264" else kept
            write = [*WRITE.replace("yuv420p", encoded).split(), OUT]
            with subprocess.Popen(write) as writer:
                wait_until(lambda: not is_free(OUT))
                writer.kill()
            if kept == "h264":
                break
            with opened(OUT):
                pass
            subprocess.run([*control, "keep_format=0"], check=True)
            os.close(os.open(OUT, os.O_RDWR))
            subprocess.run([*control, "keep_format=1"], check=True)
        with pytest.raises(SinkError, match=r"held at 320x240 H264 .* cannot make H264") as caught:
            VirtualCamera(OUT).open(SIZE, RATE)
        assert "keep_format=0" in caught.value.remedy
    finally:
        subprocess.run([*control, "keep_format=0"], check=True)
        os.close(os.open(OUT, os.O_RDWR))


@contextmanager
def kept_at(fourcc: str, size: Size = SIZE) -> Iterator[int]:
    """A program watches the device, whose writer had sent this format; yields what it reads by."""
    watching = os.open(OUT, os.O_RDWR | os.O_NONBLOCK)
    writing = os.open(OUT, os.O_RDWR)
    try:
        v4l2.capabilities(writing)
        request = bytearray(v4l2_writer._FORMAT.pack(2, *size, fourcc.ljust(4).encode(), *[0] * 9))
        fcntl.ioctl(writing, v4l2_writer._VIDIOC_S_FMT, request)
        os.write(writing, bytes(100))
        os.close(writing)
        assert v4l2loopback.held(OUT) == (size, fourcc), "the driver took another format"
        yield watching
    finally:
        os.close(watching)


def last_read(watching: int) -> bytes:
    content = b""
    with suppress(BlockingIOError):
        while frame := os.read(watching, 1 << 22):
            content = frame
    return content


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a device is fed is found out in a short time."""
    for module in (v4l2loopback, v4l2_writer):
        monkeypatch.setattr(module, "FEEDING_SECONDS", 0.3)


@pytest.mark.usefixtures("soon")
def test_every_format_that_the_driver_keeps_and_can_be_made_is_sent() -> None:
    listed = subprocess.run(
        ["v4l2-ctl", "-d", OUT, "--list-formats-out"], capture_output=True, text=True
    ).stdout
    names = {each.strip() for each in re.findall(r"'(....)'", listed)} & set(LAYOUTS)
    assert len(names) >= 18, listed
    for fourcc in sorted(names):
        with kept_at(fourcc) as watching, opened(OUT, Size(640, 480)):
            bgr = np.ascontiguousarray(contain(picture(Size(640, 480)).image, SIZE))
            wanted = np.ascontiguousarray(LAYOUTS[fourcc].convert(bgr)).tobytes()
            assert last_read(watching) == wanted, fourcc


@pytest.mark.usefixtures("soon")
def test_a_kept_odd_size_is_sent_where_its_layout_is_clear() -> None:
    odd = Size(321, 241)
    with kept_at("RGB3", odd) as watching, opened(OUT):
        assert len(last_read(watching)) == 321 * 241 * 3
    with (
        kept_at("YU12", odd),
        pytest.raises(SinkError, match="YU12 has no agreed layout at this odd size"),
    ):
        VirtualCamera(OUT).open(SIZE, RATE)


@pytest.mark.usefixtures("soon")
def test_pictures_that_the_driver_repeats_are_nobodys() -> None:
    def set_to(milliseconds: int) -> None:
        subprocess.run(["v4l2-ctl", "-d", OUT, "-c", f"timeout={milliseconds}"], check=True)

    with kept_at("YU12") as watching:
        last_read(watching)
        set_to(100)
        try:
            v4l2loopback.check(OUT, avoid=())
        finally:
            set_to(0)
            time.sleep(0.2)
            last_read(watching)  # or the driver would repeat what it has freed, and crash


@pytest.mark.usefixtures("soon")
def test_another_program_that_begins_to_send_is_noticed_and_left_alone() -> None:
    told: list[str] = []
    camera = VirtualCamera(OUT, on_trouble=told.append)
    camera.open(SIZE, RATE)
    watching = os.open(OUT, os.O_RDWR | os.O_NONBLOCK)
    other = os.open(OUT, os.O_RDWR)
    theirs = bytes([7]) * (SIZE.width * SIZE.height * 3 // 2)
    try:
        for number in range(20):
            camera.send(picture(SIZE))
            if number >= 10:
                os.write(other, theirs)
            time.sleep(0.02)
            assert len(told) == (number > 10)
            if number > 11:
                assert last_read(watching) == theirs
        assert "Another program sends to /dev/video-out too" in told[0]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(told) < 2 and time.monotonic() < deadline:
            camera.send(picture(SIZE))
            time.sleep(0.02)
        assert told[1] == "The virtual camera /dev/video-out is free again. Sending to it."
        assert last_read(watching) not in (b"", theirs)
        # Who comes to watch makes the driver forget its count, and is no other writer.
        read = [*READ.split(), "-y", "/dev/null"]
        with subprocess.Popen(read) as reader:
            while reader.poll() is None:
                camera.send(picture(SIZE))
                time.sleep(0.02)
        assert len(told) == 2
    finally:
        os.close(other)
        os.close(watching)
        camera.close()


def test_two_of_livematte_do_not_share_a_device() -> None:
    with opened(OUT), pytest.raises(SinkError, match="another livematte feeds it"):
        Writer(OUT, SIZE, 10.0)


def test_a_device_that_is_open_as_often_as_it_may_be_says_so() -> None:
    setting = v4l2loopback.VIRTUAL_DEVICES / Path(os.path.realpath(OUT)).name / "max_openers"
    usual = setting.read_text()
    watching = [os.open(OUT, os.O_RDWR) for _ in range(2)]
    setting.write_text("2")
    try:
        with pytest.raises(SinkError, match=r"as many programs as it allows \(max_openers is 2\)"):
            VirtualCamera(OUT).open(SIZE, RATE)
    finally:
        setting.write_text(usual)
        for each in watching:
            os.close(each)


def test_the_camera_to_choose_is_named() -> None:
    with opened(OUT) as camera:
        assert camera.choice == 'choose "lab-out" in Zoom, Teams or the browser'


def test_a_device_that_fails_is_opened_again() -> None:
    told: list[str] = []
    camera = VirtualCamera(OUT, on_trouble=told.append)
    camera.open(SIZE, RATE)
    camera.send(picture(SIZE))
    path = os.path.realpath(OUT)
    (descriptor,) = (
        int(each.name) for each in Path("/proc/self/fd").iterdir() if os.path.realpath(each) == path
    )
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, descriptor)
    os.close(full)
    began = time.monotonic()
    while len(told) < 2:
        camera.send(picture(SIZE))
        time.sleep(0.05)
        assert time.monotonic() - began < PATIENCE_SECONDS, told
    assert "takes no more pictures" in told[0]
    assert told[1] == f"The virtual camera {OUT} is back."
    watching = os.open(OUT, os.O_RDWR | os.O_NONBLOCK)
    camera.send(picture(SIZE))
    assert os.read(watching, 100)
    os.close(watching)
    camera.close()


def test_nothing_is_paced() -> None:
    with opened(OUT) as camera:
        began = time.monotonic()
        for _ in range(20):
            camera.send(picture(SIZE))
        assert time.monotonic() - began < 20 / RATE / 2
