"""`livematte weights`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from livematte.cli import completion
from livematte.cli.commands import Command, Group
from livematte.cli.examples import epilog
from livematte.cli.terminal import console, reported, say
from livematte.text.counted import counted

weights_app = typer.Typer(
    cls=Group,
    help="Get and convert the weights of the network.",
    epilog=epilog("livematte weights"),
)


@weights_app.command(cls=Command, name="convert", epilog=epilog("livematte weights convert"))
def convert_weights(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An .onnx or official .ckpt file of MODNet.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write.", show_default="beside it"
        ),
    ] = None,
) -> None:
    """Convert a MODNet of your own, .onnx or official .ckpt, for --weights."""
    with reported():
        from livematte.network.convert import convert

        written = convert(file, output)
        say(f"{written} is ready: livematte --weights {written}")


@weights_app.command(cls=Command, name="quantize", epilog=epilog("livematte weights quantize"))
def quantize_weights(
    weights: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="The weights to make an int8 form of.")
    ],
    calibrate: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH",
            help="A video, picture or folder of people to calibrate with. May be given several "
            "times.",
        ),
    ],
    check: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="The same, to measure the result with; best of other people."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The .xml to write.",
            show_default="beside the weights",
        ),
    ] = None,
) -> None:
    """Convert weights to int8, which is faster on most CPUs. Needs livematte's quantize extra."""
    with reported():
        from livematte.network import quantize as quantizing
        from livematte.network.weights import find
        from livematte.sources.samples import read_frames

        source = find(weights)
        frames = read_frames(calibrate)
        written = quantizing.quantize(source, frames, output)
        say(f"{written} is ready, with its .bin beside it.")
        if check:
            off = quantizing.compare(source, written, read_frames(check))
            say(
                f"Its matte is {off.mean:.2e} off the float32 one's on average over "
                f"{counted(off.frames, 'frame')}, {off.worst:.2e} in the worst."
            )


@weights_app.command(cls=Command, name="pull", epilog=epilog("livematte weights pull"))
def pull_weights(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=completion.words("webcam"),
            help="Which of the official weights: webcam.",
        ),
    ],
) -> None:
    """Download official weights, check their hash, convert them and keep them."""
    with reported():
        from livematte.network.download import pull

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as progress:
            task = progress.add_task(f"Downloading {name}", total=None)
            written = pull(
                name, lambda done, total: progress.update(task, completed=done, total=total)
            )
        say(f"{written} is ready: livematte --weights {name}")
