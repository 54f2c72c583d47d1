"""`livematte image`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from livematte.cli import completion
from livematte.cli.backgrounds import parse_backgrounds
from livematte.cli.choices import one_of
from livematte.cli.meant import require_photos
from livematte.cli.options import (
    BLUR_HELP,
    Debug,
    Device,
    FixedMatteSize,
    Overwrite,
    Precision,
    Threads,
    Weights,
    parse_choices,
)
from livematte.cli.progress import progress_bar
from livematte.cli.terminal import (
    AUTOMATIC,
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    parse_matte_size,
    reported,
    say,
    stopped_by_signals,
)
from livematte.network.size import DEFAULT_SHORT_SIDE

if TYPE_CHECKING:
    from livematte.photos import Failure, Found, Report

DEFAULT_FOLDER: Final = Path("mattes")
SAVES: Final = ("alpha", "cutout", "composite", "comparison")
FORMATS: Final = ("png", "webp", "jpg")


def image(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            autocompletion=completion.photos,
            help="Photos, folders of them, or patterns.",
        ),
    ],
    save: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            callback=one_of(*SAVES, several=True),
            autocompletion=completion.several(*SAVES),
            help="alpha: the matte, 8-bit grey. cutout: the person with alpha, colours cleaned. "
            "composite: the person on the background. comparison: original, foreground on white "
            "and matte in one picture. Several: --save alpha,cutout.",
            show_default="alpha",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for the results.",
            show_default=f"{DEFAULT_FOLDER}, but for --zip alone",
        ),
    ] = None,
    zip_path: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="A zip file of all results.")
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive/--no-recursive",
            "-r",
            metavar="",
            show_default=False,
            help="Include subfolders.",
        ),
    ] = False,
    background: Annotated[
        str | None,
        typer.Option(
            "--background",
            "-b",
            metavar="WHAT",
            autocompletion=completion.backgrounds,
            help="Background of composites: a colour, blur or blur:40, or a picture. " + BLUR_HELP,
            show_default="green",
        ),
    ] = None,
    image_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="WORD",
            callback=one_of(*FORMATS),
            autocompletion=completion.words(*FORMATS),
            help="png, webp or jpg: for all but the matte, which is a PNG.",
        ),
    ] = "png",
    overwrite: Overwrite = False,
    show: Annotated[
        bool,
        typer.Option(
            "--show/--no-show",
            metavar="",
            show_default=False,
            help="Show the comparison of each photo in a window.",
        ),
    ] = False,
    device: Device = AUTOMATIC,
    matte_size: FixedMatteSize = str(DEFAULT_SHORT_SIDE),
    precision: Precision = "fp32",
    threads: Threads = None,
    weights: Weights = "photographic",
    debug: Debug = False,
) -> None:
    """Matte photos: JPEG, PNG, WebP, TIFF, BMP and HEIC."""
    with reported(debug):
        from livematte.matter import Matter
        from livematte.photos import PhotoJob, Results, Save, find_photos
        from livematte.photos.show import ComparisonWindow
        from livematte.render.processor import cores

        require_photos(paths)
        kinds = parse_choices("--save", save or ["alpha"], Save)
        folder = output if output is not None or zip_path is not None else DEFAULT_FOLDER
        found = find_photos(paths, recursive, leave_out=folder)
        _say_found(found)
        window = ComparisonWindow() if show else None
        results = Results(folder, zip_path, overwrite)
        parallel = max(1, min(threads or cores(), len(found.photos)))
        with progress_bar("photos") as progress:
            task = progress.add_task("Matting", total=len(found.photos))
            job = PhotoJob(
                found.photos,
                Matter(
                    matte_short_side=parse_matte_size(matte_size) or DEFAULT_SHORT_SIDE,
                    device=device,
                    precision=precision,
                    weights=weights,
                    threads=threads,
                    parallel=parallel,
                ),
                results,
                kinds=kinds,
                image_format=image_format,
                background=None if background is None else parse_backgrounds([background])[0],
                parallel=parallel,
                on_done=lambda _photo, _error: progress.advance(task),
                on_comparison=None if window is None else window.show,
            )
            with stopped_by_signals(job) as interrupted:
                report = job.run()
        failures = [*found.failures, *report.failures]
        _say_end(report, failures, results.description)
        if window is not None and not interrupted.is_set():
            window.wait()
        if window is not None and window.problem:
            say(f"{window.problem} The results are written all the same.")
        if failures or (window is not None and window.problem):
            raise typer.Exit(EXIT_FAILURE)
        if report.left:
            raise typer.Exit(EXIT_INTERRUPTED)


def _say_found(found: Found) -> None:
    for photo in found.renamed:
        say(f"{photo.path}: its results are named {photo.name}.*, since others share its stem")


def _say_end(report: Report, failures: list[Failure], where: str) -> None:
    for failure in failures:
        say(f"{failure.path} failed: {failure.reason}")
    stopped = f", {report.left} not tried" if report.left else ""
    failed = f", {len(failures)} failed" if failures else ""
    say(f"{report.done} done{failed}{stopped}; results in {where}")
