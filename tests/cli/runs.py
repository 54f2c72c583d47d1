"""The command in this process: what it says and how it ends."""

from __future__ import annotations

from typing import Any, NamedTuple

import typer
from typer.testing import CliRunner

from livematte.cli.app import _with_optional_values, app


class Ended(NamedTuple):
    """code: the exit code. said: both streams, in one."""

    code: int
    said: str


def livematte(*words: str) -> Ended:
    """Run `livematte` with the words; nothing but SystemExit may be raised."""
    result = CliRunner().invoke(app, _with_optional_values(words), prog_name="livematte")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ended(result.exit_code, result.output)


def parsed(*words: str) -> dict[str, Any]:
    """The values of all options of `livematte`, or of its command, as the words set them."""
    command: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}

    def note(**values: Any) -> None:
        found.update(values)

    def with_notes(each: Any) -> None:
        each.callback = note
        for inner in getattr(each, "commands", {}).values():
            with_notes(inner)

    with_notes(command)
    arguments = _with_optional_values(words)
    code = command.main(args=arguments, prog_name="livematte", standalone_mode=False)
    assert not code, words
    return found
