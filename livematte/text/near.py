"""What a person may have meant who mistyped a word or the name of a file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Final

MOST_NAMES: Final = 5_000
"""Of a folder; comparing names takes longer with each, and a hint is not worth a wait."""

LEAST_LIKENESS: Final = 0.7
"""Of names of files, as difflib counts it: many are much alike, as IMG_0001.jpg is like _0002."""


def near(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is most like `word`, whatever the case; None if none is."""
    by_lower = {each.lower(): each for each in words}
    found = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def near_file(path: Path) -> Path | None:
    """What is in the folder of `path` and is named much like it; None if nothing is."""
    try:
        with os.scandir(path.parent) as entries:
            names = [each.name for each in itertools.islice(entries, MOST_NAMES)]
    except (OSError, ValueError):
        return None
    by_lower = {each.lower(): each for each in names if not each.startswith(".")}
    found = get_close_matches(path.name.lower(), by_lower, n=1, cutoff=LEAST_LIKENESS)
    return path.with_name(by_lower[found[0]]) if found else None


def did_you_mean(word: str | Path | None) -> str:
    """The question, with a space at its end; "" if there is nothing to ask."""
    return "" if word is None else f"Did you mean {word}? "
