"""All commands, and the `livematte` program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from livematte.cli.bench import bench
from livematte.cli.bench_quality import quality
from livematte.cli.commands import Command, Group, Program
from livematte.cli.doctor import doctor
from livematte.cli.examples import epilog
from livematte.cli.image import image
from livematte.cli.live.command import cameras, run
from livematte.cli.recover import recover
from livematte.cli.terminal import AUTOMATIC, explain
from livematte.cli.video import video
from livematte.cli.weights import weights_app
from livematte.errors import LivematteError

app = typer.Typer(
    name="livematte",
    cls=Program,
    pretty_exceptions_show_locals=False,  # the camera's address is one
    add_completion=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(invoke_without_command=True, epilog=epilog("livematte"))(run)
for command in (image, video, recover, cameras, doctor):
    app.command(cls=Command, epilog=epilog(f"livematte {command.__name__}"))(command)
bench_app = typer.Typer(cls=Group)
bench_app.callback(invoke_without_command=True, epilog=epilog("livematte bench"))(bench)
bench_app.command(cls=Command, epilog=epilog("livematte bench quality"))(quality)
app.add_typer(bench_app, name="bench")
app.add_typer(weights_app, name="weights")


def main() -> None:
    """Run the `livematte` command with the program's arguments. Raises SystemExit."""
    try:
        app(args=_with_optional_values(sys.argv[1:]), prog_name="livematte")
    except LivematteError as error:  # --version and --help, where their text cannot be written
        sys.exit(explain(error))


def _with_optional_values(arguments: Sequence[str]) -> list[str]:
    """Give a bare --virtual-camera its value; Typer has no options whose value is optional."""
    following = [*arguments, "-"][1:]
    return [
        f"{each}={AUTOMATIC}" if each == "--virtual-camera" and after.startswith("-") else each
        for each, after in zip(arguments, following, strict=True)
    ]
