"""What a TIFF file says of the pictures in it, before any is decoded.

Raw photos are TIFFs whose first picture is a small preview, and Pillow shows no other: so it is
asked here what there is besides. After "TIFF Revision 6.0" (Adobe, 1992), BigTIFF and Adobe's
"Digital Negative Specification" 1.7.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

MOST_DIRECTORIES: Final = 200
MOST_ENTRIES: Final = 1000
MOST_VALUES: Final = 64
"""Of one tag; no tag that is looked at has more."""

_TYPES: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Of values that are read, by TIFF's number: whole numbers, and places of directories."""

_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType."""

_RAW_PHOTOMETRIC: Final = frozenset({32803, 34892})
"""Colour filter array, and linear raw."""

_RAW_COMPRESSION: Final = frozenset({32767, 32769, 32770, 34713, 65000, 65535})
"""Sony's, packed, Samsung's, Nikon's, Kodak's and Pentax's."""

_RAW_TAGS: Final = frozenset({33421, 33422, 50706})
"""Repeat pattern and pattern of the colour filter array, and the DNG version."""


class Directory(NamedTuple):
    """One picture's tags with whole numbers, by their numbers in the specification."""

    tags: dict[int, tuple[int, ...]]

    def first(self, tag: int, default: int) -> int:
        values = self.tags.get(tag)
        return values[0] if values else default

    @property
    def pixels(self) -> int:
        return self.first(256, 0) * self.first(257, 0)

    @property
    def bits(self) -> int:
        """Of a sample."""
        return max(self.tags.get(258) or (1,))

    @property
    def samples(self) -> int:
        return self.first(277, 1)

    @property
    def is_separated(self) -> bool:
        """Whether each channel is stored by itself."""
        return self.first(284, 1) == 2

    @property
    def is_whole(self) -> bool:
        """Whether it is neither a preview nor a mask of another picture."""
        return not self.first(254, 0) & (_REDUCED | _MASK) and self.first(255, 1) != 2

    @property
    def is_raw(self) -> bool:
        return (
            self.first(262, 0) in _RAW_PHOTOMETRIC
            or self.first(259, 1) in _RAW_COMPRESSION
            or not _RAW_TAGS.isdisjoint(self.tags)
        )


class TiffFile(NamedTuple):
    """pages: one after the other. inner: what is only reached from these."""

    pages: list[Directory]
    inner: list[Directory]

    @property
    def page(self) -> int:
        """Which page is the picture: the first one that is no preview of another."""
        return next((at for at, each in enumerate(self.pages) if each.is_whole), 0)

    @property
    def is_raw(self) -> bool:
        return any(each.is_raw for each in (*self.pages, *self.inner))

    @property
    def is_preview(self) -> bool:
        """Whether no page is the picture, but a smaller copy of what lies within."""
        pixels = max((each.pixels for each in self.pages), default=0)
        return any(each.is_whole and each.pixels > pixels for each in self.inner)


def read_tiff(file: BinaryIO) -> TiffFile:
    """What there is in a file that begins like a TIFF; of a damaged one, what can be read of it.

    The file is left where it was.
    """
    place = file.tell()
    pages: list[Directory] = []
    inner: list[Directory] = []
    try:
        file.seek(0)
        _Reader(file).read(pages, inner)
    except (struct.error, OSError, ValueError, OverflowError):
        pass
    file.seek(place)
    return TiffFile(pages, inner)


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        """Raises `ValueError` if it does not begin like a TIFF."""
        head = file.read(16)
        self._file = file
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if not self._order:
            raise ValueError("no TIFF")
        self._is_big = struct.unpack(f"{self._order}H", head[2:4])[0] == 43
        self._seen: set[int] = set()
        (self._first,) = (
            self._unpack("Q", head[8:16]) if self._is_big else self._unpack("I", head[4:8])
        )

    def _unpack(self, kinds: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack(self._order + kinds, data)

    def read(self, pages: list[Directory], inner: list[Directory]) -> None:
        for page in self._chain(self._first):
            pages.append(page)
            for start in page.tags.get(330, ()):  # SubIFDs
                inner.extend(self._chain(start))

    def _chain(self, place: int) -> Iterator[Directory]:
        while place and place not in self._seen and len(self._seen) < MOST_DIRECTORIES:
            self._seen.add(place)
            directory, place = self._directory(place)
            yield directory

    def _directory(self, place: int) -> tuple[Directory, int]:
        head, number = ("Q", "Q") if self._is_big else ("H", "I")
        header, width = struct.calcsize(f"=HH{number}"), struct.calcsize(f"={number}")
        self._file.seek(place)
        (count,) = self._unpack(head, self._file.read(struct.calcsize(f"={head}")))
        if count > MOST_ENTRIES:
            raise ValueError("no directory has so many entries")
        entries = self._file.read(count * (header + width))
        following = self._file.read(width)
        tags = {}
        for start in range(0, len(entries) - header - width + 1, header + width):
            entry = entries[start : start + header + width]
            tag, kind, length = self._unpack(f"HH{number}", entry[:header])
            if kind in _TYPES and 0 < length <= MOST_VALUES:
                tags[tag] = self._values(_TYPES[kind], length, entry[header:])
        return Directory(tags), self._unpack(number, following)[0] if following else 0

    def _values(self, kind: str, count: int, field: bytes) -> tuple[int, ...]:
        """field: the values, or, where they are longer, the place where they are."""
        size = struct.calcsize(f"={count}{kind}")
        if size > len(field):
            self._file.seek(self._unpack("Q" if self._is_big else "I", field)[0])
            field = self._file.read(size)
        return self._unpack(f"{count}{kind}", field[:size])
