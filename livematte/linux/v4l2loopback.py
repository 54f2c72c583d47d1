"""Which v4l2loopback devices livematte can feed, and why it cannot feed others. Linux only.

What the driver reports for a device made with exclusive_caps=1, as video calls need it:

    takes output                                  free
    gives capture                                 fed by a program, or by one that has crashed
    neither                                       free, but version 0.12 forgot to say so

A device made without it always reports both. Only new pictures show whether a program really feeds
it: a device keeps its state and its format as long as any program has it open.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from livematte.errors import LivematteError, SinkError, UsageError
from livematte.frame import Size
from livematte.linux import device_permission, v4l2, v4l2_buffers
from livematte.linux.camera_format import LAYOUTS

MODPROBE: Final = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=livematte"

LOADED: Final = Path("/sys/module/v4l2loopback")
"""Exists while the module is loaded, or if it is built into the kernel."""

VIRTUAL_DEVICES: Final = Path("/sys/devices/virtual/video4linux")

# From linux/videodev2.h.
VIDIOC_STREAMON: Final = 0x40045612
V4L2_BUF_TYPE_VIDEO_OUTPUT: Final = struct.pack("i", 2)

FEEDING_SECONDS: Final = 1.25
"""A program that sends no picture for this long has stopped; livematte sends one each second."""

FEEDING_POLL_SECONDS: Final = 0.02

MOST_BUFFERS: Final = 32
"""The most pictures that the driver keeps for its readers."""


class Held(NamedTuple):
    """The format that the driver holds a device at, while a program reads it or by a setting.

    fourcc: as in sysfs, without spaces: "YU12", "YUYV", "Y16".
    """

    size: Size
    fourcc: str

    @property
    def can_be_sent(self) -> bool:
        """Whether livematte can convert pictures to it."""
        layout = LAYOUTS.get(self.fourcc)
        return layout is not None and not any(
            side % block for side, block in zip(self.size, layout.block, strict=True)
        )


def choose(avoid: Collection[str]) -> str:
    """The first device that livematte can feed and that is not in `avoid`.

    Raises `SinkError`, with the reason for each device, if there is none.
    """
    reasons = []
    for device in v4l2.paths(VIRTUAL_DEVICES):
        try:
            check(device, avoid)
        except LivematteError as error:
            reasons.append(error.problem.rstrip("."))
        else:
            return device
    if not reasons and LOADED.exists():
        raise SinkError(
            "There is no virtual camera: the kernel module v4l2loopback is loaded but has no "
            "device.",
            f"Reload it with `sudo modprobe -r v4l2loopback && {MODPROBE}`.",
        )
    if not reasons:
        raise SinkError(
            "There is no virtual camera: the kernel module v4l2loopback is not loaded.",
            f"Load it with `{MODPROBE}`, after installing it if your system does not have it "
            "(Debian and Ubuntu: `sudo apt install v4l2loopback-dkms`).",
        )
    number = len(reasons) + 1
    each_exclusive = ",".join("1" * number)  # a single 1 would apply only to the first device
    raise SinkError(
        f"No virtual camera is free: {'; '.join(reasons)}.",
        "Stop a program that uses one, or reload the module with one more device (`sudo "
        "modprobe -r v4l2loopback && sudo modprobe v4l2loopback "
        f"devices={number} exclusive_caps={each_exclusive}`).",
    )


def check(device: str, avoid: Collection[str]) -> None:
    """Return if `device` can be fed.

    `avoid`: paths or numbers of devices that must not be fed, such as the camera.

    Raises `UsageError` if it is one of those, and `SinkError` if it cannot be fed.
    """
    path = os.path.realpath(device)
    avoided = (f"/dev/video{each}" if each.isdecimal() else each for each in avoid)
    if path in map(os.path.realpath, avoided):
        raise UsageError(
            f"{device} is the camera; it cannot also be the virtual camera.",
            "Name another device, or leave the name out to let livematte choose one.",
        )
    _query(device)
    if held(device) is not None and _is_fed(device):
        raise busy(device)
    release(device)
    if not _query(device).takes_pictures:
        raise busy(device)
    kept = held(device)
    if kept is not None and not kept.can_be_sent:
        raise unsendable(device, kept)


def held(device: str) -> Held | None:
    """The format that the driver holds `device` at; None if it accepts any."""
    name = Path(os.path.realpath(device)).name
    with suppress(OSError, ValueError):
        text = (VIRTUAL_DEVICES / name / "format").read_text()  # "YU12:640x360@30"
        if text:
            fourcc, _, rest = text.partition(":")
            width, height = rest.partition("@")[0].split("x")
            return Held(Size(int(width), int(height)), fourcc.strip())
    return None


def unsendable(device: str, kept: Held) -> SinkError:
    """The error for a device held at a format that pictures cannot be converted to."""
    why = f"livematte cannot make {kept.fourcc}"
    if kept.fourcc in LAYOUTS:
        why = f"{kept.fourcc} has no agreed layout at this odd size"
    return SinkError(
        f"{device} is held at {kept.size} {kept.fourcc} by a program that reads it, or by its "
        f"setting keep_format, and {why}.",
        "Turn the camera off in that program, or release the format with `v4l2-ctl "
        f"-d {device} -c keep_format=0`.",
    )


def _is_fed(device: str) -> bool:
    """Whether new pictures come: a crashed program leaves the same state, but no pictures come."""
    with suppress(OSError), v4l2.opened(device) as descriptor:
        with suppress(OSError):
            return _is_written_to(descriptor)
        for _ in range(MOST_BUFFERS):  # skip the pictures from before
            if not _takes_picture(descriptor):
                break
        deadline_seconds = time.monotonic() + FEEDING_SECONDS
        while time.monotonic() < deadline_seconds:
            if _takes_picture(descriptor):
                return True
            time.sleep(FEEDING_POLL_SECONDS)
    return False


def _is_written_to(descriptor: int) -> bool:
    """Whether a program writes to it. Raises OSError if the driver does not tell."""
    before = v4l2_buffers.written(descriptor)
    deadline_seconds = time.monotonic() + FEEDING_SECONDS
    while time.monotonic() < deadline_seconds:
        if v4l2_buffers.written(descriptor) != before:
            return True
        time.sleep(FEEDING_POLL_SECONDS)
    return False


def _takes_picture(descriptor: int) -> bool:
    """Read a picture; False if this descriptor has read all of them."""
    try:
        return bool(os.read(descriptor, 1))
    except BlockingIOError:
        return False


def release(device: str) -> None:
    """Make a device whose writer has gone report again that it takes output.

    Version 0.12 of the driver forgets this if the writer used write() instead of streaming, as most
    do. Then nobody can feed the device until the last reader has left, or even until the module is
    reloaded. The driver remembers it when a stream ends, so this starts and ends one. The caller
    must know that no other program feeds the device.
    """
    if _query(device).takes_pictures:
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
            f"Make a virtual camera with `{MODPROBE}`, and leave the name out to let livematte "
            "choose.",
        ) from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise full(device) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise SinkError(
                f"You do not have permission to use {device}.",
                device_permission.remedy(device),
            ) from error
        raise _no_loopback(device) from error
    if capabilities.driver != v4l2.LOOPBACK_DRIVER:
        raise _no_loopback(device)
    return capabilities


def label(device: str) -> str:
    """The name that programs show for it: its card_label. Raises OSError for other devices."""
    return (VIRTUAL_DEVICES / Path(os.path.realpath(device)).name / "name").read_text().strip()


def is_listed_as_camera(device: str) -> bool:
    """Whether Chrome, Zoom and Teams list it while it is fed: it was made with exclusive_caps=1."""
    with suppress(OSError), v4l2.opened(device) as descriptor:
        capabilities = v4l2.capabilities(descriptor)
        return not (capabilities.gives_pictures and capabilities.takes_pictures)
    return True


def full(device: str) -> SinkError:
    """The error for a device that no more programs can open."""
    setting = VIRTUAL_DEVICES / Path(os.path.realpath(device)).name / "max_openers"
    try:
        most = f" (max_openers is {setting.read_text().strip()})"
    except OSError:
        most = ""
    return SinkError(
        f"{device} is open in as many programs as it allows{most}.",
        f"Close one of them, or allow more with `echo 10 | sudo tee {setting}`.",
    )


def busy(device: str) -> SinkError:
    """The error for a device that another program feeds."""
    return SinkError(
        f"{device} is in use: another program feeds it.",
        "Stop that program, or leave the name out to let livematte choose a free device.",
    )


def _no_loopback(device: str) -> SinkError:
    return SinkError(
        f"{device} is not a virtual camera: it does not belong to v4l2loopback.",
        f"Make one with `{MODPROBE}`, and leave the name out to let livematte choose.",
    )
