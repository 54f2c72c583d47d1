"""What a v4l2loopback device tells of the pictures that were written to it. Linux only.

The driver says of each of its buffers when it was written and as which picture: to ask that takes
no picture away from anybody, and is not fooled by the driver's own repeats (its settings timeout
and sustain_framerate).
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
"""A driver has two unless it was told otherwise, and no more than this."""


class Written(NamedTuple):
    """When a buffer was written, by the kernel's clock, and which picture it was by its count."""

    seconds: int
    microseconds: int
    number: int


def written(descriptor: int) -> frozenset[Written]:
    """What lies in the buffers: it changes with each picture.

    Raises OSError if the driver does not tell, as version 0.13 and later do not; those let only one
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
