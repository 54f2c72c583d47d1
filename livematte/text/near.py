"""Guesses what a person meant by a mistyped word or file name."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Final

MOST_NAMES: Final = 5_000
"""Names compared in a folder, at most: each one takes time, and a hint is not worth a wait."""

LEAST_LIKENESS: Final = 0.7
"""Of file names, as difflib counts it: many are much alike, such as IMG_0001.jpg and _0002.jpg."""


def near(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is most like `word`, ignoring case; None if none is similar."""
    by_lower = {each.lower(): each for each in words}
    found = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def near_file(path: Path) -> Path | None:
    """The entry in the folder of `path` with the most similar name; None if none is similar."""
    try:
        with os.scandir(path.parent) as entries:
            names = [each.name for each in itertools.islice(entries, MOST_NAMES)]
    except (OSError, ValueError):
        return None
    by_lower = {each.lower(): each for each in names if not each.startswith(".")}
    found = get_close_matches(path.name.lower(), by_lower, n=1, cutoff=LEAST_LIKENESS)
    return path.with_name(by_lower[found[0]]) if found else None


def did_you_mean(word: str | Path | None) -> str:
    """The question "Did you mean ...? ", with a space at its end; "" for None."""
    return "" if word is None else f"Did you mean {word}? "
