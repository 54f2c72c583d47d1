"""`livematte video`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from livematte.cli import completion
from livematte.cli.backgrounds import BACKGROUND_HELP, parse_background
from livematte.cli.choices import checked, one_of
from livematte.cli.meant import refuse_other, refuse_photo_from, require_file
from livematte.cli.options import (
    BLUR_HELP,
    QUALITIES,
    Debug,
    Device,
    Edge,
    FixedMatteSize,
    LightWrap,
    Overwrite,
    Precision,
    Quality,
    Threads,
    Weights,
    Without,
    parse_choices,
    require_quality,
)
from livematte.cli.plain import without_controls
from livematte.cli.progress import progress_bar
from livematte.cli.terminal import (
    AUTOMATIC,
    EXIT_INTERRUPTED,
    parse_choice,
    parse_matte_size,
    reported,
    say,
    stopped_by_signals,
)
from livematte.cli.times import parse_time
from livematte.media.names import STANDARD_STREAM
from livematte.network.size import LIVE_SHORT_SIDE
from livematte.text.counted import counted

if TYPE_CHECKING:
    from livematte.video import VideoJob

SAVES: Final = ("composite", "alpha", "foreground", "cutout")


class OnBadMatte(Enum):
    """What to do with a frame whose matte cannot be right."""

    BACKGROUND = "background"
    FAIL = "fail"


def video(
    input_path: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            autocompletion=completion.videos,
            help="A video file, a pipe, or - for the standard input.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="What to write: .mp4, .mkv, .mov, .webm, a folder of PNGs, or - for the standard "
            "output (Matroska). With --save cutout .mov (ProRes 4444), .webm (VP9) or a folder. "
            "With several --save a folder for all, or a name such as 'talk_{save}.mp4'.",
            rich_help_panel="Output",
        ),
    ],
    save: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            callback=one_of(*SAVES, several=True),
            autocompletion=completion.several(*SAVES),
            help="composite: the person on the background. alpha: the matte in grey. foreground: "
            "the person on black. cutout: the person with real alpha. Several in one pass: "
            "--save alpha,cutout.",
            show_default="composite",
            rich_help_panel="Output",
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            "--background",
            "-b",
            metavar="WHAT",
            autocompletion=completion.backgrounds,
            help="Background of composites: a colour, blur or blur:40, a picture or a video. "
            f"{BACKGROUND_HELP} {BLUR_HELP}",
            show_default="green",
            rich_help_panel="Picture",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            callback=checked(parse_time),
            help="Start here: 65.5, 1:05.5, 00:01:05.5, 65.5s or 1m5s.",
            rich_help_panel="Input",
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            callback=checked(parse_time),
            help="Stop before this time.",
            rich_help_panel="Input",
        ),
    ] = None,
    encode_quality: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            metavar="NUMBER",
            help="H.264 and VP9 quality, like JPEG: higher looks better and makes larger files.",
            show_default="75",
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Overwrite = False,
    on_bad_matte: Annotated[
        str,
        typer.Option(
            metavar="WORD",
            callback=one_of("background", "fail"),
            autocompletion=completion.words("background", "fail"),
            help="What to do with a frame whose matte cannot be right. background: write the "
            "background alone and report its time. fail: stop without a result.",
            rich_help_panel="Output",
        ),
    ] = "background",
    quality: Quality = "balanced",
    matte_quality: Annotated[
        str | None,
        typer.Option(
            "--matte-quality",
            hidden=True,  # what --quality was called
            callback=checked(require_quality),
            autocompletion=completion.words(*QUALITIES),
        ),
    ] = None,
    without: Without = None,
    edge: Edge = 0,
    light_wrap: LightWrap = 0.0,
    device: Device = AUTOMATIC,
    matte_size: FixedMatteSize = str(LIVE_SHORT_SIDE),
    precision: Precision = AUTOMATIC,
    threads: Threads = None,
    weights: Weights = "photographic",
    debug: Debug = False,
) -> None:
    """Matte every frame of a video file, keeping its times, colours and sound."""
    with reported(debug), _opened(input_path) as source, progress_bar("frames") as progress:
        from livematte.cli.process import own_process
        from livematte.options.refinement import choose_refinement
        from livematte.options.rendering import Device, RenderOptions
        from livematte.video import Save, VideoJob

        own_process(threads)
        task = progress.add_task("", total=None)

        def begin() -> None:
            say(job.description)
            progress.update(task, description=without_controls(source.name), total=job.total_frames)

        job = VideoJob(
            source,
            output,
            save=parse_choices("--save", save or ["composite"], Save),
            background=parse_background(background),
            start_seconds=None if start is None else parse_time(start),
            end_seconds=None if end is None else parse_time(end),
            quality=encode_quality,
            overwrite=overwrite,
            fail_on_bad_matte=parse_choice("--on-bad-matte", on_bad_matte, OnBadMatte)
            is OnBadMatte.FAIL,
            options=RenderOptions(
                Device.parse(device),
                precision,
                parse_matte_size(matte_size),
                threads,
                weights,
                choose_refinement(matte_quality or quality, without or (), edge, light_wrap),
            ),
            on_ready=begin,
            on_progress=lambda frames: progress.update(task, completed=frames),
            on_trouble=say,
        )
        require_file(source)
        _run(job)


def _run(job: VideoJob) -> None:
    """Run a job and print a summary. Raises `typer.Exit` if it was interrupted."""
    try:
        with stopped_by_signals(job) as interrupted:
            job.run()
    finally:
        for remark in job.remarks:
            say(remark)
    rate = job.pipeline.statistics.summary().frames_per_second
    where = ", ".join(
        "the standard output" if each == STANDARD_STREAM else each for each in job.output_names
    )
    frames = counted(job.frames, "frame")
    say(f"{frames} in {where}, {rate:.1f} frames/s" if job.frames else "no frames")
    if interrupted.is_set():
        raise typer.Exit(EXIT_INTERRUPTED)


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """The input file, or a copy of it if it is a pipe or the standard input.

    Pictures and sound of a video are read apart, which a pipe does not allow.

    Raises `UsageError` if it is a photo or a folder.
    """
    from livematte.media.piped import whole_file

    refuse_other(path)
    with whole_file(path, say) as file:
        if file != path:
            refuse_photo_from(path, file)
        yield file
