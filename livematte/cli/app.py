"""All commands, and the `livematte` program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import typer

from livematte.cli.bench import bench
from livematte.cli.bench_quality import quality
from livematte.cli.commands import Command, Group, Program
from livematte.cli.doctor import doctor
from livematte.cli.image import image
from livematte.cli.live import cameras, run
from livematte.cli.recover import recover
from livematte.cli.terminal import AUTOMATIC, explain
from livematte.cli.video import video
from livematte.cli.weights import weights_app
from livematte.errors import LivematteError

EPILOG: Final = """\
[bold]Examples[/bold]

livematte                                       camera 0 on green, in a window

livematte --camera 0 -b blur --virtual-camera   a video call with the room out of focus

livematte -b beach.jpg -b blur -b '#1e90ff'     three backgrounds; b switches

livematte --input talk.mp4 -b office.png --no-preview --no-realtime --output talk-office.mp4

livematte --demo                                no camera at hand

livematte image photos/ --zip mattes.zip        mattes of photos

livematte video talk.mp4 -o talk.mov --save cutout

Keys in the window: q quit, b background, m mirror, v matte, s snapshot, i numbers, h help.
"""


app = typer.Typer(
    name="livematte",
    cls=Program,
    pretty_exceptions_show_locals=False,  # the camera's address is one
    add_completion=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(invoke_without_command=True, epilog=EPILOG)(run)
for command in (image, video, recover, cameras, doctor):
    app.command(cls=Command)(command)
bench_app = typer.Typer(cls=Group)
bench_app.callback(invoke_without_command=True)(bench)
bench_app.command(cls=Command)(quality)
app.add_typer(bench_app, name="bench")
app.add_typer(weights_app, name="weights")


def main() -> None:
    """The `livematte` command, without what stands around it. Raises SystemExit."""
    try:
        app(args=_with_optional_values(sys.argv[1:]), prog_name="livematte")
    except LivematteError as error:  # --version and --help, where their text cannot be written
        sys.exit(explain(error))


def _with_optional_values(arguments: Sequence[str]) -> list[str]:
    """Give a bare --virtual-camera its value; Typer knows no options with an optional one."""
    following = [*arguments, "-"][1:]
    return [
        f"{each}={AUTOMATIC}" if each == "--virtual-camera" and after.startswith("-") else each
        for each, after in zip(arguments, following, strict=True)
    ]
