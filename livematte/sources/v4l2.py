"""What the kernel knows of a camera and OpenCV does not tell. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from linuxpy.video.device import (  # type: ignore[import-untyped]  # it ships no types
    BufferType,
    Capability,
    Device,
    FrameSizeType,
    PixelFormat,
)

from livematte.errors import SourceError
from livematte.frame import Size

DEVICES: Final = Path("/sys/class/video4linux")

LOOPBACK_DRIVER: Final = "v4l2 loopback"


class Mode(NamedTuple):
    """A picture size, how it comes ("MJPG", "YUYV"), and the highest rate it comes at."""

    size: Size
    fourcc: str
    frames_per_second: Fraction | None


class Camera(NamedTuple):
    """What a device says of itself."""

    name: str
    gives_pictures: bool
    is_loopback: bool
    modes: list[Mode]


def paths() -> list[str]:
    """Every video device, in the order of its number: /dev/video0, /dev/video1, ..."""
    names = (path.name for path in DEVICES.glob("video*"))
    return [
        f"/dev/video{number}"
        for number in sorted(int(name.removeprefix("video")) for name in names)
    ]


def query(path: str) -> Camera:
    """Ask the driver; opens the device for a moment and does not start it.

    Raises `SourceError` if the device does not exist or may not be opened.
    """
    try:
        with Device(path) as device:
            info = device.info
            capabilities = info.device_capabilities
            gives_pictures = Capability.VIDEO_CAPTURE in capabilities
            modes = list(_modes(device)) if gives_pictures else []
            return Camera(
                info.card.rstrip("\0"),
                gives_pictures,
                info.driver.rstrip("\0") == LOOPBACK_DRIVER,
                modes,
            )
    except FileNotFoundError as error:
        known = ", ".join(paths()) or "none"
        raise SourceError(
            f"There is no camera {path} (video devices here: {known}).",
            "Plug it in, or choose one that `livematte cameras` lists.",
        ) from error
    except PermissionError as error:
        raise SourceError(
            f"You may not open the camera {path}.",
            "Join the group that may with `sudo usermod -aG video $USER`, then log in again.",
        ) from error
    except OSError as error:
        raise SourceError(
            f"{path} is no camera that can be asked: {error.strerror}.",
            "Choose one that `livematte cameras` lists.",
        ) from error


def require_camera(path: str) -> Camera:
    """`query`, and raise `SourceError` if the device gives no pictures."""
    camera = query(path)
    if camera.gives_pictures:
        return camera
    if camera.is_loopback:
        raise SourceError(
            f"{path} ({camera.name}) is a virtual camera, and no program feeds it now.",
            "Start the program that does first, or choose one that `livematte cameras` lists.",
        )
    raise SourceError(
        f"{path} ({camera.name}) gives no pictures; many cameras have such a device beside "
        "the one that does.",
        "Choose one that `livematte cameras` lists.",
    )


def holders(path: str) -> list[str]:
    """The programs that have the device open, as "zoom (process 1234)"; those that may be seen."""
    device, found = os.path.realpath(path), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.path.realpath(each) == device for each in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip()
                if int(process.name) != os.getpid():
                    found.append(f"{name} (process {process.name})")
    return found


def _modes(device: Device) -> Iterator[Mode]:
    for fmt in device.info.buffer_formats(BufferType.VIDEO_CAPTURE):
        fourcc = _fourcc(fmt.pixel_format)
        for each in device.info.format_frame_sizes(fmt.pixel_format):
            if each.type == FrameSizeType.DISCRETE:
                sizes = [Size(each.info.width, each.info.height)]
            else:
                sizes = [Size(each.info.max_width, each.info.max_height)]
            for size in sizes:
                rates = device.info.fps_intervals(fmt.pixel_format, *size)
                fastest = max((Fraction(rate.max_fps) for rate in rates), default=Fraction(0))
                yield Mode(size, fourcc, fastest.limit_denominator(1001) or None)


def _fourcc(pixel_format: PixelFormat) -> str:
    return int(pixel_format).to_bytes(4, "little").decode("ascii", "replace").rstrip("\0 ")
