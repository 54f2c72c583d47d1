"""`livematte` itself: a camera, a file or the demo, live."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from livematte import __version__
from livematte.cli import completion
from livematte.cli.backgrounds import BACKGROUND_HELP, described, parse_backgrounds
from livematte.cli.choices import checked
from livematte.cli.config import Config, Profile, defaults, problem_of
from livematte.cli.meant import refuse_other, require_file
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
from livematte.cli.reload import reloading_on_hangup
from livematte.cli.terminal import (
    AUTOMATIC,
    parse_matte_size,
    parse_size,
    reported,
    say,
    stopped_by_signals,
)
from livematte.errors import SourceError, UsageError
from livematte.frame import Size
from livematte.media.identity import require_apart
from livematte.media.names import STANDARD_STREAM, is_pipe, require_readable_name
from livematte.text.counted import counted

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.cli.slowness import Asked
    from livematte.options.settings import LiveSnapshot
    from livematte.pipeline.pace import Slow
    from livematte.pipeline.pipeline import OnDemand, Pipeline
    from livematte.render.renderer import OpenedRenderer
    from livematte.sinks import PreviewWindow, Sink
    from livematte.sinks.dated import Dated
    from livematte.sources import Source


def _say_version(version: bool) -> None:
    """Called before all other options are looked at, so that none can be in its way."""
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
            "--preview/--no-preview", metavar="", help="Show a window.", rich_help_panel="Output"
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
        # Loaded here, so that help and mistyped options need not wait for OpenCV.
        from livematte.background import files_of
        from livematte.cli.process import own_process
        from livematte.cli.slowness import Asked
        from livematte.options.refinement import choose_refinement
        from livematte.options.rendering import CPU, Device, RenderOptions
        from livematte.pipeline.pipeline import Pipeline
        from livematte.render.opening import open_renderer
        from livematte.sinks.dated import dated
        from livematte.sinks.leftovers import find_leftovers, sentence
        from livematte.sources.choosing import find_camera, usual_camera

        short_side = parse_matte_size(matte_size)
        refinement = choose_refinement(quality, without or (), edge, light_wrap)
        options = RenderOptions(
            Device.parse(device), precision, short_side, threads, weights, refinement
        )
        own_process(threads)
        started = time.localtime()
        outputs = [dated(each, started) for each in output or []]
        require_apart([each.name for each in outputs], [] if input_path is None else [input_path])
        backgrounds = parse_backgrounds(background or ["green"])
        if (camera is not None) + (input_path is not None) + demo > 1:
            raise UsageError(
                "--camera, --input and --demo were given together.", "Choose one of them."
            )
        if camera is None and input_path is None and not demo:
            camera = str(usual_camera())
        elif camera:
            camera = str(find_camera(camera))
        source = _choose_source(camera, input_path, demo, size, fps, realtime=realtime)
        mirrored = camera is not None
        window = _make_preview(lambda: _snapshot(pipeline, source), mirrored) if preview else None
        read_from = [] if camera is None else [camera]
        inputs = [*files_of(backgrounds), *([] if input_path is None else [input_path])]
        sinks = _choose_sinks(
            window, virtual_camera, outputs, overwrite, backgrounds, read_from, inputs, source
        )

        def asked() -> Asked:
            return Asked(
                quality,
                without or (),
                light_wrap,
                short_side,
                source.size,
                can_ask_size=input_path is None,
                device=device,
                precision=precision,
                threads=threads,
                outputs=[each.description for each in sinks],
            )

        pipeline = Pipeline(
            source,
            lambda frame_size: open_renderer(options, frame_size, say),
            backgrounds,
            sinks,
            open_fallback=lambda frame_size: open_renderer(
                replace(options, device=CPU, precision=AUTOMATIC), frame_size, say
            ),
            controls=window,
            frames=frames,
            stall_after_seconds=stall_after,
            on_demand=_choose_on_demand(on_demand, source, sinks),
            on_ready=lambda choice: _say_start(source, choice, backgrounds, sinks),
            on_trouble=say,
            on_idle=_say_idle,
            on_slow=lambda slow: _say_slow(slow, asked, pipeline),
        )

        def reload() -> None:
            texts = background
            source_of_it = context.get_parameter_source("background")
            if source_of_it is not None and source_of_it.name == "DEFAULT_MAP":
                texts = defaults(context.command, config, profile).get("background")
            again = parse_backgrounds([str(each) for each in texts or ["green"]])
            _require_alpha(again, sinks)
            pipeline.replace_backgrounds(again)
            say(f"backgrounds read again: {described(again)}")

        if input_path is not None:
            require_file(input_path)
        if outputs and (left := find_leftovers()):
            say(sentence(left))
        try:
            with reloading_on_hangup(reload), stopped_by_signals(pipeline):
                pipeline.run()
        finally:
            for remark in (remark for sink in sinks for remark in sink.remarks):
                say(remark)
        _say_end(pipeline, source, window)


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
        Console().print(table)


def _choose_source(
    camera: str | None,
    input_path: Path | None,
    demo: bool,
    size: str | None,
    fps: float | None,
    realtime: bool,
) -> Source:
    from livematte.sources import Demo, ReconnectingCamera, VideoFile

    if input_path is not None:
        if size is not None or fps is not None:
            raise UsageError(
                "--size and --fps are for cameras; a file has its own.", "Leave them out."
            )
        require_readable_name(input_path)
        refuse_other(input_path)
        return VideoFile(input_path, realtime=realtime)
    wanted = None if size is None else parse_size(size)
    if demo:
        return Demo(wanted or Size(1280, 720), realtime=realtime)
    if not camera:
        raise UsageError("--camera has no name.", "Choose one that `livematte cameras` lists.")
    is_number = camera.isdecimal() and len(camera) < 5
    return ReconnectingCamera(int(camera) if is_number else camera, wanted, fps, on_trouble=say)


def _make_preview(snapshot: Callable[[], LiveSnapshot], mirrored: bool) -> PreviewWindow:
    from livematte.sinks import PreviewWindow

    return PreviewWindow("livematte", snapshot, mirrored)


def _choose_sinks(
    preview: PreviewWindow | None,
    virtual_camera: str | None,
    outputs: Sequence[Dated],
    overwrite: bool,
    backgrounds: Sequence[Background],
    read_from: Sequence[str],
    inputs: Sequence[Path],
    source: Source,
) -> list[Sink]:
    from livematte.background import Transparent
    from livematte.media.whole_file import Taken
    from livematte.sinks import VirtualCamera, open_output
    from livematte.sources import VideoFile

    transparent = any(isinstance(each, Transparent) for each in backgrounds)
    sinks: list[Sink] = [] if preview is None else [preview]
    if virtual_camera == "":
        raise UsageError("--virtual-camera= has no name.", "Leave out the =, or name a device.")
    if virtual_camera is not None:
        name = None if virtual_camera == AUTOMATIC else virtual_camera
        sinks.append(VirtualCamera(name, avoid=read_from, on_trouble=say))
    for name, is_dated in outputs:
        taken = Taken.NUMBER if is_dated else Taken.REFUSE
        taken = Taken.REPLACE if overwrite else taken
        # Whatever else shows them, every picture of a file is recorded, so that its sound fits.
        # Not in a pipe, which gets no pictures before another program reads it, nor from one, which
        # can be read once.
        recording = source if isinstance(source, VideoFile) else None
        if recording is not None and (
            name == STANDARD_STREAM or is_pipe(name) or is_pipe(recording.path)
        ):
            recording = None
            say("The sound is left out, because of the pipe. `livematte video` keeps it.")
        sinks.append(
            open_output(name, transparent, recording=recording, taken=taken, inputs=inputs)
        )
    if not sinks:
        raise UsageError(
            "There is nowhere to show or write the picture.",
            "With --no-preview, give --output FILE or --virtual-camera.",
        )
    _require_alpha(backgrounds, sinks)
    return sinks


def _require_alpha(backgrounds: Sequence[Background], sinks: Sequence[Sink]) -> None:
    """Raises `UsageError` if a background is transparent that a sink could not show as such."""
    from livematte.background import Transparent

    transparent = any(isinstance(each, Transparent) for each in backgrounds)
    for sink in sinks:
        if transparent and not sink.takes_alpha:
            raise UsageError(
                f"A transparent background cannot be sent to the {sink.description}.",
                "Give another --background, or --output with .mov, .webm or a folder of PNGs.",
            )


def _choose_on_demand(asked: bool | None, source: Source, sinks: Sequence[Sink]) -> OnDemand | None:
    """None to leave the camera on all the time."""
    from livematte.pipeline.pipeline import OnDemand
    from livematte.sinks import VirtualCamera
    from livematte.sources import ReconnectingCamera

    if asked is False:
        return None
    if isinstance(source, ReconnectingCamera) and len(sinks) == 1 and sys.platform == "linux":
        sink = sinks[0]
        if isinstance(sink, VirtualCamera):
            return OnDemand(sink.is_watched, source.turn_off, source.turn_on)
    if asked:
        raise UsageError(
            "Nothing can be left out on demand here.",
            "--on-demand is for a camera on Linux whose picture goes to --virtual-camera alone: "
            "give --no-preview and no --output, or leave it out.",
        )
    return None


def _say_start(
    source: Source, choice: OpenedRenderer, backgrounds: Sequence[Background], sinks: Sequence[Sink]
) -> None:
    from livematte.sinks import VirtualCamera

    reason = f" ({choice.reason})" if choice.reason else ""
    behind = described(backgrounds)
    shown = ", ".join(
        f"{each.description} ({each.choice})"
        if isinstance(each, VirtualCamera)
        else each.description
        for each in sinks
    )
    say(f"{source.description} → {choice.renderer.description}{reason} → {behind} → {shown}")


def _say_idle(is_off: bool) -> None:
    say("camera off: nobody is watching" if is_off else "camera on again")


def _say_slow(slow: Slow, asked: Callable[[], Asked], pipeline: Pipeline) -> None:
    from livematte.cli import slowness

    timings = {} if pipeline.choice is None else pipeline.choice.renderer.timings.by_stage()
    say(slowness.sentence(slow, asked(), timings))


def _snapshot(pipeline: Pipeline, source: Source) -> LiveSnapshot:
    """How it stands with a run, for the preview."""
    from livematte.options.settings import LiveSettings, LiveSnapshot, LiveState

    statistics, backgrounds = pipeline.statistics, pipeline.backgrounds
    names = tuple(each.description.replace("blur ", "blur:") for each in backgrounds)
    return LiveSnapshot(
        LiveSettings(names, backgrounds.index(pipeline.background)),
        LiveState(
            frames_per_second=statistics.recent_frames_per_second,
            latency_seconds=statistics.recent_latency_seconds,
            cpu_share=None,
            frames=statistics.frames,
            dropped=statistics.dropped,
            device="" if pipeline.choice is None else pipeline.choice.renderer.description,
            camera=source.description,
            notice=pipeline.notice,
            is_idle=False,
        ),
    )


def _say_end(pipeline: Pipeline, source: Source, preview: PreviewWindow | None) -> None:
    for remark in (*source.remarks, *pipeline.remarks):
        say(remark)
    for path in preview.snapshots if preview is not None else ():
        say(f"snapshot {path}")
    summary = pipeline.statistics.summary()
    if summary.median_latency_seconds is None or summary.p95_latency_seconds is None:
        say("no frames")
        return
    say(
        f"{counted(summary.frames, 'frame')}, {summary.dropped} dropped, "
        f"{summary.frames_per_second:.1f} frames/s, "
        f"latency {summary.median_latency_seconds * 1000:.0f} ms median, "
        f"{summary.p95_latency_seconds * 1000:.0f} ms 95th percentile"
    )
