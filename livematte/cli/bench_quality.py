"""`livematte bench quality`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from livematte.cli import completion
from livematte.cli.bench import REPORT_COLUMNS
from livematte.cli.choices import checked
from livematte.cli.options import (
    MATTE_SIZE_HELP,
    MATTE_SIZE_VALUES,
    NETWORK_PANEL,
    Debug,
    Device,
    Precision,
    Quality,
    switch,
)
from livematte.cli.terminal import AUTOMATIC, console, parse_matte_size, reported, say


def quality(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Labelled footage: X.jpg or X.png with X_alpha.png, folders of numbered RGBA "
            "frames, and backgrounds/ to put these in front of.",
        ),
    ],
    quality: Quality = "balanced",
    device: Device = AUTOMATIC,
    matte_size: Annotated[
        str,
        typer.Option(
            metavar="PIXELS",
            callback=checked(parse_matte_size),
            autocompletion=completion.words(*MATTE_SIZE_VALUES),
            help=MATTE_SIZE_HELP,
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = AUTOMATIC,
    precision: Precision = AUTOMATIC,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Only the first frames of each clip.",
            show_default="all",
        ),
    ] = None,
    backgrounds: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="NUMBER", help="Only the first backgrounds.", show_default="all"
        ),
    ] = None,
    noise: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SIGMA",
            help="Give the frames of clips a camera's noise of so many levels, of 255.",
        ),
    ] = 0.0,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write pictures and mattes side by side."),
    ] = None,
    as_json: Annotated[
        bool,
        switch("json", "Print JSON, with each photo and clip."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Measure matte quality on labelled footage: livematte's and the plain network's.

    Still mattes: MAD, MSE, SAD, gradient and connectivity error (Rhemann et al. 2009). Over time:
    dtSSD (Erofeev et al. 2015) and the lag of moving edges. Colours: the difference from the true
    composite on a new background, where alpha is soft. Connectivity is measured on every 5th frame
    of a clip.
    """
    with reported(debug):
        from livematte.bench.contact_sheet import Row, require_writable, save_contact_sheet
        from livematte.bench.footage import find_footage
        from livematte.bench.quality import measure_quality
        from livematte.bench.quality_report import tables
        from livematte.options.refinement import choose_refinement
        from livematte.options.rendering import Device, RenderOptions

        product = RenderOptions(
            Device.parse(device),
            precision,
            parse_matte_size(matte_size),
            refinement=choose_refinement(quality),
        )
        if contact_sheet is not None:
            require_writable(contact_sheet)
        footage = find_footage(folder)
        rows: list[Row] = []
        with console.status("livematte bench quality") as status:
            report = measure_quality(
                footage,
                product,
                frames=frames,
                backgrounds=backgrounds,
                noise_levels=noise,
                on_progress=lambda sentence: status.update(escape(sentence)),
                on_row=None if contact_sheet is None else rows.append,
            )
        if contact_sheet is not None:
            save_contact_sheet(rows, contact_sheet)
            say(f"{contact_sheet} is there to look at.")
        if as_json:
            typer.echo(json.dumps(report.as_dict(), indent=2))
            return
        width = None if sys.stdout.isatty() else REPORT_COLUMNS
        Console(width=width, highlight=False, emoji=False).print(tables(report))
