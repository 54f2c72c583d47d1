"""How much memory photos need, and how much there is: a larger one is refused before it is decoded.

What is made of a photo is in memory as a whole, so that memory is the limit, and not a number of
pixels: cameras of 200 megapixels exist. A file that claims far more pixels than its bytes can hold
was made to fill the memory, and is refused whatever there is.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from livematte.errors import SourceError, UsageError

DECODE_BYTES: Final = 12
"""A pixel, to decode a photo and convert its colours."""

USABLE_SHARE: Final = 0.75
"""Of the memory that is free: other programs want some, too."""

LEAST_USABLE_BYTES: Final = 1_000_000_000
"""Where free memory is short, systems make room; and what is less than this always was read."""

ALWAYS_TRIED_PIXELS: Final = 50_000_000
MOST_PIXELS_A_BYTE: Final = 20_000
"""One even colour takes a few bytes in some formats: whatever fits easily is tried. Of larger
pictures, even those of one colour, JPEG has 250 pixels in a byte and PNG 1,000."""

PIXELS_AT_ONCE: Final = 50_000_000
"""Of the photos that are in memory at once; a larger one goes alone."""

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CGROUP: Final = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
"""Of containers, versions 2 and 1: what they may take, and what they have taken."""


def usable_bytes() -> int:
    """How much memory photos may take now."""
    free = psutil.virtual_memory().available
    for limit, taken in _CGROUP:
        with suppress(OSError, ValueError):  # not in a container, or one without a limit
            free = min(free, int(Path(limit).read_text()) - int(Path(taken).read_text()))
    return max(LEAST_USABLE_BYTES, int(USABLE_SHARE * free))


def parse_bytes(text: str) -> int:
    """The bytes of "12G" or "800M". Raises `UsageError` if it is not an amount of memory."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([KMGT]?)B?", text.strip().upper())
    if match is None or not (amount := round(float(match[1]) * _UNITS[match[2]])):
        raise UsageError(
            f"{text!r} is not an amount of memory.", "Give gigabytes: --max-memory 12G."
        )
    return amount


def require_memory(path: Path, pixels: int, needed_bytes: int, limit_bytes: int) -> None:
    """Raises `SourceError` if a photo needs more than there is, which says how to allow more."""
    if needed_bytes <= limit_bytes:
        return
    needed = needed_bytes / 1e9
    raise SourceError(
        f"{path} claims to have {_megapixels(pixels)}, which need {needed:.1f} GB of memory, and "
        f"photos may take {limit_bytes / 1e9:.1f} GB here.",
        f"Make it smaller, close other programs, or allow more: --max-memory {math.ceil(needed)}G.",
    )


def require_plausible(path: Path, pixels: int, file_bytes: int) -> None:
    """Raises `SourceError` if a file of so many bytes cannot hold a photo of so many pixels."""
    if pixels > max(ALWAYS_TRIED_PIXELS, MOST_PIXELS_A_BYTE * file_bytes):
        raise SourceError(
            f"{path} claims to have {_megapixels(pixels)} in {file_bytes / 1000:.1f} kB, which no "
            "photo has.",
            "It is damaged, or was made to do harm. Copy it again from where it came.",
        )


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:,.0f} megapixels"


class MemoryBudget:
    """Lets threads go on only while the photos that they hold are not too much for the memory."""

    def __init__(self, pixels: int = PIXELS_AT_ONCE) -> None:
        self._most = pixels
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, pixels: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + pixels <= self._most)
            self._held += pixels
        try:
            yield
        finally:
            with self._changed:
                self._held -= pixels
                self._changed.notify_all()
