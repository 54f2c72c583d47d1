"""Results say that livematte made them, so that no later run takes them for photos.

The mark is one word, which says nothing about the photo. It is where each format keeps the name of
a program, or a comment.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Final

from livematte.media.regular_file import open_regular

NAME: Final = "livematte"

JPEG_COMMENT: Final = NAME.encode()
"""In a segment of its own, COM."""

EXIF_SOFTWARE: Final = 0x0131
"""The tag of `NAME` in a WebP file, which has no comments."""

_PNG_TEXT: Final = b"tEXtSoftware\0" + NAME.encode()
_PNG_HEADER_BYTES: Final = 8 + 25
"""The signature and IHDR, which is first."""

_JPEG_SEGMENT: Final = b"\xff\xfe" + struct.pack(">H", 2 + len(JPEG_COMMENT)) + JPEG_COMMENT
_HEAD_BYTES: Final = 1 << 15
"""A profile can come before the mark."""
_TAIL_BYTES: Final = 2048
"""A WebP file's EXIF comes last, and is small in a result."""


def marked_png(png: bytes) -> bytes:
    """A PNG with the mark, before its pixels."""
    content = struct.pack(">I", len(_PNG_TEXT) - 4) + _PNG_TEXT
    chunk = content + struct.pack(">I", zlib.crc32(_PNG_TEXT))
    return png[:_PNG_HEADER_BYTES] + chunk + png[_PNG_HEADER_BYTES:]


def is_result(path: Path) -> bool:
    """Whether a file has the mark. Raises nothing: an unreadable file has none."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD_BYTES)
            if head.startswith(b"\x89PNG"):
                return _PNG_TEXT in head
            if head.startswith(b"\xff\xd8"):
                return _JPEG_SEGMENT in head
            if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
                file.seek(-min(_TAIL_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
                _, exif, content = file.read().rpartition(b"EXIF")
                return bool(exif) and NAME.encode() + b"\0" in content
    except (OSError, ValueError):
        pass
    return False
