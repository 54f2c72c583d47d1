"""Names of results: a pattern with fields, from the command line."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from livematte.errors import UsageError
from livematte.photos.find import Photograph
from livematte.photos.save import FORMATS, Save

FIELDS: Final = "{stem}, {save} and {number}"
EXAMPLE: Final = 'Try --name "{stem}_{save}".'

_WIDTH: Final = re.compile(r"0?[1-9]?d?")
"""The width of a number: {number:04}."""

_FORBIDDEN: Final = re.compile(r'[\\:*?"<>|\x00-\x1f]')
"""Not allowed in names on Windows, or anywhere; people copy results to other computers."""

_ENDINGS: Final = frozenset(f".{each}" for each in FORMATS)


class Naming:
    """Names results by a pattern with the fields {stem}, {save} and {number}.

    A slash makes folders. Photos in subfolders keep theirs. If several kinds are saved and the
    pattern does not have {save}, each kind gets a folder.
    """

    def __init__(self, pattern: str = "{stem}") -> None:
        """Raises `UsageError` if it is not a pattern, or leads out of the folder of the results."""
        ending = PurePosixPath(pattern).suffix
        if ending.lower() in _ENDINGS:  # each kind has its own
            pattern = pattern[: -len(ending)]
        self._pattern = pattern
        self.fields = _fields(pattern)
        literal = pattern.format(stem="s", save="s", number=1)
        if found := _FORBIDDEN.search(literal):
            raise UsageError(f"--name {pattern}: names cannot have {found[0]!r}.", EXAMPLE)
        parts = literal.split("/")
        if any(each.strip(". ") == "" for each in parts):
            raise UsageError(
                f"--name {pattern} leads out of the folder of the results, or names no file.",
                f"Name that folder with --output. {EXAMPLE}",
            )

    def name(
        self, photo: Photograph, number: int, kind: Save, image_format: str, kinds: int
    ) -> str:
        """The name of a result, with its extension: "holiday/IMG_1.png".

        number: of the photo, from 1. kinds: how many are saved of each photo.
        """
        place = PurePosixPath(photo.name)
        told = self._pattern.format(stem=place.name, save=kind.value, number=number)
        ending = kind.ending(image_format)
        folder = f"{kind.value}/" if kinds > 1 and "save" not in self.fields else ""
        return f"{folder}{(place.parent / told).as_posix()}{ending}"


class FixedName:
    """The name of the only result of a single photo."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(
        self, photo: Photograph, number: int, kind: Save, image_format: str, kinds: int
    ) -> str:
        return self._name


def plan(
    photos: Sequence[Photograph],
    kinds: Sequence[Save],
    image_format: str,
    naming: Naming | FixedName,
) -> list[dict[Save, str]]:
    """The names of the results of each photo.

    Raises `UsageError` if two would be the same, or differ only in upper and lower case.
    """
    plans = [
        {kind: naming.name(photo, number, kind, image_format, len(kinds)) for kind in kinds}
        for number, photo in enumerate(photos, 1)
    ]
    owners: dict[str, Photograph] = {}
    for photo, names in zip(photos, plans, strict=True):
        for name in names.values():
            other = owners.setdefault(name.casefold(), photo)
            if other is not photo or len(set(names.values())) < len(names):
                both = "" if other is photo else f" of {other.path}"
                raise UsageError(
                    f"Results{both} and {photo.path} would both be called {name}.",
                    "Use {stem} or {number} in --name.",
                )
    return plans


def _fields(pattern: str) -> frozenset[str]:
    """The fields of a pattern. Raises `UsageError` if it is not a pattern."""
    fields = set()
    try:
        parsed = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise UsageError(f"--name {pattern}: {error}.", f"Braces hold fields. {EXAMPLE}") from error
    for _, field, form, conversion in parsed:
        if field is None:
            continue
        if field not in ("stem", "save", "number") or conversion:
            raise UsageError(
                f"--name {pattern}: {{{field}}} is not known.", f"There are {FIELDS}. {EXAMPLE}"
            )
        if form and not (field == "number" and _WIDTH.fullmatch(form)):
            raise UsageError(
                f"--name {pattern}: {{{field}:{form}}} is not known.",
                "Only numbers have a width: {number:04}.",
            )
        fields.add(field)
    return frozenset(fields)
