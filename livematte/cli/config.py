"""`--config` and `--profile`: settings from a file as the options' defaults."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from livematte.cli.choices import takes
from livematte.cli.terminal import AUTOMATIC
from livematte.cli.undo import NONE, can_be_undone
from livematte.errors import UsageError
from livematte.media.names import at_home
from livematte.options.settings_file import Settings, key_line, read, usual_path
from livematte.text.near import did_you_mean, near

_ASKED: Final = "livematte.settings"
_UNDONE: Final = "livematte.undone"
_PROBLEM: Final = "livematte.settings.problem"

NEVER_SET: Final = (
    *("help", "version", "config", "profile", "install-completion", "show-completion"),
)
"""Options for one run only, or that say where the settings are."""


def _settle(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Called for both options before all others; the second call reads the file.

    An error in the file is kept for the command, which raises it if it needs to: `problem_of`.
    """
    asked = context.meta.setdefault(_ASKED, {})
    asked[parameter.name] = value
    undone = context.meta.get(_UNDONE, frozenset())
    if len(asked) == 2 and not context.resilient_parsing and "config" not in undone:
        try:
            found = defaults(context.command, asked["config"], asked["profile"])
        except UsageError as error:
            context.meta[_PROBLEM] = error
        else:
            context.default_map = {key: each for key, each in found.items() if key not in undone}
    return value


def problem_of(context: Any) -> UsageError | None:
    """The error in the settings file, if there is one."""
    problem = context.meta.get(_PROBLEM)
    return problem if isinstance(problem, UsageError) else None


def settings_path(context: Any) -> Path | None:
    """The settings file that was read, or would be if it existed; None for `--config none`."""
    if "config" in context.meta.get(_UNDONE, ()):
        return None
    asked = context.meta.get(_ASKED, {}).get("config")
    return Path(at_home(str(asked))) if asked is not None else usual_path()


def forget(context: Any, undone: Collection[str]) -> None:
    """Drop the settings of parameters that the command line has undone."""
    if context.parent is None:
        context.meta[_UNDONE] = frozenset(undone)
    elif context.default_map is not None:
        context.default_map = {
            key: each for key, each in context.default_map.items() if key not in undone
        }


def _profiles(context: typer.Context, incomplete: str) -> list[str]:
    from livematte.cli.completion import profiles

    config = context.params.get("config")
    return profiles(None if config is None else Path(config), incomplete)


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_settle,
        help="Settings file; none for no settings.",
        show_default="config.toml in the user's settings folder",
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
        autocompletion=_profiles,
        help="Use this profile of the settings file.",
        rich_help_panel="Settings",
    ),
]


def defaults(command: Any, path: Path | None, profile: str | None) -> dict[str, Any]:
    """The settings of a file as click's defaults: by parameter, with subcommands nested.

    command: click's; its type is not named, since Typer has its own copy of click since 0.26.

    Raises `UsageError` if the file cannot be read, or has a value that the command line rejects.
    """
    path, settings = read(path, profile)
    return _Checker(path, profile).defaults(command, settings, ())


class _Checker:
    """Checks a file's settings against the options, and says where a mistake is."""

    def __init__(self, path: Path, profile: str | None) -> None:
        self._path = path
        self._profile = profile

    def defaults(self, command: Any, settings: Settings, tables: tuple[str, ...]) -> dict[str, Any]:
        context = typer.Context(command, resilient_parsing=True)
        options = _settable(command)
        commands = getattr(command, "commands", {})
        found: dict[str, Any] = {}
        given: dict[str, str] = {}
        for key, value in settings.items():
            where = (*tables, key)
            if key in commands and isinstance(value, dict):
                found[key] = self.defaults(commands[key], value, where)
            elif key in commands and key not in options:
                raise self._wrong(where, "is a table", f"Begin it with [{'.'.join(where)}].")
            elif key not in options:
                raise self._unknown(command, where, [*options, *commands])
            else:
                option, is_positive = options[key]
                if option.name in given:
                    both = f"and {given[option.name]} say the same thing twice"
                    raise self._wrong(where, both, "Leave one of them out.")
                given[option.name] = key
                checked = self._checked(context, option, value, where)
                if option.is_flag:
                    found[option.name] = checked == is_positive
                elif checked is not None:
                    found[option.name] = checked
        return found

    def _checked(self, context: typer.Context, option: Any, value: Any, where: Any) -> Any:
        """The value as the option takes it; None for `none`.

        Raises `UsageError` with the message of the command line.
        """
        if option.name == "virtual_camera" and isinstance(value, bool):
            return AUTOMATIC if value else None
        if value in (NONE, [], [NONE]) and can_be_undone(option):
            return None
        if option.multiple and not isinstance(value, list):
            value = [value]
        if isinstance(value, dict) or (isinstance(value, list) and not option.multiple):
            raise self._wrong(where, "takes one value", "Give a text, a number, true or false.")
        values = value if isinstance(value, list) else [value]
        if any(isinstance(each, (dict, list)) for each in values):
            raise self._wrong(where, "takes texts or numbers", "")
        if any(option.is_flag != isinstance(each, bool) for each in values):
            kind = "true or false" if option.is_flag else "a value, not true or false"
            raise self._wrong(where, f"takes {kind}", f"It is {_shown(value)} now.")
        try:
            # As text, as on the command line, where 2.5 is not a whole number.
            if option.is_flag:
                return value
            texts = [str(each) for each in values]
            option.process_value(context, texts if option.multiple else texts[0])
        except typer.BadParameter as error:
            wanted = takes(option)
            why = f"{_shown(value)} is not {wanted}" if wanted else error.message
            raise self._wrong(where, f": {why}", "") from error
        except ValueError as error:  # a whole number too long to be text
            raise self._wrong(where, "has too many digits", "") from error
        return texts if option.multiple else texts[0]

    def _unknown(self, command: Any, where: tuple[str, ...], known: list[str]) -> UsageError:
        *tables, key = where
        plain = key.lstrip("-").replace("_", "-")
        if key in NEVER_SET:
            return self._wrong(where, "cannot be set here", f"Give --{key} on the command line.")
        found = plain if plain in known else near(plain, known)
        if found is None or plain not in known:
            for name, other in getattr(command, "commands", {}).items():
                if plain in _settable(other):
                    table = ".".join([*tables, name])
                    found = f"{plain} under [{table}]"
                    break
        hint = (
            did_you_mean(found) or f"See {' '.join(['livematte', *tables])} --help for the names."
        )
        return self._wrong(where, "is not an option", hint.strip())

    def _wrong(self, where: tuple[str, ...], what: str, remedy: str) -> UsageError:
        line = key_line(self._path, self._profile, where)
        fix = "Fix it in that file." if line is None else f"Fix it in line {line} of that file."
        key = ".".join(where) + ("" if what.startswith(":") else " ")
        return UsageError(f"{self._path}: {key}{what.rstrip('.')}.", f"{remedy} {fix}".strip())


def _shown(value: Any) -> str:
    text = {True: "true", False: "false"}.get(value, "") if isinstance(value, bool) else str(value)
    text = repr(value) if isinstance(value, str) else text
    return text if len(text) <= 60 else f"{text[:57]}..."


def _settable(command: Any) -> dict[str, tuple[Any, bool]]:
    """A command's options by their names in a file, and whether that name switches it on."""
    names = {
        name.removeprefix("--"): (each, is_positive)
        for each in command.params
        if each.param_type_name == "option"
        for is_positive, opts in ((True, each.opts), (False, each.secondary_opts))
        for name in opts
        if name.startswith("--")
    }
    return {name: each for name, each in names.items() if name not in NEVER_SET}
