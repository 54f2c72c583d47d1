"""What a photo's file says of its colours in the numbers of ITU-T H.273: HDR, and wide gamuts.

HEIF and AVIF say it in a box (ISO/IEC 14496-12, "colr"), PNG in a chunk (cICP, third edition), and
any format in its ICC profile (ICC.1:2022, "cicpTag").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from PIL import Image as Pillow

from livematte.media.hdr import P3_D65
from livematte.media.photo.profile import cicp_tag, describe
from livematte.media.video.colour import BT709, BT2020, HLG, PQ, SMPTE_170M, UNSPECIFIED

SRGB_CURVE: Final = 13
"""The transfer of IEC 61966-2-1."""

_LIKE_SRGB: Final = frozenset({0, BT709, UNSPECIFIED, SMPTE_170M, SRGB_CURVE, 14, 15})
"""Transfers that viewers of photos show as sRGB; the last two are BT.2020's."""

_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0}
_WIDE: Final = (BT2020, P3_D65)

_MOST_CHUNKS: Final = 1000
_MOST_META_BYTES: Final = 1 << 22
_MOST_BOXES: Final = 10_000


class Cicp(NamedTuple):
    """The numbers of H.273 of a picture's primaries and transfer.

    is_limited: whether black and white of its Y'CbCr are at 16 and 235 of 255.
    """

    primaries: int
    transfer: int
    is_limited: bool = False

    @property
    def is_hdr(self) -> bool:
        """Whether its levels mean more light than a display for SDR has."""
        return self.transfer in (PQ, HLG)

    def profile(self) -> bytes | None:
        """The same as an ICC profile; None of what viewers take for sRGB, and of HDR."""
        gamma = _GAMMAS.get(self.transfer)
        is_wide = self.primaries in _WIDE
        if self.is_hdr or (gamma is None and not (is_wide and self.transfer in _LIKE_SRGB)):
            return None
        return describe(self.primaries if is_wide else BT709, gamma)


def read_cicp(opened: Pillow.Image, file: BinaryIO) -> Cicp | None:
    """What is said of a picture; None if nothing is. What an ICC profile alone says is its own.

    The file is left where it was.
    """
    place = file.tell()
    try:
        if opened.format == "PNG" and (told := _of_png(file)):
            return told
        told = _of_heif(file) if opened.format in ("HEIF", "AVIF") else None
        if profile := opened.info.get("icc_profile"):  # goes first
            primaries, transfer = cicp_tag(profile) or (UNSPECIFIED, UNSPECIFIED)
            return Cicp(primaries, transfer, told is not None and told.is_limited)
        return told
    except (struct.error, ValueError, IndexError, KeyError):
        return None  # what cannot be understood is not said
    finally:
        file.seek(place)


def _of_png(file: BinaryIO) -> Cicp | None:
    place = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        length, name = struct.unpack(">I4s", file.read(8))
        if name == b"IDAT":
            return None
        if name == b"cICP":
            return Cicp(*file.read(2))
        place += length + 12
    return None


def _of_heif(file: BinaryIO) -> Cicp | None:
    """Of the picture that is shown; others in the file, a gain map say, have their own colours."""
    meta = _meta(file)
    if meta is None:
        return None
    boxes = dict(_boxes(meta[4:]))
    first = boxes[b"pitm"]
    shown = struct.unpack_from(">H" if first[0] == 0 else ">I", first, 4)[0]
    properties = list(_boxes(boxes[b"iprp"]))
    described = list(_boxes(dict(properties)[b"ipco"]))
    for kind, associations in properties:
        for index in _properties_of(shown, associations) if kind == b"ipma" else ():
            name, content = described[index - 1]
            if name == b"colr" and content[:4] == b"nclx":
                primaries, transfer = struct.unpack_from(">HH", content, 4)
                return Cicp(primaries, transfer, is_limited=content[10] < 0x80)
    return None


def _properties_of(item: int, associations: bytes) -> list[int]:
    """Which of the file's properties, from 1, an item has."""
    has_long_items, has_long_indices = associations[0] > 0, associations[3] & 1
    (count,) = struct.unpack_from(">I", associations, 4)
    place = 8
    for _ in range(min(count, _MOST_BOXES)):
        found, many = struct.unpack_from(">IB" if has_long_items else ">HB", associations, place)
        place += 5 if has_long_items else 3
        form = f">{many}{'H' if has_long_indices else 'B'}"
        indices = struct.unpack_from(form, associations, place)
        place += struct.calcsize(form)
        if found == item:
            # The highest bit says that who does not know the property may not show the picture.
            return [each & (0x7FFF if has_long_indices else 0x7F) for each in indices if each]
    return []


def _meta(file: BinaryIO) -> bytes | None:
    place = 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return None
        size, name = struct.unpack_from(">I4s", head)
        begin = 8
        if size == 1:
            (size,), begin = struct.unpack_from(">Q", head, 8), 16
        if name == b"meta":
            file.seek(place + begin)
            return file.read(min(size - begin, _MOST_META_BYTES) if size else _MOST_META_BYTES)
        if size < 8:
            return None
        place += size
    return None


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        begin = 8
        if size == 1:
            (size,), begin = struct.unpack_from(">Q", data, place + 8), 16
        size = size or len(data) - place
        if size < begin:
            return
        yield name, data[place + begin : place + size]
        place += size
