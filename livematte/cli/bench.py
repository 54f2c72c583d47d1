"""`livematte bench`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from livematte.cli import completion
from livematte.cli.choices import checked, one_of, require_device
from livematte.cli.options import MATTE_SIZE_VALUES, switch
from livematte.cli.terminal import console, parse_matte_size, parse_size, reported
from livematte.network.size import DEFAULT_SHORT_SIDE
from livematte.options.rendering import DEVICES, PRECISIONS

REPORT_COLUMNS: Final = 160
"""Width of a report that goes into a file or a pipe."""


def bench(
    context: typer.Context,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            callback=checked(parse_size),
            help="Size of the frames. Repeatable.",
            show_default="1280x720",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            callback=checked(require_device),
            autocompletion=completion.words(*DEVICES),
            help="Only this one, as for livematte itself. Repeatable.",
            show_default="all that there are",
        ),
    ] = None,
    matte_size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PIXELS",
            callback=checked(parse_matte_size),
            autocompletion=completion.words(*MATTE_SIZE_VALUES),
            help="Short side of what the network sees; auto is as in livematte itself. May be "
            "given several times.",
            show_default="288, and auto",
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            callback=one_of(*PRECISIONS),
            autocompletion=completion.words(*PRECISIONS),
            help="auto, fp32, int8 or fp16. Repeatable.",
            show_default="fp32 and int8",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="NUMBER", help="CPU cores to use.", show_default="all"),
    ] = None,
    background: Annotated[
        str,
        typer.Option(
            "--background",
            "-b",
            metavar="WHAT",
            autocompletion=completion.backgrounds,
            help="What to composite on.",
        ),
    ] = "green",
    frames: Annotated[
        int, typer.Option(min=6, metavar="NUMBER", help="Frames, over all rounds.")
    ] = 140,
    rounds: Annotated[
        int,
        typer.Option(
            min=1, metavar="NUMBER", help="Rounds, in which all that is compared takes turns."
        ),
    ] = 7,
    official: Annotated[
        bool, typer.Option(metavar="", help="Compare with the way of the official MODNet demo.")
    ] = True,
    memory: Annotated[
        bool, typer.Option(metavar="", help="Follow the memory over 1,000 frames.")
    ] = True,
    photos: Annotated[
        bool,
        switch(
            "photos",
            "Instead of video: JPEG photos of 1280x720 to mattes, against the network alone.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        switch("json", "Print JSON, in seconds and bytes."),
    ] = False,
) -> None:
    """Measure how fast livematte is on this computer, end to end and stage by stage."""
    if context.invoked_subcommand is not None:
        sources = [context.get_parameter_source(name) for name in context.params]
        if any(each is not None and each.name == "COMMANDLINE" for each in sources):
            context.fail(f"Options of {context.invoked_subcommand} come after its name.")
        return
    if photos:
        _bench_photos(matte_size, precision, threads, rounds, as_json)
        return
    with reported():
        from livematte.bench.compare import run_bench
        from livematte.bench.report import tables
        from livematte.options.rendering import Device

        with console.status("livematte bench") as status:
            report = run_bench(
                [parse_size(each) for each in size or ["1280x720"]],
                frames=frames,
                rounds=rounds,
                background=background,
                devices=[Device.parse(each) for each in device or ()],
                matte_short_sides=[parse_matte_size(each) for each in matte_size or ()],
                precisions=precision or (),
                threads=threads,
                official=official,
                memory=memory,
                on_progress=lambda sentence: status.update(escape(sentence)),
            )
        if as_json:
            typer.echo(json.dumps(report.as_dict(), indent=2))
            return
        width = None if sys.stdout.isatty() else REPORT_COLUMNS
        Console(width=width, highlight=False, emoji=False).print(tables(report))


def _bench_photos(
    matte_size: list[str] | None,
    precision: list[str] | None,
    threads: int | None,
    rounds: int,
    as_json: bool,
) -> None:
    with reported():
        from livematte.bench.photos import bench_photos
        from livematte.cli.process import own_process

        own_process(threads)
        with console.status("livematte bench --photos") as status:
            rates = [
                bench_photos(
                    parse_matte_size(size) or DEFAULT_SHORT_SIDE,
                    precision=each,
                    threads=threads,
                    rounds=rounds,
                    on_progress=lambda sentence: status.update(escape(sentence)),
                )
                for size in matte_size or ["288"]
                for each in precision or ["fp32"]
            ]
        if as_json:
            measured = [{**each._asdict(), "share_of_network": each.share} for each in rates]
            typer.echo(json.dumps(measured, indent=2))
            return
        for each in rates:
            typer.echo(
                f"{each.description}, {each.parallel} at once: {each.photos_per_second:.1f} "
                f"photos/s, the network alone {each.network_per_second:.1f}: {each.share:.0%}"
            )
