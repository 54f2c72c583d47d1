"""`livematte image`."""

from __future__ import annotations

import traceback
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from livematte.cli import completion
from livematte.cli.backgrounds import BACKGROUND_HELP, parse_background
from livematte.cli.choices import one_of
from livematte.cli.meant import require_photos
from livematte.cli.options import (
    BLUR_HELP,
    RESULTS_FOLDER,
    Debug,
    Device,
    FixedMatteSize,
    Overwrite,
    Precision,
    Threads,
    Weights,
    parse_choices,
    switch,
)
from livematte.cli.progress import progress_bar
from livematte.cli.terminal import (
    AUTOMATIC,
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    explain,
    parse_choice,
    parse_matte_size,
    reported,
    say,
    stopped_by_signals,
)
from livematte.media.names import STANDARD_STREAM
from livematte.network.size import DEFAULT_SHORT_SIDE
from livematte.text.counted import counted

if TYPE_CHECKING:
    from livematte.cli.photo_places import Place
    from livematte.errors import LivematteError
    from livematte.matter import Matter
    from livematte.photos import Failure, Found, Photograph, PhotoOptions, Report

MOST_NAMED: Final = 20
"""How many photos a message names."""

SAVES: Final = ("alpha", "cutout", "composite", "comparison")
FORMATS: Final = ("png", "webp", "jpg")


class OnBadMatte(Enum):
    """What to do with a photo whose matte cannot be right."""

    SKIP = "skip"
    FAIL = "fail"


def image(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            autocompletion=completion.photos,
            help="Photos, folders, patterns, or - for the standard input.",
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
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="Folder for the results; for one photo a file, such as out.png, or - for the "
            "standard output.",
            show_default=f"{RESULTS_FOLDER}, but for --zip alone",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="What results are called, with the fields {stem}, {save} and {number}.",
            show_default="{stem}",
        ),
    ] = None,
    zip_path: Annotated[
        Path | None,
        typer.Option("--zip", metavar="FILE", help="A zip file of all results."),
    ] = None,
    recursive: Annotated[
        bool,
        switch("recursive", "Include subfolders.", short="-r"),
    ] = False,
    background: Annotated[
        str | None,
        typer.Option(
            "--background",
            "-b",
            metavar="WHAT",
            autocompletion=completion.backgrounds,
            help="Background of composites: a colour, blur or blur:40, or a picture. "
            f"{BACKGROUND_HELP} {BLUR_HELP}",
            show_default="green",
        ),
    ] = None,
    image_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="WORD",
            callback=one_of(*FORMATS),
            autocompletion=completion.words(*FORMATS),
            help="png, webp or jpg: for all but the matte, which is a PNG.",
            show_default="png",
        ),
    ] = None,
    overwrite: Overwrite = False,
    skip_existing: Annotated[
        bool,
        switch(
            "skip-existing",
            "Leave results that are there, and make the missing ones; add to the zip file.",
        ),
    ] = False,
    keep_metadata: Annotated[
        bool,
        switch(
            "keep-metadata",
            "Results keep who made the photo, its copyright, date, camera and settings. Never "
            "the place, a thumbnail, or serial numbers. The resolution (DPI) is always kept.",
        ),
    ] = False,
    on_bad_matte: Annotated[
        str,
        typer.Option(
            metavar="WORD",
            callback=one_of("skip", "fail"),
            autocompletion=completion.words("skip", "fail"),
            help="skip or fail: for a photo whose matte cannot be right, report it and continue, "
            "or stop.",
        ),
    ] = "skip",
    max_memory: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            help="Refuse photos that need more memory than this: 12G.",
            show_default="3/4 of what is free",
        ),
    ] = None,
    show: Annotated[
        bool,
        switch("show", "Show the comparison of each photo in a window."),
    ] = False,
    device: Device = AUTOMATIC,
    matte_size: FixedMatteSize = str(DEFAULT_SHORT_SIDE),
    precision: Precision = "fp32",
    threads: Threads = None,
    weights: Weights = "photographic",
    debug: Debug = False,
) -> None:
    """Matte photos: JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF, JPEG 2000 and GIF."""
    with reported(debug):
        from livematte.background import files_of
        from livematte.cli.photo_places import folder_of, open_place
        from livematte.cli.process import own_process
        from livematte.matter import Matter
        from livematte.media.photo.memory import parse_bytes
        from livematte.photos import PhotoOptions, Save
        from livematte.render.processor import cores

        kinds = parse_choices("--save", save or ["alpha"], Save)
        fails = parse_choice("--on-bad-matte", on_bad_matte, OnBadMatte) is OnBadMatte.FAIL
        found = _find(paths, recursive, folder_of(output, zip_path))
        behind = parse_background(background)
        place = open_place(
            output,
            zip_path,
            kinds,
            len(found.photos) + len(found.failures),
            image_format=image_format,
            pattern=name,
            overwrite=overwrite,
            skip_existing=skip_existing,
            inputs=[*(each.path for each in found.photos), *files_of([behind])],
        )
        options = PhotoOptions(
            kinds,
            place.image_format,
            behind,
            place.naming,
            keep_metadata,
            fails,
            None if max_memory is None else parse_bytes(max_memory),
        )
        _say_found(found)
        own_process(threads)
        parallel = max(1, min(threads or cores(), len(found.photos)))
        matter = Matter(
            matte_short_side=parse_matte_size(matte_size) or DEFAULT_SHORT_SIDE,
            device=device,
            precision=precision,
            weights=weights,
            threads=threads,
            parallel=parallel,
        )
        _run(found, place, matter, options, parallel, show=show, debug=debug)


