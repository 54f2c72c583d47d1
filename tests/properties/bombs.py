"""Small files that claim to be enormous pictures, or are: what they cost is seen once decoded."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import pillow_heif
from PIL import Image as Pillow

pillow_heif.register_heif_opener()


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"IHDR" + header, b"IDAT" + zlib.compress(bytes(1000))
    framed = (
        struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each))
        for each in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1054, 0, 0, 54) + info + bytes(1000)


def _small(kind: str) -> bytearray:
    file = io.BytesIO()
    Pillow.new("RGB", (64, 64), (9, 99, 50)).save(file, kind, lossless=True)
    return bytearray(file.getvalue())


def jpeg(width: int, height: int) -> bytes:
    data = _small("JPEG")
    start_of_frame = data.index(b"\xff\xc0")
    data[start_of_frame + 5 : start_of_frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp(width: int, height: int) -> bytes:
    """A still one."""
    data = _small("WEBP")
    place = data.index(b"VP8L") + 9
    bits = int.from_bytes(data[place : place + 4], "little")
    bits = bits >> 28 << 28 | (height - 1) << 14 | (width - 1)
    data[place : place + 4] = bits.to_bytes(4, "little")
    return bytes(data)


def moving_webp(width: int, height: int) -> bytes:
    """A small frame on a large canvas."""
    side = (63).to_bytes(3, "little")
    frame = bytes(6) + side + side + (100).to_bytes(3, "little") + b"\0" + _small("WEBP")[12:]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + canvas
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame + bytes(len(frame) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(width: int, height: int) -> bytes:
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    entries += [(262, 3, 1, 1), (273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height)]
    entries += [(279, 4, 1, 1000)]
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", *entry) for entry in entries
    )
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(1200)


def gif(width: int, height: int) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return start + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02D\x01\0;"


def heif(width: int, height: int) -> bytes:
    data = _small("HEIF")
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", width, height)
    return bytes(data)


def ppm(width: int, height: int) -> bytes:
    return b"P6 %d %d 255\n" % (width, height) + bytes(100)


PICTURES = {
    "png of 100 gigapixels": png(1_000_000, 100_000),
    "png": png(30_000, 30_000),
    "bmp of 100 gigapixels": bmp(1_000_000, 100_000),
    "bmp": bmp(30_000, 30_000),
    "jpeg": jpeg(30_000, 30_000),
    "largest jpeg": jpeg(65_500, 65_500),
    "webp": webp(16_383, 16_383),
    "moving webp": moving_webp(16_000, 16_000),
    "tiff of 100 gigapixels": tiff(1_000_000, 100_000),
    "tiff": tiff(30_000, 30_000),
    "gif": gif(16_000, 16_000),
    "largest gif": gif(65_535, 65_535),
    "heif": heif(20_000, 20_000),
    "heif of 10 gigapixels": heif(100_000, 100_000),
    "ppm of 100 gigapixels": ppm(1_000_000, 100_000),
    "ppm": ppm(30_000, 30_000),
}


def write_video(path: Path, claimed_side: int) -> Path:
    """A video whose header says that its pictures have sides of so many pixels."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width = stream.height = 1000
        stream.pix_fmt = "gray"
        frame = av.VideoFrame(1000, 1000, "gray")
        frame.pts, frame.time_base = 0, Fraction(1, 30)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sides = _two_bytes(1000), _two_bytes(claimed_side)
    # Matroska's PixelWidth and PixelHeight, each a number of two bytes.
    true, claimed = (b"\xb0\x82" + side + b"\xba\x82" + side for side in sides)
    data = path.read_bytes()
    assert data.count(true) == 1
    path.write_bytes(data.replace(true, claimed))
    return path


def _two_bytes(number: int) -> bytes:
    return struct.pack(">H", number)
