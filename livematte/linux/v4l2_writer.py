"""Writes pictures to a v4l2loopback device. Linux only.

Other systems use pyvirtualcam. It does not report when a picture could not be written, nor that the
driver holds another size or format than requested.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from contextlib import suppress
from typing import Final

import numpy as np

from livematte.errors import SharedError, SinkError
from livematte.frame import Image, Size
from livematte.linux import v4l2
from livematte.linux.camera_format import LAYOUTS, contain
from livematte.linux.v4l2_buffers import Written, written
from livematte.linux.v4l2loopback import FEEDING_SECONDS, Held, full, release, unsendable

# From linux/videodev2.h. The kernel aligns the union in a format like a pointer.
_PADDING: Final = struct.calcsize("P") - 4
_FORMAT: Final = struct.Struct(f"I{_PADDING}x II4s9I152x")
_RATE: Final = struct.Struct("I8xII184x")
_VIDIOC_S_FMT: Final = 0xC0005605 | _FORMAT.size << 16
_VIDIOC_S_PARM: Final = 0xC0005616 | _RATE.size << 16
_OUTPUT: Final = 2
_NO_FIELDS: Final = 1
_SRGB: Final = 8

USUAL_FORMAT: Final = "YU12"
"""Planar 4:2:0, which every program that reads cameras accepts."""


class Writer:
    """An open device that takes pictures, in the size and format that the driver set."""

    def __init__(self, device: str, size: Size, frames_per_second: float) -> None:
        """Raises `SinkError` if the device cannot be opened or its format cannot be sent."""
        self._device = device
        try:
            self._descriptor = os.open(device, os.O_RDWR)
        except OSError as error:
            raise _refused(device, error) from error
        self._is_shared = False
        self._number: int | None = None
        """The driver's number for the last picture that was sent; None if unknown."""
        self._lying: frozenset[Written] = frozenset()
        self._lying_since_seconds = 0.0
        try:
            # Without a lock, two livemattes would notice each other only while both are sending.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.format = self._negotiate(size, frames_per_second)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise SinkError(
                f"{device} is in use: another livematte feeds it.",
                "Stop the other livematte, or name another device.",
            ) from error
        except OSError as error:
            os.close(self._descriptor)
            if isinstance(error, SinkError):
                raise
            raise _refused(device, error) from error

    def send(self, image: Image) -> None:
        """`image`: uint8 BGR (H, W, 3) of any size.

        Raises `SinkError` if the device does not take it, and its subclass `SharedError` if another
        program has written since the last picture.
        """
        fitted = contain(image, self.format.size)
        data = np.ascontiguousarray(LAYOUTS[self.format.fourcc].convert(fitted))
        try:
            os.write(self._descriptor, data.data)
        except OSError as error:
            raise SinkError(
                f"The virtual camera {self._device} takes no more pictures: {error.strerror}.",
                "Close the programs that use the device, or name another device.",
            ) from error

        self._require_to_be_alone()

    def is_alone(self) -> bool:
        """Whether nobody else has written for a while; call it repeatedly while nothing is sent."""
        now = time.monotonic()
        try:
            lying = written(self._descriptor)
        except OSError:
            return True
        if lying != self._lying:
            self._lying, self._lying_since_seconds = lying, now
        is_alone = now - self._lying_since_seconds >= FEEDING_SECONDS
        if is_alone:
            self._number, self._is_shared = None, False
        return is_alone

    def _require_to_be_alone(self) -> None:
        """Raise `SharedError` if the picture before the last one was not written here."""
        try:
            number = max(each.number for each in written(self._descriptor))
        except OSError:
            return
        before, self._number = self._number, number
        if before is None:
            return
        if number <= before:
            self._number = None  # a new reader makes the driver restart its count
        elif number > before + 1:
            self._is_shared = True
            raise SharedError(
                f"Another program sends to {self._device} too, and viewers would see both.",
                "Close that program, or name another device.",
            )

    def close(self) -> None:
        os.close(self._descriptor)
        if not self._is_shared:
            with suppress(SinkError):
                release(self._device)

    def _negotiate(self, size: Size, frames_per_second: float) -> Held:
        """Ask for a format, and return the one that the driver sets."""
        v4l2.capabilities(self._descriptor)  # the kernel allows what it reported last
        pixels = size.width * size.height
        usual = USUAL_FORMAT.encode()
        about = (_NO_FIELDS, size.width, pixels * 3 // 2, _SRGB, 0, 0, 0, 0, 0)
        answer = bytearray(_FORMAT.pack(_OUTPUT, size.width, size.height, usual, *about))
        fcntl.ioctl(self._descriptor, _VIDIOC_S_FMT, answer)
        _, width, height, fourcc, *_ = _FORMAT.unpack(answer)
        found = Held(Size(width, height), fourcc.decode("ascii", "replace").strip())
        if not found.can_be_sent:
            raise unsendable(self._device, found)
        with suppress(OSError):  # only tells readers the rate; pictures come as they are sent
            milliseconds = round(1000 / frames_per_second)
            rate = bytearray(_RATE.pack(_OUTPUT, milliseconds, 1000))
            fcntl.ioctl(self._descriptor, _VIDIOC_S_PARM, rate)
        return found


def _refused(device: str, error: OSError) -> SinkError:
    if error.errno == errno.EBUSY:
        return full(device)
    return SinkError(
        f"The virtual camera {device} cannot be opened: {error.strerror or error}.",
        "Close the programs that use the device, or name another device.",
    )
