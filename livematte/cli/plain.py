"""Text that every terminal can show: no control characters, and only letters that it has."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Final

ENCODING_ERRORS: Final = "livematte.plain"
"""For `errors=` of encoders: letters that the encoding lacks become similar ones."""

_NEAR: Final = {
    "→": "->",
    "…": "...",
    "•": "*",
    **dict.fromkeys("─━═╌╴╶╸╺", "-"),
    **dict.fromkeys("│┃║", "|"),
}
_BOXES: Final = range(0x2500, 0x2580)
_BRAILLE: Final = range(0x2800, 0x2900)
"""Spinners are made of these."""


def without_controls(text: str) -> str:
    """`text` with terminal control characters escaped, except new lines and tabs.

    Names of files and cameras come from others, and could clear the screen or hide what follows.
    """
    return "".join(
        each
        if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf")
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(map(_near, unknown)), error.end


def _near(letter: str) -> str:
    if letter in _NEAR:
        return _NEAR[letter]
    if ord(letter) in _BOXES:
        return "+"
    if ord(letter) in _BRAILLE:
        return "."
    return letter.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(ENCODING_ERRORS, _plain)
