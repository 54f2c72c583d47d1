"""`none` and `--no-NAME`: an option counts as given nowhere, not even in the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from livematte.errors import UsageError

NONE: Final = "none"
"""The value that undoes an option."""


class Undone(NamedTuple):
    """arguments: those that are left. names: the parameters that are undone."""

    arguments: list[str]
    names: frozenset[str]


def can_be_undone(option: Any) -> bool:
    """Whether an option, click's, can have no value: it has no default of its own."""
    return (
        option.param_type_name == "option"
        and not option.is_flag
        and not option.required
        and option.default is None
    )


def undo(command: Any, arguments: Sequence[str], *, until_word: bool) -> Undone:
    """Remove the options from `arguments` that are set to no value.

    command: click's, whose options these are.
    until_word: what follows the first word that is not an option is another command's.

    Raises `UsageError` if an option stands where the value of another one should.
    """
    options = [each for each in command.params if each.param_type_name == "option"]
    valued = {name: each for each in options if not each.is_flag for name in each.opts}
    known = {name for each in options for name in (*each.opts, *each.secondary_opts)}
    kept: list[tuple[str | None, list[str]]] = []
    undone: set[str] = set()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--" or (until_word and not word.startswith("-")):
            kept.append((None, [word, *rest]))
            break
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = valued.get(name)
        if option is None and name.startswith("--no-") and name not in known and not equals:
            option, value, equals = valued.get(f"--{name[5:]}"), NONE, "="
            if option is None or not can_be_undone(option):
                option = None
        if option is None:
            kept.append((None, [word]))
            continue
        words = [word]
        if not equals and rest:
            value = rest.pop(0)
            words.append(value)
            if value in known:
                raise _without_value(name, value)
        if value == NONE and can_be_undone(option):
            undone.add(option.name)
            kept = [each for each in kept if each[0] != option.name]
        else:
            undone.discard(option.name)
            kept.append((option.name, words))
    return Undone([word for _, words in kept for word in words], frozenset(undone))


def _without_value(name: str, following: str) -> UsageError:
    return UsageError(f"{name} has no value before {following}.", value_hint(name))


def value_hint(name: str) -> str:
    """What to do where the option `name` has no value."""
    if name in ("-b", "--background"):
        return (
            "The shell takes # for the beginning of a comment: quote the colour, -b '#1e90ff', or "
            "leave out the #, -b 1e90ff."
        )
    return f"Give one after {name}, in quotes if there are spaces or # in it."
