"""The backgrounds of a run, by the names that the user gave them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from livematte.background import Background, Blur, Picture, Transparent
from livematte.backgrounds.parse import parse_all
from livematte.errors import UsageError


class NamedBackground(NamedTuple):
    """text: as `--background` takes it, for this background alone."""

    text: str
    background: Background


def parse_named(
    texts: Iterable[str], on_trouble: Callable[[str], None] = lambda _sentence: None
) -> list[NamedBackground]:
    """The backgrounds that `texts` name; a folder stands for each of its pictures.

    on_trouble: called with sentences about what they do not hide, and about skipped pictures.

    Raises as `backgrounds.parse.parse_all`, and `UsageError` if there is none.
    """
    named: list[NamedBackground] = []
    for text in map(with_hash, texts):
        found = parse_all(text, on_trouble)
        for each in found:
            own = os.fspath(each.files[0]) if isinstance(each, Picture) and each.files else text
            named.append(NamedBackground(text if len(found) == 1 else own, each))
    for caution in dict.fromkeys(each.background.caution for each in named):
        if caution is not None:
            on_trouble(caution)
    if not named:
        raise UsageError("No background was given.", "Name one: a colour, blur or a picture.")
    return named


def with_hash(text: str) -> str:
    """Add the # to a colour such as 1e90ff that is not a file; the shell treats # as a comment."""
    is_colour = re.fullmatch(r"[0-9a-fA-F]{6}", text) and not os.path.exists(text)
    return f"#{text}" if is_colour else text


@dataclass(frozen=True, slots=True)
class Choice:
    """The backgrounds to choose from, and the one that is shown.

    named: those that stay, and after them at most one that is dropped when another is chosen.
    staying: how many stay.
    """

    named: tuple[NamedBackground, ...]
    staying: int
    index: int = 0

    @classmethod
    def of(cls, named: Iterable[NamedBackground], index: int = 0) -> Choice:
        """A choice in which all stay; the first is shown if the index is out of range."""
        staying = tuple(named)
        return cls(staying, len(staying), index if index < len(staying) else 0)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(each.text for each in self.named)

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        return tuple(each.background for each in self.named)

    @property
    def has_transparent(self) -> bool:
        return any(isinstance(each.background, Transparent) for each in self.named)

    def at(self, index: int) -> Choice:
        """The choice with this one shown. Raises `UsageError` if the index is out of range."""
        if not 0 <= index < len(self.named):
            raise UsageError(
                f"There is no background {index}.",
                f"Choose one from 0 to {len(self.named) - 1}, or name one.",
            )
        if index < self.staying:
            return Choice(self.named[: self.staying], self.staying, index)
        return replace(self, index=index)

    def moved(self, steps: int) -> Choice:
        """The choice with the one shown that is `steps` further on; after the last, the first."""
        return self.at((self.index + steps) % len(self.named))

    def find(self, text: str) -> int | None:
        """The index of the background of that name; None if there is none."""
        text = with_hash(text)
        for index, each in enumerate(self.named):
            if text in (each.text, each.background.description):
                return index
        return None

    def joined_by(self, named: NamedBackground) -> Choice:
        """The choice with one more, which is shown until another is chosen."""
        return Choice((*self.named[: self.staying], named), self.staying, self.staying)

    def blurred(self, blur: NamedBackground) -> Choice:
        """The choice with this blur in place of the shown or else the first blur, or added.

        blur: its background is a `Blur`.
        """
        blurs = [
            index for index, each in enumerate(self.named) if isinstance(each.background, Blur)
        ]
        if not blurs:
            return self.joined_by(blur)
        index = self.index if self.index in blurs else blurs[0]
        named = (*self.named[:index], blur, *self.named[index + 1 :])
        return replace(self, named=named).at(index)
