"""What a camera does, tried on the kernel's own devices; prints one JSON object of findings.

Run in the lab by `test_camera.py`: booting it costs seconds, so everything is tried in one go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from livematte.errors import LivematteError
from livematte.frame import Size
from livematte.linux import camera as linux_camera
from livematte.linux import v4l2loopback
from livematte.sources import Camera, ReconnectingCamera, list_cameras
from livematte.sources.choosing import usual_camera

CAMERA = "/dev/video-cam"
FEED = "/dev/video-feed"
DRIVER = Path("/sys/bus/platform/drivers/vivid")


def control(name: str, value: int, *, check: bool = True) -> None:
    """Set a control of the test driver, such as one that injects a fault."""
    subprocess.run(["v4l2-ctl", "-d", CAMERA, "-c", f"{name}={value}"], check=check)


def error_of(camera: Camera) -> str:
    """What opening says; "" if it works."""
    try:
        with camera:
            return ""
    except LivematteError as error:
        return str(error)


def gives_nothing() -> dict[str, Any]:
    """Open a camera that starts and never delivers."""
    control("percentage_of_dropped_buffers", 100)
    started = time.monotonic()
    error = error_of(Camera(CAMERA, Size(320, 180)))
    seconds = time.monotonic() - started
    control("percentage_of_dropped_buffers", 0)
    return {"error": error, "seconds": seconds}


def read_some(camera: Camera, count: int) -> dict[str, Any]:
    with camera:
        frames = list(islice(camera.frames(), count))
        return {
            "description": camera.description,
            "size": str(camera.size),
            "sizes": sorted({str(frame.size) for frame in frames}),
            "indices": [frame.index for frame in frames],
            "rate": (count - 1) / (frames[-1].captured_seconds - frames[0].captured_seconds),
            "moves": bool((frames[0].image != frames[-1].image).any()),
            "media_seconds": frames[0].media_seconds,
        }


def recycles(count: int) -> int:
    """How many different arrays `count` frames come in when each is recycled."""
    addresses = set()
    with Camera(CAMERA, Size(640, 360)) as camera:
        for frame in islice(camera.frames(), count):
            addresses.add(frame.image.ctypes.data)
            camera.recycle(frame)
    return len(addresses)


def wait_until(condition: Callable[[], bool]) -> None:
    """Until it holds, or for so long that it never will."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


@contextmanager
def fed_loopback(form: str = "yuv420p") -> Iterator[None]:
    """A clip played in a loop into the loopback device; form: of pixels, or a codec."""
    coded = {"libx264": ["-c:v", "libx264", "-g", "1"]}.get(form, ["-pix_fmt", form])
    pattern = ["-f", "lavfi", "-i", "testsrc=size=640x480:rate=15", *coded]
    feeder = subprocess.Popen(["ffmpeg", "-v", "error", "-re", *pattern, "-f", "v4l2", FEED])
    try:
        while not linux_camera.query(FEED).gives_pictures and feeder.poll() is None:
            time.sleep(0.1)  # until the lab's time is up
        yield
    finally:
        feeder.kill()
        feeder.wait()
        v4l2loopback.release(FEED)


def fed_in(form: str) -> str:
    """What opening a loopback says that is fed so, or what it is."""
    with fed_loopback(form), suppress(LivematteError):
        camera = Camera(FEED, Size(640, 480))
        return error_of(camera) or camera.description
    return ""


def linked() -> dict[str, Any]:
    """Pull the plug of a camera that was asked for by its link, which udev makes anew later."""
    link = Path("/dev/v4l/by-id/usb-Test_Camera-video-index0")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.realpath(CAMERA))
    told: list[str] = []
    opening, frames = (
        ReconnectingCamera(str(link), Size(320, 180), on_trouble=told.append),
        list[int](),
    )

    def read() -> None:
        with opening:
            frames.extend(each.index for each in opening.frames())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_until(lambda: len(frames) > 3)
    (DRIVER / "unbind").write_text("vivid.0")
    link.unlink()
    wait_until(lambda: bool(told))
    plug_again()
    time.sleep(1)
    without_link = list(told)
    link.symlink_to(os.path.realpath(CAMERA))
    wait_until(lambda: len(told) > 1)
    opening.interrupt()
    reader.join(3)
    link.unlink()
    return {"without link": without_link, "told": told}


