"""Reads what is in an unfinished video, after a killed process, a full disk or a power cut."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from livematte.media.video.container import open_container
from livematte.text.counted import counted

COUNTED_BYTES: Final = 300_000_000
"""Of larger files only the beginning is read, to see whether they contain pictures."""

_BOX = struct.Struct(">I4s")
_LONG_SIZE = struct.Struct(">Q")


class Remains(NamedTuple):
    """The readable part of a video.

    frames: how many pictures; None if there are some, but too many to count now.
    seconds: from the first picture to the end of the last.
    """

    frames: int | None
    seconds: float

    def __str__(self) -> str:
        if self.frames is None:
            return "a long recording"
        return f"{self.seconds:.1f} seconds, {counted(self.frames, 'frame')}"


def look_into(path: Path) -> Remains:
    """The readable part of a video; nothing if the file is not a video. Raises nothing."""
    import av

    frames, first, end = 0, None, Fraction(0)
    with suppress(av.FFmpegError, OSError, ValueError), open_container(path) as container:
        few = os.path.getsize(path) <= COUNTED_BYTES
        for packet in container.demux(video=0):
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            if not few:
                return Remains(None, 0.0)
            frames += 1
            begins = packet.pts * packet.time_base
            first = begins if first is None else min(first, begins)
            end = max(end, begins + (packet.duration or 0) * packet.time_base)
    return Remains(frames, float(end - first) if first is not None else 0.0)


def count_pictures(path: Path) -> int:
    """How many pictures a finished video has; 0 if it cannot be read."""
    import av

    with suppress(av.FFmpegError, OSError, ValueError), open_container(path) as container:
        told = container.streams.video[0].frames
        return told or sum(1 for packet in container.demux(video=0) if packet.size)
    return 0


def whole_size(path: Path) -> int:
    """How many bytes of an MP4 or MOV are complete fragments.

    The whole size if there are none, or for other formats. Some players fail on half a fragment
    (boxes: ISO/IEC 14496-12, 4.2).
    """
    size = os.path.getsize(path)
    if path.suffix.lower() not in (".mp4", ".mov"):
        return size
    place = whole = 0
    has_pictures = False
    with path.open("rb") as file:
        while len(head := file.read(_BOX.size)) == _BOX.size:
            length, kind = _BOX.unpack(head)
            if length == 1:  # a 64-bit length follows
                long_size = file.read(_LONG_SIZE.size)
                length = _LONG_SIZE.unpack(long_size)[0] if len(long_size) == 8 else 0
            if length < _BOX.size or place + length > size:
                break
            place += length
            if kind != b"moof":  # useless without the mdat after it
                whole = place
            has_pictures |= kind == b"mdat"
            file.seek(place)
    return whole if has_pictures else size
