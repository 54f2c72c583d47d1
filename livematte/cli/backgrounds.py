"""Backgrounds as they are given on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os.path import exists
from typing import TYPE_CHECKING

from livematte.cli.terminal import say

if TYPE_CHECKING:
    from livematte.background import Background


def parse_backgrounds(texts: Iterable[str]) -> list[Background]:
    """The backgrounds that a person means, having said what they do not hide.

    Raises what `background.parse` raises.
    """
    from livematte.background import parse

    backgrounds = [parse(_with_hash(each)) for each in texts]
    for caution in dict.fromkeys(each.caution for each in backgrounds):
        if caution is not None:
            say(caution)
    return backgrounds


def _with_hash(text: str) -> str:
    """A colour such as 1e90ff with its #, which the shell takes for a comment, if it is no file."""
    return f"#{text}" if re.fullmatch(r"[0-9a-fA-F]{6}", text) and not exists(text) else text
