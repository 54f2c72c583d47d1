"""What a v4l2loopback device reports about the pictures that were written to it. Linux only.

For each of its buffers the driver tells when it was written and which picture it holds. Asking
takes no picture away from any reader, and the driver's own repeats (its settings timeout and
sustain_framerate) do not affect the answer.
"""

from __future__ import annotations

import fcntl
import struct
from typing import Final, NamedTuple

# From linux/videodev2.h; the kernel aligns the time, the union and the end like a pointer.
_BUFFER: Final = struct.Struct("@5I 2l 2I 8B 2I L 2I i 0l")
_VIDIOC_QUERYBUF: Final = 0xC0005609 | _BUFFER.size << 16
_OUTPUT: Final = 2
_ZEROS: Final = (0,) * 21

MOST_BUFFERS: Final = 32
"""The most that a driver can have; it has two by default."""


class Written(NamedTuple):
    """When a buffer was written, by the kernel's clock, and the number of its picture."""

    seconds: int
    microseconds: int
    number: int


def written(descriptor: int) -> frozenset[Written]:
    """What the buffers hold; it changes with each picture.

    Raises OSError if the driver does not tell. Version 0.13 and later do not; they let only one
    program write at a time.
    """
    found = set()
    for index in range(MOST_BUFFERS):
        answer = bytearray(_BUFFER.pack(index, _OUTPUT, *_ZEROS))
        try:
            fcntl.ioctl(descriptor, _VIDIOC_QUERYBUF, answer)
        except OSError:
            if not index:
                raise
            break
        fields = _BUFFER.unpack(answer)
        seconds, microseconds, number = fields[5], fields[6], fields[17]
        found.add(Written(seconds, microseconds, number))
    return frozenset(found)
