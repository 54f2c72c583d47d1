"""`livematte video`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from livematte.cli.backgrounds import parse_backgrounds
from livematte.cli.options import (
    BLUR_HELP,
    Debug,
    Device,
    Edge,
    FixedMatteSize,
    LightWrap,
    MatteQuality,
    Overwrite,
    Precision,
    Threads,
    Weights,
    Without,
)
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
from livematte.counted import counted
from livematte.network.size import LIVE_SHORT_SIDE


class OnBadMatte(Enum):
    """What is done about a frame whose matte cannot be right."""

    BACKGROUND = "background"
    FAIL = "fail"


def video(
    input_path: Annotated[Path, typer.Argument(metavar="INPUT", help="A video file.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="What to write: .mp4, .mkv, .mov, .webm, or a folder of PNGs. With --save cutout "
            ".mov (ProRes 4444), .webm (VP9) or a folder.",
        ),
    ],
    save: Annotated[
        str,
        typer.Option(
            metavar="composite|alpha|foreground|cutout",
            help="composite: the person on the background. alpha: the matte in grey. foreground: "
            "the person on black. cutout: the person with real alpha.",
        ),
    ] = "composite",
    background: Annotated[
        str | None,
        typer.Option(
            "--background",
            "-b",
            help="Of a composite: a colour, blur or blur:40, a picture or a video. " + BLUR_HELP,
            show_default="green",
        ),
    ] = None,
    start: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Begin here.")
    ] = None,
    end: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="End before this.")
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Of H.264 and VP9, as a JPEG's: higher looks better and makes larger files.",
            show_default="75",
        ),
    ] = None,
    overwrite: Overwrite = False,
    on_bad_matte: Annotated[
        str,
        typer.Option(
            metavar="background|fail",
            help="For a frame whose matte cannot be right: write the background alone and report "
            "its time, or stop without a result.",
        ),
    ] = "background",
    matte_quality: MatteQuality = "balanced",
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
    """Matte a video file, every frame, keeping its times, colours and sound."""
    with reported(debug), progress_bar("frames") as progress:
        from livematte.refinement import choose_refinement
        from livematte.video import Save, VideoJob

        task = progress.add_task("", total=None)

        def begin() -> None:
            say(job.description)
            progress.update(task, description=escape(input_path.name), total=job.total_frames)

        job = VideoJob(
            input_path,
            output,
            save=parse_choice("--save", save, Save),
            background=None if background is None else parse_backgrounds([background])[0],
            start_seconds=start,
            end_seconds=end,
            quality=quality,
            overwrite=overwrite,
            fail_on_bad_matte=parse_choice("--on-bad-matte", on_bad_matte, OnBadMatte)
            is OnBadMatte.FAIL,
            device=device,
            matte_short_side=parse_matte_size(matte_size),
            precision=precision,
            threads=threads,
            weights_name=weights,
            refinement=choose_refinement(matte_quality, without or (), edge, light_wrap),
            on_ready=begin,
            on_progress=lambda frames: progress.update(task, completed=frames),
            on_trouble=say,
        )
        try:
            with stopped_by_signals(job) as interrupted:
                job.run()
        finally:
            for remark in job.remarks:
                say(remark)
        rate = job.pipeline.statistics.summary().frames_per_second
        say(
            f"{counted(job.frames, 'frame')} in {output}, {rate:.1f} frames/s"
            if job.frames
            else "no frames"
        )
        if interrupted.is_set():
            raise typer.Exit(EXIT_INTERRUPTED)
