"""Times in a video, as people write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from livematte.errors import UsageError

_CLOCK: Final = re.compile(r"(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9}(?:\.\d{0,9})?)", re.ASCII)
_UNITS: Final = re.compile(
    r"(?:(\d{1,9}(?:\.\d{1,9})?)h)?(?:(\d{1,9}(?:\.\d{1,9})?)m(?:in)?)?"
    r"(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9})ms)?",
    re.ASCII,
)
_SECONDS: Final = re.compile(r"\d{1,12}(?:\.\d{0,9})?|\.\d{1,9}", re.ASCII)
_WAYS: Final = "Write it like 65.5, 1:05.5, 00:01:05.5, 65.5s or 1m5s."


def parse_time(text: str) -> float:
    """Seconds from the beginning: "65.5", "1:05", "00:01:05.5", "65s", "1m5s", "250ms".

    Raises `UsageError` if it is not a time, or is negative.
    """
    plain = text.strip().lower().replace(" ", "")
    if _SECONDS.fullmatch(plain):
        return float(plain)
    if clock := _CLOCK.fullmatch(plain):
        hours, minutes, seconds = (Fraction(each or 0) for each in clock.groups())
        if seconds >= 60 or (clock[1] is not None and minutes >= 60):
            raise UsageError(
                f"{text!r} is not a time: after a colon comes a number below 60.", _WAYS
            )
        return float(hours * 3600 + minutes * 60 + seconds)
    if plain and (units := _UNITS.fullmatch(plain)):
        factors = (Fraction(3600), Fraction(60), Fraction(1), Fraction(1, 1000))
        given = (Fraction(each or 0) for each in units.groups())
        return float(sum(each * factor for each, factor in zip(given, factors, strict=True)))
    if plain.startswith("-"):
        raise UsageError(f"{text!r} is before the beginning of the video.", _WAYS)
    if "," in plain and _is_time(plain.replace(",", ".")):
        raise UsageError(
            f"{text!r} is not a time: decimals come after a point.",
            f"Did you mean {plain.replace(',', '.')}?",
        )
    raise UsageError(f"{text!r} is not a time.", _WAYS)


def _is_time(text: str) -> bool:
    return any(each.fullmatch(text) for each in (_SECONDS, _CLOCK, _UNITS))
