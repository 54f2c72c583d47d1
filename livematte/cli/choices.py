"""Checks of options' values, the same on the command line and in a settings file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import typer

from livematte.errors import UsageError
from livematte.options.rendering import Device
from livematte.text.near import did_you_mean, near

Check = Callable[..., Any]


def checked(check: Callable[[str], object]) -> Check:
    """A callback for options; `check` raises `UsageError` for a value that they do not take."""

    def callback(value: Any) -> Any:
        for each in _each(value):
            try:
                check(str(each))
            except UsageError as error:
                raise typer.BadParameter(f"{error.problem} {error.remedy}") from error
        return value

    return callback


def one_of(*words: str, several: bool = False) -> Check:
    """A callback for options whose values are `words`, or with `several` a comma-separated list."""

    def callback(parameter: typer.CallbackParam, value: Any) -> Any:
        for text in _each(value):
            named = [each.strip() for each in str(text).split(",")] if several else [text]
            for each in [each for each in named if each] or [text]:
                try:
                    require_word(each, words, parameter.opts[0])
                except UsageError as error:
                    raise typer.BadParameter(f"{error.problem} {error.remedy}") from error
        return value

    return callback


def _each(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def require_word(text: str, words: Sequence[str], what: str) -> None:
    """Raises `UsageError` if `text`, a value of `what`, is not one of `words`."""
    if text not in words:
        hint = did_you_mean(near(text, words))
        raise UsageError(f"{what} {text} is not known.", f"{hint}Choose from {', '.join(words)}.")


def require_device(text: str) -> None:
    """Raises `UsageError` if no device has such a name. Whether it exists is checked later."""
    Device.parse(text)


def takes(option: Any) -> str:
    """Describe the numbers that an option takes; "" if it does not take numbers.

    option: click's, or Typer's own.
    """
    kind = getattr(option, "type_descriptor", None)
    old_kind = getattr(option, "type", None)
    about = str(getattr(kind, "annotation", "") or getattr(old_kind, "name", ""))
    is_whole = "int" in about
    if not is_whole and "float" not in about:
        return ""
    limits = option if hasattr(option, "min") else option.type
    least, most = getattr(limits, "min", None), getattr(limits, "max", None)
    what = "a whole number" if is_whole else "a number"
    if least is None:
        return what
    return f"{what} of at least {least:g}" if most is None else f"{what} from {least:g} to {most:g}"
