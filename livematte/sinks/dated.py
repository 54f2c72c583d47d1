"""Dates in the names of outputs, so that every run writes its own file."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from livematte.media.whole_file import free_name

_DIRECTIVES: Final = "YymdHMSIpjbBaAF"
_DIRECTIVE: Final = re.compile(f"%([{_DIRECTIVES}%])")

_TELLING: Final = frozenset("YFHj")
"""One of these, or two different directives, make a name a pattern; "100%done.mp4" is not one."""

_NUMBER: Final = re.compile(r"%0?\d*d")
"""The placeholder for a PNG's number."""


class Dated(NamedTuple):
    """The name of an output.

    is_dated: whether it was a pattern; a file that already has the name is not from this run.
    """

    name: str
    is_dated: bool


def dated(name: str, when: time.struct_time) -> Dated:
    """Replace %Y, %m, %d, %H, %M, %S and the like in `name` as `strftime` does, and %% by %.

    Every other % stays, and so does the number of PNGs, such as %06d or the last %d.
    """
    head, number, tail = name, "", ""
    if PurePath(name).suffix.lower() == ".png":
        numbers = [each for each in _NUMBER.finditer(name) if "/" not in name[each.end() :]]
        if numbers:
            last = ([each for each in numbers if each[0] != "%d"] or numbers)[-1]
            head, number, tail = name[: last.start()], last[0], name[last.end() :]
    found = set(_DIRECTIVE.findall(head + tail)) - {"%"}
    if len(found) < 2 and not found & _TELLING:
        return Dated(name, False)

    def expand(text: str) -> str:
        return _DIRECTIVE.sub(
            lambda each: "%" if each[1] == "%" else time.strftime(each[0], when), text
        )

    return Dated(expand(head) + number + expand(tail), True)


def new_name(pattern: str) -> Path:
    """An unused name with the current time in it; `pattern` is `strftime`'s."""
    path = Path(time.strftime(pattern))
    return free_name(path) if os.path.lexists(path) else path
