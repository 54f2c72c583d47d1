"""`--config` and `--profile`: settings from a file as the options' defaults."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from livematte.cli.terminal import AUTOMATIC, reported
from livematte.errors import UsageError
from livematte.settings import Settings, read

_ASKED = "livematte.settings"
NEVER_SET = ("help", "version", "config", "profile", "install-completion", "show-completion")


def _settle(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Called for both options before all others are looked at; with both the file is read."""
    asked = context.meta.setdefault(_ASKED, {})
    asked[parameter.name] = value
    if len(asked) == 2 and not context.resilient_parsing:
        with reported():
            context.default_map = defaults(context.command, asked["config"], asked["profile"])
    return value


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_settle,
        help="Settings file.",
        show_default="config.toml in the user's folder of settings",
        rich_help_panel="Settings",
    ),
]

Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        is_eager=True,
        callback=_settle,
        help="A profile of the settings file.",
        rich_help_panel="Settings",
    ),
]


def defaults(command: Any, path: Path | None, profile: str | None) -> dict[str, Any]:
    """What a settings file says, as click takes defaults: by parameter, subcommands nested.

    command: click's; its type is not named, since Typer has a copy of click of its own from 0.26.

    Raises `UsageError` if the file cannot be read, or says what the command line would refuse.
    """
    path, settings = read(path, profile)
    return _defaults(command, settings, str(path), "")


def _defaults(command: Any, settings: Settings, path: str, table: str) -> dict[str, Any]:
    context = typer.Context(command, resilient_parsing=True)
    options = {
        name.removeprefix("--"): each
        for each in command.params
        if each.param_type_name == "option"
        for name in each.opts
        if name.startswith("--")
    }
    options = {name: each for name, each in options.items() if name not in NEVER_SET}
    commands = getattr(command, "commands", {})
    found: dict[str, Any] = {}
    for key, value in settings.items():
        where = f"{path}: {table}{key}"
        if key in commands and isinstance(value, dict):
            found[key] = _defaults(commands[key], value, path, f"{table}{key}.")
        elif key in commands:
            raise UsageError(f"{where} is a table.", f"Begin it with [{table}{key}].")
        elif key in options:
            option = options[key]
            found[option.name] = _checked(context, option, value, where)
        else:
            near = get_close_matches(key, [*options, *commands], n=1)
            hint = f"Did you mean {near[0]}?" if near else "See --help for the options' names."
            raise UsageError(f"{where} is no option.", hint)
    return found


def _checked(context: typer.Context, option: Any, value: Any, where: str) -> Any:
    """A value that the option takes. Raises `UsageError` with what the command line would say."""
    if option.name == "virtual_camera" and isinstance(value, bool):
        return AUTOMATIC if value else None
    if option.multiple and not isinstance(value, list):
        value = [value]
    if isinstance(value, dict) or (isinstance(value, list) and not option.multiple):
        raise UsageError(f"{where} takes one value.", "Give a text, a number, true or false.")
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, (dict, list)) for each in values):
        raise UsageError(f"{where} takes texts or numbers.", "Correct it there.")
    if any(option.is_flag != isinstance(each, bool) for each in values):
        kind = "true or false" if option.is_flag else "a value, not true or false"
        raise UsageError(f"{where} takes {kind}.", "Correct it there.")
    try:
        # As text, as on the command line, where 2.5 is no whole number.
        if option.multiple:
            option.process_value(context, [str(each) for each in value])
        else:
            option.process_value(context, value if option.is_flag else str(value))
    except typer.BadParameter as error:
        raise UsageError(f"{where}: {error.message}", "Correct it there.") from error
    except ValueError as error:  # a whole number too long to be text
        raise UsageError(f"{where} has too many digits.", "Correct it there.") from error
    return value
