"""Backgrounds as they are given on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from livematte.cli.terminal import say

if TYPE_CHECKING:
    from livematte.background import Background


def parse_backgrounds(texts: Iterable[str]) -> list[Background]:
    """The backgrounds that a person means, having said what they do not hide.

    Raises what `background.parse` raises.
    """
    from livematte.background import parse

    backgrounds = [parse(each) for each in texts]
    for caution in dict.fromkeys(each.caution for each in backgrounds):
        if caution is not None:
            say(caution)
    return backgrounds
