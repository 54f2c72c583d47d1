"""Colours and transparency of every way to store them: right, or a sentence that says why not."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from livematte.errors import SourceError
from livematte.frame import Image
from livematte.media.photo.read import Photo, open_photo
from tests.media.photo.tiffs import Picture, tiff

HEIGHT, WIDTH = 40, 64
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB: Image = np.stack([COLUMNS * 4, ROWS * 5, (ROWS + COLUMNS) * 2], -1).astype(np.uint8)
GREY: Image = RGB[..., 1]
LEFT_GONE: Image = np.where(COLUMNS < WIDTH // 2, 0, 255).astype(np.uint8)


def deep(levels: Image) -> NDArray[np.uint16]:
    return levels.astype(np.uint16) * np.uint16(257)


def png16(colour_type: int, pixels: NDArray[np.uint16], chunks: bytes = b"") -> bytes:
    """A PNG of 16 bits. Pillow cannot write most of them."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"".join(
        (
            *(b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunks),
            *(chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")),
        )
    )


def chunk(name: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


def read(path: Path) -> Photo:
    with open_photo(path) as opened:
        return opened.decode()


KEY = 0x1234
PNGS = {
    "grey": (png16(0, deep(GREY)), GREY, None),
    "grey and alpha": (png16(4, np.dstack([deep(GREY), deep(LEFT_GONE)])), GREY, LEFT_GONE),
    "grey of which one is transparent": (
        png16(0, np.where(LEFT_GONE, deep(GREY), KEY), chunk(b"tRNS", struct.pack(">H", KEY))),
        GREY,
        LEFT_GONE,
    ),
    "RGB": (png16(2, deep(RGB)), RGB, None),
    "RGBA": (png16(6, np.dstack([deep(RGB), deep(LEFT_GONE)])), RGB, LEFT_GONE),
    "RGB of which one is transparent": (
        png16(
            2,
            np.where(LEFT_GONE[..., None], deep(RGB), KEY),
            chunk(b"tRNS", struct.pack(">3H", KEY, KEY, KEY)),
        ),
        RGB,
        LEFT_GONE,
    ),
}


@pytest.mark.parametrize(("content", "colours", "alpha"), PNGS.values(), ids=PNGS)
def test_pngs_of_16_bits(
    tmp_path: Path, content: bytes, colours: Image, alpha: Image | None
) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(content)
    photo = read(path)
    if alpha is None:
        assert photo.alpha is None
        alpha = np.full_like(GREY, 255)
    else:
        np.testing.assert_array_equal(photo.alpha, alpha)
    expected = np.broadcast_to(colours.reshape(HEIGHT, WIDTH, -1), RGB.shape)
    assert np.abs(photo.image.astype(int) - expected)[alpha > 0].max() <= 1
    assert (photo.image[alpha == 0] == 255).all()


@pytest.mark.parametrize(
    ("tags", "pixels"),
    [
        ({}, deep(GREY)),
        ({262: 0}, 65535 - deep(GREY)),  # white is 0
        ({258: 32, 339: 1}, deep(GREY).astype(np.uint32) * np.uint32(65537)),
        ({258: 32, 339: 2}, deep(GREY).astype(np.int32)),
        ({258: 32, 339: 2}, deep(GREY).astype(np.int32) * 32768),
        ({258: 32, 339: 3}, (GREY / 255).astype(np.float32)),
    ],
    ids=["16 bits", "inverted", "32 bits", "32 bits that use 16", "signed", "floats"],
)
def test_grey_tiffs_of_many_bits(
    tmp_path: Path, tags: dict[int, int], pixels: NDArray[np.generic]
) -> None:
    bytes_a_sample = pixels.dtype.itemsize
    picture = Picture(
        WIDTH,
        HEIGHT,
        samples=1,
        tags={258: 16, 279: pixels.nbytes, **tags},
    )
    file = bytearray(tiff([picture._replace(width=WIDTH * bytes_a_sample)]))
    width = struct.pack("<HHII", 256, 4, 1, WIDTH * bytes_a_sample)
    place = file.index(width)
    file[place : place + 12] = struct.pack("<HHII", 256, 4, 1, WIDTH)
    file[16 : 16 + pixels.nbytes] = pixels.tobytes()
    path = tmp_path / "deep.tif"
    path.write_bytes(bytes(file))
    assert np.abs(read(path).image.astype(int) - GREY[..., None]).max() <= 1


def test_channels_that_pillow_mixes_up_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "planes.tif"
    path.write_bytes(tiff([Picture(WIDTH, HEIGHT, samples=3, tags={284: 2})]))
    data = bytearray(path.read_bytes())
    data[data.index(struct.pack("<3H", 8, 8, 8)) :][:6] = struct.pack("<3H", 16, 16, 16)
    path.write_bytes(data.replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", 16, 16, 16)))
    with pytest.raises(SourceError, match="3 separate channels of 16 bits"):
        read(path)


def test_a_lab_picture_without_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    Pillow.new("LAB", (9, 9), (255, 128, 128)).save(path)
    assert (read(path).image >= 253).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif", "heic"])
def test_every_orientation_of_every_format(tmp_path: Path, ending: str, orientation: int) -> None:
    """A picture with a red corner at the top left, once it is upright."""
    upright = np.full((48, 80, 3), 200, np.uint8)
    upright[:24, :40] = (200, 0, 0)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{ending}"
    Pillow.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    image = read(path).image.astype(int)
    assert image.shape == upright.shape
    assert np.abs(image - upright).mean() < 6
