"""TIFF files as cameras write their raw photos: pictures in pictures, and tags that say so."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

_BYTE, _SHORT, _LONG = 1, 3, 4
_SIZES: Final = {_BYTE: 1, _SHORT: 2, _LONG: 4}
_LETTERS: Final = {_BYTE: "B", _SHORT: "H", _LONG: "I"}

REDUCED: Final = 1


class Picture(NamedTuple):
    """One picture of a file: `samples` bytes a pixel, all of them `level`.

    tags: others, or others than usual, with their values as bytes if they are tuples, else as
        whole numbers. inner: pictures that only this one leads to.
    """

    width: int
    height: int
    samples: int = 3
    level: int = 0
    tags: Mapping[int, int | tuple[int, ...]] = {}
    inner: Sequence[Picture] = ()


def tiff(pages: Sequence[Picture], order: str = "<", begin: bytes = b"") -> bytes:
    """A file of some pages. begin: what stands in place of the first bytes of the header."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + bytes(12)
    file = bytearray(begin + head[len(begin) :])
    file[4:8] = struct.pack(order + "I", _append(file, pages, order))
    return bytes(file)


def _append(file: bytearray, pictures: Sequence[Picture], order: str) -> int:
    """Append pictures that follow each other; returns where the first of them is."""
    following = 0
    for picture in reversed(pictures):
        inner = [_append(file, [each], order) for each in picture.inner]
        place = len(file)
        data = bytes([picture.level]) * (picture.width * picture.height * picture.samples)
        file += data + bytes(len(data) % 2)
        tags: dict[int, tuple[int, Sequence[int]]] = {
            256: (_LONG, [picture.width]),
            257: (_LONG, [picture.height]),
            258: (_SHORT, [8] * picture.samples),
            259: (_SHORT, [1]),
            262: (_SHORT, [2 if picture.samples == 3 else 1]),
            273: (_LONG, [place]),
            277: (_SHORT, [picture.samples]),
            278: (_LONG, [picture.height]),
            279: (_LONG, [len(data)]),
            **({330: (_LONG, inner)} if inner else {}),
        }
        for tag, value in picture.tags.items():
            tags[tag] = (_BYTE, value) if isinstance(value, tuple) else (_LONG, [value])
        following = _append_directory(file, tags, following, order)
    return following


def _append_directory(
    file: bytearray, tags: Mapping[int, tuple[int, Sequence[int]]], following: int, order: str
) -> int:
    entries = struct.pack(order + "H", len(tags))
    for tag, (kind, values) in sorted(tags.items()):
        field = struct.pack(f"{order}{len(values)}{_LETTERS[kind]}", *values)
        if len(field) > 4:
            place = len(file)
            file += field + bytes(len(field) % 2)
            field = struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + field.ljust(4, b"\0")
    start = len(file)
    file += entries + struct.pack(order + "I", following)
    return start
