"""Which background is shown after a change: its name is read first, then it is chosen at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from livematte.backgrounds.named import Choice, NamedBackground, parse_named
from livematte.backgrounds.parse import parse_blur
from livematte.errors import UsageError
from livematte.options import changes
from livematte.options.changes import Change


def named_by(
    change: Change, choice: Choice, on_trouble: Callable[[str], None]
) -> list[NamedBackground]:
    """The backgrounds that a change names and that are not among `choice`; reads their files.

    on_trouble: see `parse_named`. Raises as that does.
    """
    if isinstance(change, changes.ReplaceBackgrounds):
        return parse_named(change.backgrounds, on_trouble)
    if isinstance(change, changes.SetBlur):
        text = f"{change.sigma_pixels:g}"
        blur = parse_blur(text)
        if blur.caution is not None:
            on_trouble(blur.caution)
        return [NamedBackground(f"blur:{text}", blur)]
    if not isinstance(change, changes.SetBackground) or isinstance(change.background, int):
        return []
    if choice.find(change.background) is not None:
        return []
    named = parse_named([change.background], on_trouble)
    if len(named) > 1:
        raise UsageError(f"{change.background} is several pictures.", "Name one of them.")
    return named


def chosen(choice: Choice, change: Change, named: Sequence[NamedBackground]) -> Choice | None:
    """The backgrounds after a change; None if it names one that is not among them any more.

    named: those that it names and that were not among them.
    """
    if isinstance(change, changes.NextBackground):
        return choice.moved(1)
    if isinstance(change, changes.PreviousBackground):
        return choice.moved(-1)
    if isinstance(change, changes.ReplaceBackgrounds):
        return Choice.of(named, choice.index)
    if isinstance(change, changes.SetBlur):
        return choice.blurred(named[0])
    if isinstance(change, changes.SetBackground):
        if isinstance(change.background, int):
            return choice.at(change.background)
        index = choice.find(change.background)
        if index is not None:
            return choice.at(index)
        return choice.joined_by(named[0]) if named else None
    return choice
