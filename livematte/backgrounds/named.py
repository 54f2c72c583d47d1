"""The backgrounds of a run under the names that a person knows them by."""

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
    """text: as `--background` takes it, for exactly this one."""

    text: str
    background: Background


def parse_named(
    texts: Iterable[str], on_trouble: Callable[[str], None] = lambda _sentence: None
) -> list[NamedBackground]:
    """The backgrounds that `texts` mean: a folder is each of its pictures.

    on_trouble: told in sentences what they do not hide, and which pictures are left out.

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
    """A colour such as 1e90ff with its #, which the shell takes for a comment, if it is no file."""
    is_colour = re.fullmatch(r"[0-9a-fA-F]{6}", text) and not os.path.exists(text)
    return f"#{text}" if is_colour else text


@dataclass(frozen=True, slots=True)
class Choice:
    """The backgrounds to choose from, and the one that is shown.

    named: those that stay, and after them at most one that is left when another is chosen.
    staying: how many stay.
    """

    named: tuple[NamedBackground, ...]
    staying: int
    index: int = 0

    @classmethod
    def of(cls, named: Iterable[NamedBackground], index: int = 0) -> Choice:
        """All of which stay; the first is shown if there is none of that index."""
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
        """With another one shown. Raises `UsageError` if there is none of that index."""
        if not 0 <= index < len(self.named):
            raise UsageError(
                f"There is no background {index}.",
                f"Choose one from 0 to {len(self.named) - 1}, or name one.",
            )
        if index < self.staying:
            return Choice(self.named[: self.staying], self.staying, index)
        return replace(self, index=index)

    def moved(self, steps: int) -> Choice:
        """With the one shown that comes so many later, from the last to the first."""
        return self.at((self.index + steps) % len(self.named))

    def find(self, text: str) -> int | None:
        """The index of the one of that name; None if there is none."""
        text = with_hash(text)
        for index, each in enumerate(self.named):
            if text in (each.text, each.background.description):
                return index
        return None

    def joined_by(self, named: NamedBackground) -> Choice:
        """With one that is shown until another is chosen."""
        return Choice((*self.named[: self.staying], named), self.staying, self.staying)

    def blurred(self, blur: NamedBackground) -> Choice:
        """With this blur in place of the one that is shown, or else of the first; or joined by it.

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
