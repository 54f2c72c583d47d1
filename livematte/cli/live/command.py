"""`livematte` itself: a camera, a file or the demo, live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from livematte import __version__
from livematte.cli import completion
from livematte.cli.backgrounds import BACKGROUND_HELP
from livematte.cli.choices import checked
from livematte.cli.config import Config, Profile, defaults, problem_of
from livematte.cli.options import (
    BLUR_HELP,
    MATTE_SIZE_HELP,
    MATTE_SIZE_VALUES,
    Debug,
    Device,
    Edge,
    LightWrap,
    Precision,
    Quality,
    Threads,
    Weights,
    Without,
    switch,
)
from livematte.cli.terminal import (
    AUTOMATIC,
    parse_matte_size,
    parse_size,
    reported,
)
from livematte.errors import SourceError

if TYPE_CHECKING:
    pass


def _say_version(version: bool) -> None:
    """Called before all other options are checked, so that none can prevent it."""
    if version:
        typer.echo(f"livematte {__version__}")
        raise typer.Exit


def run(
    context: typer.Context,
    camera: Annotated[
        str | None,
        typer.Option(
            metavar="CAMERA",
            autocompletion=completion.cameras,
            help="Number, name (or a part of it), device path or stream address of the camera.",
            show_default="the first camera",
            rich_help_panel="Source",
        ),
    ] = None,
    input_path: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FILE",
            autocompletion=completion.videos,
            help="Use a video file instead of a camera.",
            rich_help_panel="Source",
        ),
    ] = None,
    demo: Annotated[
        bool,
        switch("demo", "Use the built-in demo instead of a camera.", panel="Source"),
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            callback=checked(parse_size),
            autocompletion=completion.words("640x480", "1280x720", "1920x1080", "3840x2160"),
            help="Ask the camera for this size.",
            show_default="1280x720",
            rich_help_panel="Source",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=1000,
            metavar="NUMBER",
            help="Ask the camera for this many frames a second.",
            show_default="30",
            rich_help_panel="Source",
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime/--no-realtime",
            metavar="",
            help="Play files and the demo at their own speed; --no-realtime: as fast as possible, "
            "every frame.",
            rich_help_panel="Source",
        ),
    ] = True,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Stop after this many frames.",
            rich_help_panel="Source",
        ),
    ] = None,
    background: Annotated[
        list[str] | None,
        typer.Option(
            "--background",
            "-b",
            metavar="WHAT",
            autocompletion=completion.backgrounds,
            help="A colour ('#1e90ff', 1e90ff, navy, any of CSS), blur or blur:40, transparent, a "
            f"picture, a video, a folder or a pattern of pictures. {BACKGROUND_HELP} {BLUR_HELP} "
            "May be given several times: b switches.",
            show_default="green",
            rich_help_panel="Picture",
        ),
    ] = None,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror/--no-mirror",
            metavar="",
            help="Mirror the picture that everyone sees. A camera's preview is mirrored anyway.",
            rich_help_panel="Picture",
        ),
    ] = False,
    virtual_camera: Annotated[
        str | None,
        typer.Option(
            metavar="[DEVICE]",
            autocompletion=completion.virtual_cameras,
            help="Send to a virtual camera, for calls. --no-virtual-camera: do not.",
            rich_help_panel="Output",
        ),
    ] = None,
    on_demand: Annotated[
        bool | None,
        typer.Option(
            "--on-demand/--no-on-demand",
            metavar="",
            help="Turn the camera off while no program reads the virtual camera. On by default "
            "where this can be known and nothing else shows the picture.",
            show_default="on, on Linux",
            rich_help_panel="Output",
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write a file: .mp4, .mkv, .mov, .webm, a folder of PNGs, or - for the standard "
            "output. %Y-%m-%d %H.%M.%S in a name is the time of the start. May be given several "
            "times.",
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        switch("overwrite", "Replace existing output files."),
    ] = False,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview/--no-preview",
            metavar="",
            help="Show a window.",
            rich_help_panel="Output",
        ),
    ] = True,
    stall_after: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=60,
            metavar="SECONDS",
            help="Show a notice instead of the picture when no new one has come for this long.",
            rich_help_panel="Picture",
        ),
    ] = 0.5,
    quality: Quality = "balanced",
    without: Without = None,
    edge: Edge = 0,
    light_wrap: LightWrap = 0.0,
    device: Device = AUTOMATIC,
    matte_size: Annotated[
        str,
        typer.Option(
            metavar="PIXELS",
            callback=checked(parse_matte_size),
            autocompletion=completion.words(*MATTE_SIZE_VALUES),
            help=f"{MATTE_SIZE_HELP} auto is the most accurate.",
            rich_help_panel="Network",
        ),
    ] = AUTOMATIC,
    precision: Precision = AUTOMATIC,
    threads: Threads = None,
    weights: Weights = "photographic",
    config: Config = None,
    profile: Profile = None,
    debug: Debug = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", is_eager=True, callback=_say_version, help="Show the version."
        ),
    ] = False,
) -> None:
    """You in front of any background, live: real portrait matting for webcams.

    Nothing of your room is shown, and nothing leaves this computer.
    """
    if context.invoked_subcommand is not None:
        return
    if (problem := problem_of(context)) is not None:
        raise problem
    with reported(debug):
        # Imported here, so that help and usage errors do not wait for OpenCV.
        from livematte.cli.live.run import LiveRun, Wishes

        wishes = Wishes(
            camera=camera,
            input_path=input_path,
            demo=demo,
            size=size,
            fps=fps,
            realtime=realtime,
            frames=frames,
            backgrounds=background or ["green"],
            mirror=mirror,
            virtual_camera=virtual_camera,
            on_demand=on_demand,
            outputs=output or [],
            overwrite=overwrite,
            preview=preview,
            stall_after=stall_after,
            quality=quality,
            without=frozenset(without or ()),
            edge=edge,
            light_wrap=light_wrap,
            device=device,
            matte_size=matte_size,
            precision=precision,
            threads=threads,
            weights=weights,
        )
        LiveRun(wishes, lambda: _backgrounds_again(context, background, config, profile)).run()


def _backgrounds_again(
    context: typer.Context, given: list[str] | None, config: Path | None, profile: str | None
) -> tuple[str, ...]:
    """What `--background` is now: the settings file may have changed."""
    source = context.get_parameter_source("background")
    if source is not None and source.name == "DEFAULT_MAP":
        given = defaults(context.command, config, profile).get("background")
    return tuple(str(each) for each in given or ["green"])


def cameras() -> None:
    """List the cameras that can be opened, with their modes."""
    with reported():
        from livematte.sources import list_cameras

        found = list_cameras()
        if not found:
            raise SourceError("No camera was found.", "Plug one in, or try livematte --demo.")
        table = Table("--camera", "Name", "Modes", box=None)
        for each in found:
            about = (
                "\n".join(filter(None, (each.problem, *each.modes))) or "not told by this system"
            )
            table.add_row(str(each.index), escape(each.name), escape(about))
        Console(emoji=False).print(table)