def _find(paths: list[str], recursive: bool, leave_out: Path | None) -> Found:
    """Find the named photos; - is the standard input.

    leave_out: the folder of the results, which is not searched.
    """
    from livematte.cli.photo_places import read_standard_input
    from livematte.photos import find_photos

    named = [each for each in paths if each != STANDARD_STREAM]
    require_photos(named)
    found = find_photos(named, recursive, leave_out=leave_out)
    if len(named) < len(paths):
        first = 0 if paths[0] == STANDARD_STREAM else len(found.photos)
        found.photos.insert(first, read_standard_input())
    return found


def _run(
    found: Found,
    place: Place,
    matter: Matter,
    options: PhotoOptions,
    parallel: int,
    *,
    show: bool,
    debug: bool,
) -> None:
    """Matte photos and print a summary. Raises `typer.Exit` if not everything was done."""
    from livematte.photos import PhotoJob
    from livematte.photos.show import ComparisonWindow

    window = ComparisonWindow() if show else None
    job = PhotoJob(
        found.photos,
        matter,
        place.results,
        options,
        parallel=parallel,
        on_comparison=None if window is None else window.show,
    )
    with progress_bar("photos") as progress, stopped_by_signals(job) as interrupted:
        task = progress.add_task("Matting", total=len(found.photos))

        def note(_photo: Photograph, error: LivematteError | None) -> None:
            progress.advance(task)
            if debug and error is not None:
                traceback.print_exception(error)

        report = job.run(note)
    failures = [*found.failures, *report.failures]
    _say_end(report, failures, place.results.description)
    if window is not None and not interrupted.is_set():
        window.wait()
    if window is not None and window.problem:
        say(f"{window.problem} The results are written all the same.")
    if failures or report.ended or (window is not None and window.problem):
        raise typer.Exit(EXIT_FAILURE)
    if report.left:
        raise typer.Exit(EXIT_INTERRUPTED)


def _say_found(found: Found) -> None:
    for photo in found.renamed:
        say(f"{photo.path}: its results are named {photo.name}.*, since others share its stem")
    if found.raw:
        say(
            f"{counted(len(found.raw), 'raw photo')} left out, developed ones of the same name are "
            f"taken instead: {_some(found.raw)}"
        )
    for path, kept in found.same:
        say(f"{path} is the same file as {kept}, and done once")
    if found.results:
        say(
            f"{counted(len(found.results), 'result')} of livematte left out, which "
            f"{'is' if len(found.results) == 1 else 'are'} no photos: {_some(found.results)}"
        )


def _say_end(report: Report, failures: list[Failure], where: str) -> None:
    for failure in failures:
        say(f"{failure.path} failed: {failure.reason}")
    if report.nobody:
        tried = report.done
        say(f"No person was found in {len(report.nobody)} of {tried}: {_some(report.nobody)}")
    if report.hdr:
        are = "is" if len(report.hdr) == 1 else "are"
        number = counted(len(report.hdr), "photo")
        say(f"{number} {are} HDR and converted to SDR: {_some(list(report.hdr))}")
    if report.ended is not None and str(report.ended) not in (each.reason for each in failures):
        explain(report.ended)
    parts = [f"{report.done} done"]
    if report.skipped:
        parts.append(f"{report.skipped} already there")
    if failures:
        parts.append(f"{len(failures)} failed")
    if report.left:
        parts.append(f"{report.left} not tried")
    place = f"; results in {where}" if report.done or report.skipped else ""
    say(", ".join(parts) + place)


def _some(paths: list[Path]) -> str:
    shown = ", ".join(map(str, paths[:MOST_NAMED]))
    return shown if len(paths) <= MOST_NAMED else f"{shown} and {len(paths) - MOST_NAMED} more"
