"""`--save` as people type it: several kinds with commas, by repeating it, or both."""

from __future__ import annotations

import pytest

from livematte.cli.options import parse_choices
from livematte.errors import UsageError
from livematte.photos import Save


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["alpha"], [Save.ALPHA]),
        (["alpha,cutout"], [Save.ALPHA, Save.CUTOUT]),
        (["cutout", "alpha"], [Save.CUTOUT, Save.ALPHA]),
        (["alpha,cutout", "cutout", "comparison"], [Save.ALPHA, Save.CUTOUT, Save.COMPARISON]),
        ([" alpha , cutout,"], [Save.ALPHA, Save.CUTOUT]),
    ],
)
def test_commas_and_repeating_are_the_same(texts: list[str], expected: list[Save]) -> None:
    assert parse_choices("--save", texts, Save) == expected


@pytest.mark.parametrize(("texts", "named"), [(["alpha,ghost"], "ghost"), ([""], ""), ([","], ",")])
def test_what_is_not_known_is_named_alone(texts: list[str], named: str) -> None:
    with pytest.raises(UsageError, match=f"^--save {named} is not known. Choose"):
        parse_choices("--save", texts, Save)
