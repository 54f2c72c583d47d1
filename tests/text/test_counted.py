from __future__ import annotations

import re
from pathlib import Path

import pytest

import livematte
from livematte.text.counted import counted


@pytest.mark.parametrize(
    ("number", "nouns", "said"),
    [
        (0, ("frame",), "0 frames"),
        (1, ("frame",), "1 frame"),
        (2, ("frame",), "2 frames"),
        (1, ("file is", "files are"), "1 file is"),
        (3, ("file is", "files are"), "3 files are"),
    ],
)
def test_a_noun_agrees_with_its_number(number: int, nouns: tuple[str, ...], said: str) -> None:
    assert counted(number, *nouns) == said


def test_no_sentence_counts_by_itself() -> None:
    """A count, without a format, before a plural: "1 frames" would be said."""
    counting = re.compile(
        r"\{[^{}:]*\} (frames|photos|pictures|files|lines|cores|threads|recordings|cameras)\b(?!/)"
    )
    found = [
        f"{path.name}: {line.strip()}"
        for path in Path(livematte.__file__).parent.rglob("*.py")
        for line in path.read_text().splitlines()
        if counting.search(line) and "MEMORY_FRAMES" not in line
    ]
    assert not found
