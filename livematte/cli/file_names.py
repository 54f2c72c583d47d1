"""File names on the command line that would be mistaken for something else."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence

from livematte.media.names import at_home


def with_plain_names(arguments: Sequence[str], options: Collection[str]) -> list[str]:
    """Arguments with "./" before each file whose name begins with a dash: `livematte image *`.

    The name of an option stays an option, even if a file has that name.

    options: the names of all options, "-o" and "--output".
    """
    given: list[str] = []
    for index, each in enumerate(arguments):
        if each == "--":
            return [*given, *arguments[index:]]
        is_file = each.startswith("-") and "." in each and os.path.lexists(each)
        given.append(f".{os.sep}{each}" if is_file and _name(each) not in options else each)
    return given


def with_home(arguments: Sequence[str]) -> list[str]:
    """Arguments with "~/" at the start of a name replaced by the home folder, also after --option=.

    Some shells leave that to programs: bash after an equals sign, Windows everywhere.
    """
    return [_with_home(each) for each in arguments]


def _with_home(argument: str) -> str:
    found = re.match(r"(--[\w-]+=)?(~[/\\].*|~)$", argument, re.DOTALL)
    if found is None or os.path.lexists(found[2]):
        return argument
    return (found[1] or "") + at_home(found[2])


def _name(argument: str) -> str:
    """An argument without its =value."""
    return argument.partition("=")[0]
