from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from livematte.frame import Image
from livematte.media.photo.profile import rebuild
from livematte.media.photo.read import open_photo
from tests.photos.pictures import SRGB, portrait, write_photo

SERIAL = b"serial-4711-of-me"


def wide(profile: bytes = SRGB, name: bytes = b"priv", content: bytes = SERIAL) -> bytes:
    """`profile` with other primaries, and a tag that its maker has put in."""
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(count)]
    tags = [(tag, profile[start : start + size]) for tag, start, size in entries]
    tags = [
        (tag, each[:8] + struct.pack(">3i", 40000, 18000, 900) if tag == b"rXYZ" else each)
        for tag, each in tags
    ]
    tags.append((name, content))
    start, table, contents = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, each in tags:
        table += struct.pack(">4sII", tag, start + len(contents), len(each))
        contents += each + bytes(-len(each) % 4)
    header = bytearray(profile[:128])
    header[0:4] = struct.pack(">I", start + len(contents))
    header[48:56] = SERIAL[:8]
    return bytes(header) + table + contents


def in_srgb(image: Image, profile: bytes) -> Image:
    converted = ImageCms.profileToProfile(
        Pillow.fromarray(image),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
    )
    assert converted is not None
    return np.array(converted)


@pytest.mark.parametrize("given", [SRGB, wide()])
def test_the_colours_stay_and_all_else_goes(given: bytes) -> None:
    rebuilt = rebuild(given)
    assert rebuilt is not None
    assert len(rebuilt) < 13_000
    assert SERIAL[:8] not in rebuilt
    assert b"sRGB" not in rebuilt
    assert b"lcms" not in rebuilt
    np.testing.assert_array_equal(in_srgb(portrait(), rebuilt), in_srgb(portrait(), given))
    assert rebuild(rebuilt) == rebuilt


def test_of_a_photo_nothing_of_its_maker_is_left(tmp_path: Path) -> None:
    given = wide()
    path = write_photo(tmp_path / "a.png", icc_profile=given)
    with open_photo(path) as opened:
        photo = opened.decode()
    assert photo.profile == rebuild(given)
    assert photo.profile is not None
    np.testing.assert_array_equal(photo.image, portrait())


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"no profile",
        SRGB[:200],
        SRGB[:128] + b"\xff" * 300,
        wide(name=b"A2B0"),
        SRGB[:16] + b"GRAY" + SRGB[20:],
        bytes(1 << 25),
    ],
)
def test_what_cannot_be_rebuilt_is_not_kept(given: bytes, tmp_path: Path) -> None:
    assert rebuild(given) is None
    if given:
        path = write_photo(tmp_path / "a.webp", icc_profile=given, lossless=True)
        with open_photo(path) as opened:
            assert opened.decode().profile is None