def interrupting() -> float:
    """How long a reader that waits for frames takes to end when it is interrupted."""
    with Camera(CAMERA, Size(320, 180)) as camera:
        reader = threading.Thread(target=lambda: list(camera.frames()))
        reader.start()
        time.sleep(0.5)
        started = time.monotonic()
        camera.interrupt()
        reader.join()
        return time.monotonic() - started


def unplugging() -> dict[str, Any]:
    """Pull the plug while frames come."""
    with Camera(CAMERA, Size(320, 180)) as camera:
        threading.Timer(0.5, control, ("disconnect", 1)).start()
        try:
            count, last = 0, time.monotonic()
            for _ in camera.frames():
                count, last = count + 1, time.monotonic()
        except LivematteError as error:
            return {"frames": count, "seconds": time.monotonic() - last, "error": str(error)}
    return {}


def plug_again() -> None:
    """Bind the driver again, and let the camera's name mean what it is now."""
    (DRIVER / "bind").write_text("vivid.0")
    (now,) = (
        each.name
        for each in Path("/sys/class/video4linux").iterdir()
        if (each / "name").read_text().strip() == "vivid-000-vid-cap"
    )
    os.unlink(CAMERA)
    os.symlink(f"/dev/{now}", CAMERA)


def unplugging_while_opening(after_seconds: float, *, is_driver: bool) -> dict[str, Any]:
    """Pull the plug so long after a camera began to be opened, and plug it in again.

    is_driver: take the driver away, and not only the camera, which is back once it is closed.
    """
    told: list[str] = []
    opening = ReconnectingCamera(CAMERA, Size(320, 180), on_trouble=told.append)
    found: dict[str, Any] = {"after": after_seconds, "frames": 0, "error": "", "told": told}

    def read() -> None:
        try:
            with opening:
                for _ in opening.frames():
                    found["frames"] += 1
        except BaseException as error:
            found["error"] = f"{type(error).__name__}: {error}"

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    time.sleep(after_seconds)
    if is_driver:
        (DRIVER / "unbind").write_text("vivid.0")
        time.sleep(0.2)
        plug_again()
    else:
        control("disconnect", 1, check=False)
    pulled, seen = time.monotonic(), found["frames"]
    while reader.is_alive() and found["frames"] < seen + 10 and time.monotonic() < pulled + 8:
        time.sleep(0.02)
    found["seconds"] = time.monotonic() - pulled
    found["is_back"] = found["frames"] >= seen + 10
    opening.interrupt()
    reader.join(3)
    found["hangs"] = reader.is_alive()
    return found


def main() -> None:
    found: dict[str, Any] = {
        "listed": [asdict(each) for each in list_cameras()],
        "usual": read_some(Camera(0), 5),
        "asked": read_some(Camera(CAMERA, Size(640, 360), 30.0), 20),
        "not offered": read_some(Camera(CAMERA, Size(800, 600), 200.0), 3),
        "missing": error_of(Camera(87)),
        "a file": error_of(Camera(__file__)),
        "nobody feeds": error_of(Camera(FEED)),
        "arrays": recycles(10),
        "interrupted after": interrupting(),
        "gives nothing": gives_nothing(),
    }
    with Camera(CAMERA, Size(640, 360)):
        found["busy"] = error_of(Camera(CAMERA, Size(640, 360)))
    holder = subprocess.Popen(
        [*("v4l2-ctl", "-d", CAMERA, "--stream-mmap", "--stream-count=100000")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    found["busy elsewhere"] = error_of(Camera(CAMERA, Size(640, 360)))
    holder.kill()
    holder.wait()
    with fed_loopback():
        found["fed"] = read_some(Camera(FEED, Size(640, 480)), 10)
        found["listed while fed"] = [each.problem for each in list_cameras()]
    found["fed in"] = {
        form: fed_in(form) for form in ("libx264", "yuv422p", "gray", "bgr24", "rgb24", "nv12")
    }
    found["named"] = {
        name: error_of(Camera(name, Size(320, 180)))
        for name in ("vivid", "VIV", "platform:vivid-000", "vived", "lab-feed")
    }
    found["usual"]["number"] = usual_camera()
    found["linked"] = linked()
    found["unplugged"] = unplugging()
    found["unplugged while opening"] = [
        unplugging_while_opening(number * 0.04, is_driver=bool(number % 2)) for number in range(12)
    ]
    Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
