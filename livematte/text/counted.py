"""Numbers with their nouns, for sentences."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Like "1 frame" or "2 frames"; plural: if it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
