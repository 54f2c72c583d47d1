"""Small colour profiles, made by hand (ICC.1:2022), for pictures that are not in sRGB."""

from __future__ import annotations

import struct

from tests.photos.pictures import SRGB

_P3 = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
_D50 = (0.9642, 1.0, 0.8249)


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(each * 65536) for each in numbers))


def display_p3() -> bytes:
    """The primaries of Apple's displays, with the curves of sRGB."""
    profile = bytearray(SRGB)
    (count,) = struct.unpack_from(">I", profile, 128)
    for index in range(count):
        name, start, _ = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name in _P3:
            profile[start + 8 : start + 20] = _fixed(*_P3[name])
    return bytes(profile)


def linear_grey() -> bytes:
    """Grey whose levels are proportional to light."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, 0x0100)
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def blue_ink() -> bytes:
    """CMYK of a press whose cyan is blue, Lab (50, 0, -68), and every other ink black."""
    ramp = bytes(range(256))
    table = bytearray()
    for inks in range(16):  # cyan is the highest bit
        table += bytes(
            (255, 128, 128) if not inks else (128, 128, 60) if inks == 8 else (0, 128, 128)
        )
    identity = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + table + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, 2) + b"x\0" + bytes(78),
        b"cprt": b"text\0\0\0\0x\0",
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_D50),
        **tags,
    }
    place = 132 + 12 * len(tags)
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, place + len(contents), len(content))
        contents += content + bytes(-len(content) % 4)
    header = struct.pack(">I4xI4s4s4s", place + len(contents), 0x02400000, kind, space, connection)
    header += struct.pack(">6H4s28x", 2000, 1, 1, 0, 0, 0, b"acsp") + _fixed(*_D50)
    return header.ljust(128, b"\0") + table + contents
