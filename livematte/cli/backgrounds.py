"""Backgrounds as they are given on the command line."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from livematte.cli.meant import is_video
from livematte.cli.terminal import say

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.backgrounds.named import NamedBackground


BACKGROUND_OPTIONS: Final = ("-b", "--background")

BACKGROUND_HELP: Final = "logo.png@navy puts a colour behind a transparent picture: white if none."

SHOWN: Final = 4
"""How many backgrounds a message names."""


def with_all_backgrounds(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """Arguments of `livematte` itself with -b before each of several files after one -b.

    A shell turns `-b *.jpg` into `-b a.jpg b.jpg`, whose second file would be taken for a command.

    commands: the names of commands; files after a command belong to it.
    """
    given: list[str] = []
    follows_background = False
    for index, each in enumerate(arguments):
        if each in commands and not (given and given[-1] in BACKGROUND_OPTIONS):
            return [*given, *arguments[index:]]
        is_value = bool(given) and given[-1] in BACKGROUND_OPTIONS
        if is_value:
            follows_background = os.path.lexists(each)
        elif (
            follows_background
            and not each.startswith("-")
            and os.path.lexists(each)
            and is_video(each) == is_video(given[-1])  # otherwise it may be the file to matte
        ):
            given.append(BACKGROUND_OPTIONS[0])
        else:
            follows_background = False
        given.append(each)
    return given


def described(backgrounds: Sequence[Background]) -> str:
    """Their names, in one line."""
    names = [each.description for each in backgrounds[:SHOWN]]
    more = len(backgrounds) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def parse_background(text: str | None) -> Background | None:
    """A file's background; None if not given. Raises what `backgrounds.parse.parse` raises."""
    from livematte.backgrounds.parse import parse

    if text is None:
        return None
    background = parse(text)
    if background.caution is not None:
        say(background.caution)
    return background


def parse_backgrounds(texts: Iterable[str]) -> list[NamedBackground]:
    """Parse backgrounds, and print what they do not hide.

    Raises what `backgrounds.named.parse_named` raises.
    """
    from livematte.backgrounds.named import parse_named

    return parse_named(texts, on_trouble=say)
