"""Video4Linux devices: what the kernel reports about them, without starting them. Linux only.

Numbers and layouts are those of linux/videodev2.h. The well-kept libraries for this are under the
GPL, which does not fit livematte's licence; livematte needs only five of their queries.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

from livematte.frame import Size

DEVICES: Final = Path("/sys/class/video4linux")

LOOPBACK_DRIVER: Final = "v4l2 loopback"

_VIDIOC_QUERYCAP: Final = 0x80685600
_CAPABILITY: Final = struct.Struct("16s 32s 32s I I I 3I")
_CAN_CAPTURE: Final = 0x1
_CAN_OUTPUT: Final = 0x2
_CAN_CAPTURE_PLANES: Final = 0x1000

_VIDIOC_ENUM_FMT: Final = 0xC0405602
_FORMAT: Final = struct.Struct("I I I 32s 4s I 3I")
_VIDEO_CAPTURE: Final = 1
_VIDEO_CAPTURE_PLANES: Final = 9
"""For cameras whose pictures may be split into several planes, as on Rockchip's and NXP's chips."""

_VIDIOC_ENUM_FRAMESIZES: Final = 0xC02C564A
_FRAME_SIZE: Final = struct.Struct("I 4s I 6I 2I")

_VIDIOC_ENUM_FRAMEINTERVALS: Final = 0xC034564B
_FRAME_INTERVAL: Final = struct.Struct("I 4s I I I 6I 2I")

_VIDIOC_REQBUFS: Final = 0xC0145608
_BUFFERS_REQUEST: Final = struct.Struct("I I I I I")
_IN_DRIVERS_MEMORY: Final = 1

_DISCRETE: Final = 1
"""The type of an answer that is one size or interval, not a range."""


class Capabilities(NamedTuple):
    """What a device reports about itself."""

    driver: str
    name: str
    gives_pictures: bool
    takes_pictures: bool
    bus: str
    """Where it is plugged in: "usb-0000:00:14.0-4"."""
    in_planes: bool = False
    """Whether pictures come only through the multi-planar interface."""

    @property
    def capture(self) -> int:
        """The kernel's number for the interface that pictures come through."""
        return _VIDEO_CAPTURE_PLANES if self.in_planes else _VIDEO_CAPTURE


class Mode(NamedTuple):
    """A picture size, its format ("MJPG", "YUYV"), and its highest rate.

    smallest: set if any size between it and `size` is available.
    """

    size: Size
    fourcc: str
    frames_per_second: Fraction | None
    smallest: Size | None = None

    def offers(self, size: Size) -> bool:
        """Whether pictures of `size` are available in this mode."""
        if self.smallest is None:
            return size == self.size
        return (
            self.smallest.width <= size.width <= self.size.width
            and self.smallest.height <= size.height <= self.size.height
        )


def paths(folder: Path = DEVICES) -> list[str]:
    """The video devices of a sysfs folder, by number: /dev/video0, /dev/video1, ..."""
    names = (path.name for path in folder.glob("video*"))
    numbers = sorted(int(name.removeprefix("video")) for name in names)
    return [f"/dev/video{number}" for number in numbers]


def name_in_sysfs(path: str) -> str:
    """The kernel's name for a device, without opening it; "" if it cannot be read."""
    with suppress(OSError):
        return (DEVICES / os.path.basename(path) / "name").read_text().strip()
    return ""


def serial_number(path: str) -> str:
    """The serial number of the USB device that a video device belongs to; "" if it has none."""
    with suppress(OSError):
        # The link leads to the USB interface; the parent folder is the USB device.
        interface = os.path.realpath(DEVICES / os.path.basename(path) / "device")
        return (Path(interface).parent / "serial").read_text().strip()
    return ""


@contextmanager
def opened(path: str) -> Iterator[int]:
    """The file descriptor of a device, for the queries below. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def capabilities(descriptor: int) -> Capabilities:
    """Raises OSError if it is not a V4L2 device."""
    answer = bytearray(_CAPABILITY.size)
    fcntl.ioctl(descriptor, _VIDIOC_QUERYCAP, answer)
    driver, name, bus, _version, _all_nodes, this_node, *_ = _CAPABILITY.unpack(answer)
    can_capture = _CAN_CAPTURE | _CAN_CAPTURE_PLANES
    return Capabilities(
        _text(driver),
        _text(name),
        gives_pictures=bool(this_node & can_capture),
        in_planes=not this_node & _CAN_CAPTURE and bool(this_node & _CAN_CAPTURE_PLANES),
        takes_pictures=bool(this_node & _CAN_OUTPUT),
        bus=_text(bus),
    )


def modes(descriptor: int) -> Iterator[Mode]:
    """The modes that a capture device offers."""
    capture = capabilities(descriptor).capture
    for _, _, _, _, fourcc, *_ in _answers(descriptor, _VIDIOC_ENUM_FMT, _FORMAT, capture):
        for _, _, kind, *sides in _answers(
            descriptor, _VIDIOC_ENUM_FRAMESIZES, _FRAME_SIZE, fourcc
        ):
            if kind == _DISCRETE:
                size, smallest = Size(sides[0], sides[1]), None
            else:
                least_width, most_width, _, least_height, most_height, *_ = sides
                size, smallest = Size(most_width, most_height), Size(least_width, least_height)
            rate = _highest_rate(descriptor, fourcc, size)
            yield Mode(size, _name_of(fourcc), rate, smallest)


def is_held(descriptor: int) -> bool:
    """Whether another program is using a camera, so that nobody else can.

    Asks the camera for zero buffers, which it refuses if another program has some.
    """
    capture = capabilities(descriptor).capture
    question = _BUFFERS_REQUEST.pack(0, capture, _IN_DRIVERS_MEMORY, 0, 0)
    try:
        fcntl.ioctl(descriptor, _VIDIOC_REQBUFS, bytearray(question))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def _highest_rate(descriptor: int, fourcc: bytes, size: Size) -> Fraction | None:
    """The highest rate of a mode; None if the driver does not tell."""
    rates = []
    for _, _, _, _, _, numerator, denominator, *_ in _answers(
        descriptor, _VIDIOC_ENUM_FRAMEINTERVALS, _FRAME_INTERVAL, fourcc, *size
    ):
        # In a range, the shortest interval comes first.
        if numerator:
            rates.append(Fraction(denominator, numerator))
    return max(rates, default=None)


def _answers(
    descriptor: int, request: int, layout: struct.Struct, *question: int | bytes
) -> Iterator[tuple[Any, ...]]:
    """Each answer to a query whose answers the kernel numbers from 0, until there are no more.

    question: the fields after the number; the fields after those are zero.
    """
    empty = layout.unpack(bytes(layout.size))
    for number in itertools.count():
        asked = (number, *question)
        answer = bytearray(layout.pack(*asked, *empty[len(asked) :]))
        try:
            fcntl.ioctl(descriptor, request, answer)
        except OSError:
            return
        yield layout.unpack(answer)


def _name_of(fourcc: bytes) -> str:
    """A format's usual name; the kernel marks big-endian formats with the highest bit."""
    name = bytes(byte & 0x7F for byte in fourcc).decode("ascii").rstrip("\0 ")
    return f"{name}-BE" if fourcc[3] & 0x80 else name


def _text(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode("utf-8", "replace")
