"""Which v4l2loopback device can be fed, and why another cannot. Linux only.

What the driver says of a device made with exclusive_caps=1, as video calls need it:

    takes output                                  free
    gives capture                                 fed by a program already
    neither                                       free, but version 0.12 forgot to say so

A device made without it says both at all times; the driver alone knows whether it is fed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from livematte import v4l2
from livematte.errors import LivematteError, SinkError, UsageError
from livematte.frame import Size

MODPROBE: Final = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=livematte"

VIRTUAL_DEVICES: Final = Path("/sys/devices/virtual/video4linux")

# From linux/videodev2.h.
VIDIOC_STREAMON: Final = 0x40045612
V4L2_BUF_TYPE_VIDEO_OUTPUT: Final = struct.pack("i", 2)


def choose(size: Size, avoid: Collection[str]) -> str:
    """The first device that can be fed pictures of `size` and is not in `avoid`.

    Raises `SinkError`, with the reason for each device, if there is none.
    """
    reasons = []
    for device in v4l2.paths(VIRTUAL_DEVICES):
        try:
            check(device, size, avoid)
        except LivematteError as error:
            reasons.append(error.problem.rstrip("."))
        else:
            return device
    if not reasons:
        raise SinkError(
            "There is no virtual camera: the kernel module v4l2loopback is not loaded.",
            f"Load it with `{MODPROBE}`, after installing it if your system does not have it "
            "(Debian and Ubuntu: `sudo apt install v4l2loopback-dkms`).",
        )
    number = len(reasons) + 1
    each_exclusive = ",".join("1" * number)  # a single 1 would be the first device's alone
    raise SinkError(
        f"No virtual camera is free: {'; '.join(reasons)}.",
        "Stop the program that uses one, or load the module anew with one device more (`sudo "
        "modprobe -r v4l2loopback && sudo modprobe v4l2loopback "
        f"devices={number} exclusive_caps={each_exclusive}`).",
    )


def check(device: str, size: Size, avoid: Collection[str]) -> None:
    """Return if `device` can be fed pictures of `size`.

    `avoid`: paths or numbers of devices that must not be fed, such as the camera.

    Raises `UsageError` if it is one of those, `SinkError` if it cannot be fed.
    """
    path = os.path.realpath(device)
    avoided = (f"/dev/video{each}" if each.isdecimal() else each for each in avoid)
    if path in map(os.path.realpath, avoided):
        raise UsageError(
            f"{device} is the camera, and cannot be the virtual camera too.",
            "Name another device, or none to have one chosen.",
        )
    release(device)
    if not _query(device).takes_pictures:
        raise _busy(device)
    held = _held_size(path)
    if held not in (None, size):
        raise SinkError(
            f"{device} is held at {held} by a program that watches it, and the pictures "
            f"are {size}.",
            "Turn the camera off in that program, or run with the size it has.",
        )


def release(device: str, *, own: bool = False) -> None:
    """Make a device whose writer has gone say again that it takes output.

    Version 0.12 of the driver forgets to when the writer used write() instead of streaming, as
    most do, and then nobody can feed the device until the module is loaded anew. It remembers when
    a stream ends, so one is begun and ended here.

    own: the writer was this program. Otherwise a device that gives capture is left alone, because
        another program may be feeding it.
    """
    capabilities = _query(device)
    if capabilities.takes_pictures or (capabilities.gives_pictures and not own):
        return
    with suppress(OSError), v4l2.opened(device) as descriptor:
        fcntl.ioctl(descriptor, VIDIOC_STREAMON, V4L2_BUF_TYPE_VIDEO_OUTPUT)


def _query(device: str) -> v4l2.Capabilities:
    try:
        with v4l2.opened(device) as descriptor:
            capabilities = v4l2.capabilities(descriptor)
    except FileNotFoundError as error:
        raise SinkError(
            f"There is no device {device}.",
            f"Make a virtual camera with `{MODPROBE}`, and leave the name out to have one chosen.",
        ) from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _busy(device) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise SinkError(
                f"You may not use {device}.",
                "Join the group that may with `sudo usermod -aG video $USER`, "
                "then log out and in again.",
            ) from error
        raise _no_loopback(device) from error
    if capabilities.driver != v4l2.LOOPBACK_DRIVER:
        raise _no_loopback(device)
    return capabilities


def _held_size(path: str) -> Size | None:
    """The size that the driver keeps a device at, which it does while a program watches it."""
    with suppress(OSError):
        held = (VIRTUAL_DEVICES / Path(path).name / "format").read_text()  # "YU12:640x360@30"
        if held:
            width, height = held.partition(":")[2].partition("@")[0].split("x")
            return Size(int(width), int(height))
    return None


def _busy(device: str) -> SinkError:
    return SinkError(
        f"{device} is in use: another program feeds it.",
        "Stop that program, turn the camera off in those that watch it, or leave the name out "
        "to have a free device chosen.",
    )


def _no_loopback(device: str) -> SinkError:
    return SinkError(
        f"{device} is not a virtual camera: it does not belong to v4l2loopback.",
        f"Make one with `{MODPROBE}`, and leave the name out to have one chosen.",
    )
