"""Commands that explain mistakes in one or two lines, and work with an invalid settings file.

Click's errors are written for programmers, in a box whose lines cannot be copied. Typer has its own
copy of click since 0.26, so click's types are not named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from livematte.cli.backgrounds import with_all_backgrounds
from livematte.cli.choices import takes
from livematte.cli.config import forget, problem_of
from livematte.cli.file_names import with_home, with_plain_names
from livematte.cli.meant import as_one_name, meant, video_command
from livematte.cli.terminal import EXIT_USAGE, explain, say
from livematte.cli.undo import undo, value_hint
from livematte.doctor.finding import command_line
from livematte.errors import LivematteError, UsageError
from livematte.text.near import near

TOLERANT: Final = ("doctor", "cameras", "recover", "weights")
"""Commands that run even if the settings file is invalid."""

_ARGUMENTS: Final = "livematte.arguments"


class _Command:
    """What commands and groups share: a mixin for Typer's classes."""

    until_word = False

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        parse = super().parse_args  # type: ignore[misc]
        if not isinstance(context.default_map, dict):
            # An option may have the name of a command: weights.
            context.default_map = None
        if context.resilient_parsing:  # for completion
            with _unchecked(self.get_params(context)):  # type: ignore[attr-defined]
                return list(parse(context, args))
        undone = undo(self, args, until_word=self.until_word)
        forget(context, undone.names)
        try:
            return list(parse(context, undone.arguments))
        except Exception as error:
            # Something may be missing because the settings file was not read.
            problem = None if _is_tolerant(context) else problem_of(context)
            if problem is not None and _is_usage_error(error):
                raise problem from error
            raise


class Command(_Command, TyperCommand):
    """One command."""

    def invoke(self, ctx: Any) -> Any:
        problem = problem_of(ctx)
        if problem is not None and not _is_tolerant(ctx):
            raise problem
        if problem is not None and not ctx.command_path.endswith(" doctor"):  # which reports it
            say(f"{problem.problem} {problem.remedy} Going on without it.")
        return super().invoke(ctx)


class Group(_Command, TyperGroup):
    """A command with subcommands."""

    until_word = True

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if ctx.resilient_parsing or args[0] in self.commands:
            return super().resolve_command(ctx, args)
        word, *after = args
        raise UsageError(
            f"{word!r} is not a command.", self._remedy(ctx, word, after, list(self.commands))
        )

    def _remedy(self, context: Any, word: str, after: list[str], commands: list[str]) -> str:
        command = near(word, commands)
        if command is not None:
            return f"Did you mean: {context.command_path} {command_line(command, *after)}"
        return f"Choose from {', '.join(commands)}. See {context.command_path} --help."


