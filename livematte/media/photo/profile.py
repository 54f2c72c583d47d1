"""Colour profiles with what colours need, and nothing else.

A profile of a photo may name the device's serial number, its owner and the program, hold private
data of any size, or be made to do harm. What goes into pictures that are published is built anew
from its primaries, its white and its tone curves (ICC.1:2022, "RGB display profile, matrix based").
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from livematte.media.hdr import xyz_of_rgb

MOST_BYTES: Final = 1 << 24
"""Larger profiles are not looked at."""

_HEADER_BYTES: Final = 128
_ENTRY_BYTES: Final = 12
_MOST_TAGS: Final = 100
_MOST_POINTS: Final = 4096
_XYZ: Final = ("rXYZ", "gXYZ", "bXYZ", "wtpt")
_CURVES: Final = ("rTRC", "gTRC", "bTRC")
_PARAMETERS: Final = (1, 3, 4, 5, 7)
"""Of a parametric curve, by its function."""

_NAME: Final = b"RGB\0"

_ONE: Final = 1 << 16
_D50: Final = (0.9642, 1.0, 0.8249)
_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""g, a, b, c and d of the third parametric curve: IEC 61966-2-1."""

_ADAPT_D65_TO_D50: Final = np.array(
    [
        [1.047886, 0.022919, -0.050216],
        [0.029582, 0.990484, -0.017079],
        [-0.009252, 0.015073, 0.751678],
    ]
)
"""Bradford's, as ICC.1:2022 has it in annex E."""


def rebuild(profile: bytes) -> bytes | None:
    """The same colours without anything else; None if it is no RGB profile of matrix and curves."""
    if len(profile) > MOST_BYTES:
        return None
    try:
        return _rebuild(profile)
    except (struct.error, ValueError, IndexError):
        return None


def cicp_tag(profile: bytes) -> tuple[int, int] | None:
    """The numbers of ITU-T H.273 of the primaries and the transfer, if an RGB profile has them."""
    if len(profile) > MOST_BYTES or profile[16:20] != b"RGB " or profile[36:40] != b"acsp":
        return None
    try:
        tag = _tags(profile).get("cicp", b"")
        return (tag[8], tag[9]) if tag[:4] == b"cicp" else None
    except (struct.error, ValueError, IndexError):
        return None


def describe(primaries: int, gamma: float | None) -> bytes:
    """A profile of RGB.

    primaries: a number of ITU-T H.273 that `media.hdr` knows.
    gamma: of a tone curve that is a power; None for that of sRGB.
    """
    columns = (_ADAPT_D65_TO_D50 @ xyz_of_rgb(primaries)).T
    tags = {name: _fixed(b"XYZ ", *column) for name, column in zip(_XYZ, columns, strict=False)}
    tags["wtpt"] = _fixed(b"XYZ ", *_D50)
    curve = (3, _SRGB_CURVE) if gamma is None else (0, (gamma,))
    numbers = struct.pack(f">{len(curve[1])}i", *(round(each * _ONE) for each in curve[1]))
    tags |= dict.fromkeys(_CURVES, struct.pack(">4s4xH2x", b"para", curve[0]) + numbers)
    tags["chad"] = _fixed(b"sf32", *_ADAPT_D65_TO_D50.ravel())
    return _assemble(4, 0, tags | _named(4))


def _fixed(kind: bytes, *numbers: float) -> bytes:
    return struct.pack(f">4s4x{len(numbers)}i", kind, *(round(each * _ONE) for each in numbers))


def _rebuild(profile: bytes) -> bytes | None:
    if profile[16:24] != b"RGB XYZ " or profile[36:40] != b"acsp" or profile[8] not in (2, 4):
        return None
    given = _tags(profile)
    if any(name.startswith(("A2B", "B2A", "D2B", "B2D")) for name in given):
        return None  # its colours are in tables, which go first where there are both
    tags: dict[str, bytes] = {
        name: _numbers(given[name], b"XYZ ", 3) for name in _XYZ if name in given
    }
    tags |= {name: _curve(given[name]) for name in _CURVES if name in given}
    if len(tags) < len(_XYZ) + len(_CURVES):
        return None
    if "chad" in given:
        tags["chad"] = _numbers(given["chad"], b"sf32", 9)
    intent = struct.unpack_from(">I", profile, 64)[0] & 3
    return _assemble(profile[8], intent, tags | _named(profile[8]))


def _named(version: int) -> dict[str, bytes]:
    if version == 2:
        description = struct.pack(">4s4xI4s", b"desc", len(_NAME), _NAME) + bytes(78)
        return {"desc": description, "cprt": b"text\0\0\0\0" + _NAME}
    name = _NAME[:-1].decode().encode("utf-16-be")
    text = struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(name), 28) + name
    return {"desc": text, "cprt": text}


def _tags(profile: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    if count > _MOST_TAGS:
        raise ValueError("no profile has so many tags")
    tags = {}
    for index in range(count):
        place = _HEADER_BYTES + 4 + index * _ENTRY_BYTES
        name, start, length = struct.unpack_from(">4sII", profile, place)
        tags[name.decode("latin-1")] = profile[start : start + length]
    return tags


def _numbers(tag: bytes, kind: bytes, count: int) -> bytes:
    numbers = struct.unpack_from(f">{count}i", tag, 8)
    if tag[:4] != kind:
        raise ValueError("another kind of numbers")
    return struct.pack(f">4s4x{count}i", kind, *numbers)


def _curve(tag: bytes) -> bytes:
    if tag[:4] == b"para":
        (function,) = struct.unpack_from(">H", tag, 8)
        count = _PARAMETERS[function]
        numbers = struct.unpack_from(f">{count}i", tag, 12)
        return struct.pack(f">4s4xH2x{count}i", b"para", function, *numbers)
    (count,) = struct.unpack_from(">I", tag, 8)
    if tag[:4] != b"curv" or count > _MOST_POINTS:
        raise ValueError("no curve")
    points = struct.unpack_from(f">{count}H", tag, 12)
    return struct.pack(f">4s4xI{count}H", b"curv", count, *points)


def _assemble(version: int, intent: int, tags: dict[str, bytes]) -> bytes:
    """version: 2 or 4. intent: of rendering, as the header has it."""
    place = _HEADER_BYTES + 4 + len(tags) * _ENTRY_BYTES
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), place + len(contents), len(content))
        contents += content + bytes(-len(content) % 4)
    date = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    # The white of the space that profiles are connected by, D50.
    white = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    header = struct.pack(
        ">I4xI4s4s4s12s4s24xI12s48x",
        *(place + len(contents), 0x02400000 if version == 2 else 0x04400000),
        *(b"mntr", b"RGB ", b"XYZ ", date, b"acsp", intent, white),
    )
    return header + table + contents
