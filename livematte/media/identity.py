"""Finds names of the same file: links, other spellings, and file systems that ignore case."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final

from livematte.errors import UsageError

Identity = tuple[int, int] | str
"""A file's device and number there; its resolved name where the system gives it no number."""

_PATHLESS: Final = (OSError, ValueError)
"""Raised for names that are too long, or that no file can have."""


def identity(path: str | os.PathLike[str]) -> Identity | None:
    """A value that all names of the same file share; None if `path` leads to no file."""
    try:
        status = os.stat(path)
        return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
    except _PATHLESS:
        return None


class Inputs:
    """The files that a run reads. None of its outputs may replace them, under any name."""

    def __init__(self, paths: Iterable[str | os.PathLike[str]] = ()) -> None:
        self._by_identity = {found: each for each in paths if (found := identity(each)) is not None}

    def at(self, path: str | os.PathLike[str]) -> str | os.PathLike[str] | None:
        """The input that `path` leads to, if it leads to one."""
        found = identity(path)
        return None if found is None else self._by_identity.get(found)

    def require_not_at(self, output: str | os.PathLike[str]) -> None:
        """Raises `UsageError` if `output` would replace an input."""
        read = self.at(output)
        if read is not None:
            by_that_name = "" if os.fspath(read) == os.fspath(output) else f", as {os.fspath(read)}"
            raise UsageError(
                f"{os.fspath(output)} is read in this run{by_that_name}, and would be lost.",
                "Name another output.",
            )


def require_apart(
    outputs: Sequence[str | os.PathLike[str]], inputs: Iterable[str | os.PathLike[str]] = ()
) -> None:
    """Raises `UsageError` if one output would replace another, or an input of the run.

    A pipe, the null device and the standard output replace nothing, but take one output each.
    """
    read, places = Inputs(inputs), list[Identity]()
    for each in outputs:
        read.require_not_at(each)
        # A file that does not exist yet is identified by where its name leads.
        place = identity(each) or os.path.realpath(each)
        if place in places:
            raise UsageError(
                f"{os.fspath(each)} was given twice as an output.",
                "Name another file for one.",
            )
        places.append(place)