class Program(Group):
    """`livematte` itself. Its error messages show no passwords."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        named = [name for each in (self, *self.commands.values()) for name in _names(each)]
        arguments = with_all_backgrounds(with_plain_names(with_home(args), named), self.commands)
        context.meta[_ARGUMENTS] = list(arguments)
        return super().parse_args(context, arguments)

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        with _explained():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        with _explained():
            return super().invoke(ctx)

    def _remedy(self, context: Any, word: str, after: list[str], commands: list[str]) -> str:
        arguments = context.meta[_ARGUMENTS]
        before = arguments[: len(arguments) - len(after) - 1]
        line = meant(word, before, after, commands)
        return f"Did you mean: {line}" if line else f"Choose from {', '.join(commands)}."


@contextmanager
def _unchecked(parameters: list[Any]) -> Iterator[None]:
    """Skip the checks of values, which load slowly: a person waits after Tab."""
    for each in parameters:
        each.process_value = lambda _context, value: value
    try:
        yield
    finally:
        for each in parameters:
            del each.process_value


def _is_tolerant(context: Any) -> bool:
    words = context.command_path.split()
    return len(words) > 1 and words[1] in TOLERANT


def _is_usage_error(error: Exception) -> bool:
    """Whether it is one of click's usage errors, except the one that shows the help."""
    return (
        getattr(error, "exit_code", None) == EXIT_USAGE
        and hasattr(error, "format_message")
        and type(error).__name__ != "NoArgsIsHelpError"
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except LivematteError as error:
        raise typer.Exit(explain(error)) from error
    except Exception as error:
        if not _is_usage_error(error):
            raise
        raise typer.Exit(explain(_in_plain_words(error))) from error


def _in_plain_words(error: Any) -> UsageError:
    """One of click's errors in livematte's words."""
    context = error.ctx
    path = "livematte" if context is None else context.command_path
    short = path.removeprefix("livematte ")  # every error begins with "livematte"
    see_help = f"See {path} --help."
    kind, message = type(error).__name__, str(error.format_message())
    if kind == "NoSuchOption":
        return UsageError(
            f"{error.option_name} is not an option of {path}.", _option_hint(error, see_help)
        )
    if kind == "BadOptionUsage" and "requires" in message:
        return UsageError(f"{error.option_name} has no value.", value_hint(error.option_name))
    if kind == "MissingParameter":
        return UsageError(
            f"{short} needs {_name_of(error.param)}.",
            _missing_hint(error, path) or see_help,
        )
    if message.startswith("Got unexpected extra argument"):
        words = re.sub(r"^[^(]*\(s?\)?\s*\(?|\)$", "", message)
        return UsageError(f"{short} cannot use {words!r}.", _extra_hint(context, see_help))
    if message == "Missing command.":
        return UsageError(
            f"{short} needs a command.",
            f"Choose from {', '.join(context.command.commands)}. {see_help}",
        )
    parameter = getattr(error, "param", None)
    if kind == "BadParameter" and parameter is not None:
        name, wanted = _name_of(parameter), takes(parameter)
        if wanted:
            problem = f"{name}: {_given(context, parameter)} is not {wanted}."
        else:  # its message may begin with the option's name
            problem = str(error.message)
            is_whole = problem.startswith("-") or problem[:1].isupper()
            problem = problem if is_whole else f"{name}: {problem}"
        return UsageError(problem, see_help)
    return UsageError(message if message.endswith((".", "?")) else f"{message}.", see_help)


def _given(context: Any, parameter: Any) -> str:
    """The value of an option, as last typed."""
    words = context.meta.get(_ARGUMENTS, [])
    given = "what was given"
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in parameter.opts:
            given = repr(value if equals else following)
    return given


def _name_of(parameter: Any) -> str:
    if parameter is None:
        return "an argument"
    if parameter.param_type_name == "option":
        return "/".join(sorted(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())


def _option_hint(error: Any, see_help: str) -> str:
    context = error.ctx
    if context is None:
        return see_help
    name = error.option_name
    if context.parent is not None and name in _options(context.parent.command):
        return f"It is an option of {context.parent.command_path}, not of this command. {see_help}"
    for other, command in getattr(context.command, "commands", {}).items():
        if name in _options(command):
            return f"It is an option of: {context.command_path} {other}"
    if (found := near(name, _options(context.command))) is not None:
        return f"Did you mean {found}? {see_help}"
    return see_help


def _names(command: Any) -> list[str]:
    """The names of all options, including hidden ones."""
    return [name for each in command.params for name in (*each.opts, *each.secondary_opts)]


def _options(command: Any) -> list[str]:
    return [
        name
        for each in command.params
        if each.param_type_name == "option" and not getattr(each, "hidden", False)
        for name in (*each.opts, *each.secondary_opts)
    ]


def _missing_hint(error: Any, path: str) -> str:
    """A command to copy, built from what was typed; "" if there is none."""
    context, parameter = error.ctx, error.param
    if path != "livematte video" or parameter is None:
        return ""
    if parameter.name == "output":
        words = context.meta[_ARGUMENTS][1:]
        name = context.params.get("input_path")
        rest = [each for each in words if each != str(name)]
        return f"Try: {video_command(str(name), rest)}" if name is not None else ""
    return "Try: livematte video talk.mp4 -o talk-matted.mp4"


def _extra_hint(context: Any, see_help: str) -> str:
    if (name := as_one_name(context.meta[_ARGUMENTS])) is not None:
        return f"Put quotes around names with spaces: {command_line(name)}"
    return f"It takes one at a time. {see_help}"
