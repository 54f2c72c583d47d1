"""Pillow's limit on pixels, lifted for the photos of which livematte has checked the size itself.

The limit is one value for the whole process, and the program that imports livematte may rely on it:
it is left alone unless a photo exceeds it, and comes back when that is decoded.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

_MORE_THAN_ANY_LIMIT: Final = 1 << 62

_lock = threading.Lock()
_lifted_by = 0
_limit_before: int | None = None


@contextmanager
def lifted(pixels: int) -> Iterator[None]:
    """No limit within, if a photo of so many `pixels` exceeds it; several threads may be within."""
    global _lifted_by, _limit_before
    with _lock:
        lifts = _lifted_by > 0 or (
            Pillow.MAX_IMAGE_PIXELS is not None and pixels > Pillow.MAX_IMAGE_PIXELS
        )
        if lifts:
            if _lifted_by == 0:
                _limit_before = Pillow.MAX_IMAGE_PIXELS
                Pillow.MAX_IMAGE_PIXELS = None
            _lifted_by += 1
    try:
        yield
    finally:
        if lifts:
            with _lock:
                _lifted_by -= 1
                if _lifted_by == 0:
                    Pillow.MAX_IMAGE_PIXELS = _limit_before


def open_unlimited(file: BinaryIO, formats: tuple[str, ...]) -> Pillow.Image:
    """As `PIL.Image.open`, but for its limit: the caller has one of its own.

    formats: names in `PIL.Image.OPEN`. Raises `PIL.UnidentifiedImageError` if it is none of them.
    """
    file.seek(0)
    start = file.read(16)
    for name in formats:
        factory, accept = Pillow.OPEN[name]
        accepted = accept is None or accept(start)
        if isinstance(accepted, str) or not accepted:  # a sentence: this Pillow lacks a library
            continue
        file.seek(0)
        try:
            try:
                return factory(file, "")
            except Pillow.DecompressionBombError:  # WebP asks before its decoder takes memory
                file.seek(0)
                with lifted(_MORE_THAN_ANY_LIMIT):
                    return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # what Pillow itself takes for "not this format"
    raise UnidentifiedImageError("cannot identify image file")
