"""Which names are one file: links, other spellings, and file systems that do not heed case."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from livematte.errors import UsageError

Identity = tuple[int, int] | str
"""A file's device and number there; its resolved name where the system gives it no number."""

_PATHLESS: Final = (OSError, ValueError)
"""What is raised of names that are too long, or that no file can have."""


def identity(path: str | os.PathLike[str]) -> Identity | None:
    """What is the same for all names of the file that `path` leads to; None if there is none."""
    try:
        status = os.stat(path)
        return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
    except _PATHLESS:
        return None


def are_one(path: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two names lead to one file that is there."""
    found = identity(path)
    return found is not None and found == identity(other)


def require_not_read(
    output: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]]
) -> None:
    """Raises `UsageError` if an output would replace a file that is read, whatever it is called."""
    found = identity(output)
    for each in inputs:
        if found is not None and found == identity(each):
            raise UsageError(
                f"{os.fspath(output)} is read in this run, and would be lost.",
                "Name another output.",
            )
