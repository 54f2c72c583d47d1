"""The command line: arguments to objects. The only file that prints or exits."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from livematte import __version__
from livematte.errors import LivematteError, SourceError, UsageError
from livematte.frame import Size
from livematte.network.size import DEFAULT_SHORT_SIDE, SHORT_SIDES
from livematte.quiet import silence_libraries

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.pipeline import Pipeline
    from livematte.render.renderer import Choice
    from livematte.sinks import PreviewWindow, Sink
    from livematte.sources import Source

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2

REPORT_COLUMNS: Final = 160
"""How wide a report is that goes into a file or a pipe."""

AUTOMATIC: Final = "auto"
"""The value of options that livematte decides on, and of --virtual-camera when none is given."""

app = typer.Typer(
    name="livematte",
    add_completion=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
weights_app = typer.Typer(help="Get and convert the weights of the network.")
app.add_typer(weights_app, name="weights")

console = Console(stderr=True, highlight=False, soft_wrap=True)

EPILOG: Final = """\
[bold]Examples[/bold]

livematte                                       camera 0 on green, in a window

livematte --camera 0 -b blur --virtual-camera   a video call with the room out of focus

livematte -b beach.jpg -b blur -b '#1e90ff'     three backgrounds; b switches

livematte --input talk.mp4 -b office.png --no-preview --no-realtime --output talk-office.mp4

livematte --demo                                no camera at hand

Keys in the window: q quit, b background, m mirror, v matte, s snapshot, i numbers, h help.
"""


@app.callback(invoke_without_command=True, epilog=EPILOG)
def run(
    context: typer.Context,
    camera: Annotated[
        str | None,
        typer.Option(
            help="Number, device path or stream address of the camera.",
            show_default="0",
            rich_help_panel="Source",
        ),
    ] = None,
    input_path: Annotated[
        Path | None,
        typer.Option("--input", help="A video file instead.", rich_help_panel="Source"),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="A built-in portrait in a drawn room instead.", rich_help_panel="Source"
        ),
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Size asked of the camera.",
            show_default="1280x720",
            rich_help_panel="Source",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=1000,
            help="Frames a second asked of the camera.",
            show_default="30",
            rich_help_panel="Source",
        ),
    ] = None,
    no_realtime: Annotated[
        bool,
        typer.Option(
            "--no-realtime",
            help="Files and the demo as fast as possible, every frame.",
            rich_help_panel="Source",
        ),
    ] = False,
    frames: Annotated[
        int | None, typer.Option(min=1, help="End after so many.", rich_help_panel="Source")
    ] = None,
    background: Annotated[
        list[str] | None,
        typer.Option(
            "--background",
            "-b",
            help="A colour (#1e90ff, navy), blur or blur:20, transparent, a picture or a video. "
            "May be given several times: b switches.",
            show_default="green",
            rich_help_panel="Picture",
        ),
    ] = None,
    virtual_camera: Annotated[
        str | None,
        typer.Option(
            metavar="[DEVICE]",
            help="Send to a virtual camera, for calls.",
            rich_help_panel="Where to",
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            help="Write a file: .mp4, .mkv, .mov, .webm, or a folder of PNGs. May be given "
            "several times; an older file is replaced when the new one is whole.",
            rich_help_panel="Where to",
        ),
    ] = None,
    no_preview: Annotated[
        bool, typer.Option("--no-preview", help="No window.", rich_help_panel="Where to")
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu, cuda, cuda:N, openvino:GPU, openvino:NPU or torch:cpu. auto takes "
            "CUDA if it can, else the CPU.",
            rich_help_panel="Network",
        ),
    ] = "auto",
    matte_size: Annotated[
        str,
        typer.Option(
            metavar="auto|PIXELS",
            help=f"Short side of what the network sees, {SHORT_SIDES.start} to "
            f"{SHORT_SIDES.stop - 1}; larger is slower. auto holds the camera's rate on the CPU.",
            rich_help_panel="Network",
        ),
    ] = AUTOMATIC,
    precision: Annotated[
        str,
        typer.Option(
            metavar="auto|fp32|int8|fp16",
            help="What the network computes in. auto takes the fastest that is right.",
            rich_help_panel="Network",
        ),
    ] = AUTOMATIC,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Cores of the CPU to use.",
            show_default="all",
            rich_help_panel="Network",
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH",
            help="photographic, webcam (see `weights pull`), or a converted file.",
            rich_help_panel="Network",
        ),
    ] = "photographic",
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and what libraries have to say.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """You in front of any background, live: real portrait matting for webcams.

    Nothing of your room is shown, and nothing leaves this computer.
    """
    if version:
        typer.echo(f"livematte {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    with _reported(debug):
        # Loaded here, so that help and mistyped options need not wait for OpenCV.
        from livematte import background as backgrounds_from
        from livematte.pipeline import Pipeline
        from livematte.render.renderer import check_device, check_precision, open_renderer

        check_device(device)
        check_precision(precision)
        short_side = _parse_matte_size(matte_size)
        backgrounds = [backgrounds_from.parse(each) for each in background or ["green"]]
        source = _choose_source(camera, input_path, demo, size, fps, realtime=not no_realtime)
        preview = None if no_preview else _make_preview(lambda: _status(pipeline))
        read_from = [] if demo or input_path is not None else [camera or "0"]
        sinks = _choose_sinks(preview, virtual_camera, output or [], backgrounds, read_from)
        pipeline = Pipeline(
            source,
            lambda frame_size: open_renderer(
                device,
                frame_size=frame_size,
                matte_short_side=short_side,
                weights_name=weights,
                precision=precision,
                threads=threads,
                frames_per_second=None if no_realtime else source.frames_per_second,
                on_change=_say,
            ),
            backgrounds,
            sinks,
            controls=preview,
            frames=frames,
            on_ready=lambda choice: _say_start(source, choice, backgrounds, sinks),
        )
        with _stopped_by_signals(pipeline):
            pipeline.run()
        _say_end(pipeline, source, preview)


@app.command()
def cameras() -> None:
    """List the cameras that can be opened, with their modes."""
    with _reported():
        from livematte.sources import list_cameras

        found = list_cameras()
        if not found:
            raise SourceError("No camera was found.", "Plug one in, or try livematte --demo.")
        table = Table("--camera", "Name", "Modes", box=None)
        for each in found:
            about = each.problem or "\n".join(each.modes) or "not told by this system"
            table.add_row(str(each.index), escape(each.name), escape(about))
        Console().print(table)


@app.command()
def bench(
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Size of the frames. May be given several times.",
            show_default="1280x720",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this one, as for livematte itself. May be given several times.",
            show_default="all that there are",
        ),
    ] = None,
    matte_size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="auto|PIXELS",
            help="Short side of what the network sees; auto is what holds 30 frames/s. May be "
            "given several times.",
            show_default="288, and auto",
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="auto|fp32|int8|fp16",
            help="May be given several times.",
            show_default="fp32 and int8",
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores of the CPU to use.", show_default="all")
    ] = None,
    background: Annotated[
        str, typer.Option("--background", "-b", help="What to composite on.")
    ] = "green",
    frames: Annotated[int, typer.Option(min=6, help="Frames, over all rounds.")] = 140,
    rounds: Annotated[
        int, typer.Option(min=1, help="Rounds, in which all that is compared takes turns.")
    ] = 7,
    official: Annotated[
        bool, typer.Option(help="Compare with the way of the official MODNet demo.")
    ] = True,
    memory: Annotated[bool, typer.Option(help="Follow the memory over 1,000 frames.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, in seconds and bytes.")
    ] = False,
) -> None:
    """Measure how fast livematte is on this computer, end to end and stage by stage."""
    with _reported():
        from livematte.bench.compare import run_bench
        from livematte.bench.report import tables

        with console.status("livematte bench") as status:
            report = run_bench(
                [_parse_size(each) for each in size or ["1280x720"]],
                frames=frames,
                rounds=rounds,
                background=background,
                devices=device or (),
                matte_short_sides=[_parse_matte_size(each) for each in matte_size or ()],
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
        Console(width=width, highlight=False).print(tables(report))


@weights_app.command("convert")
def convert_weights(
    file: Annotated[Path, typer.Argument(help="An .onnx or official .ckpt file of MODNet.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to.", show_default="beside it, .safetensors"),
    ] = None,
) -> None:
    """Make a MODNet that you have, .onnx or official .ckpt, usable with --weights."""
    with _reported():
        from livematte.network.convert import convert

        written = convert(file, output)
        _say(f"{written} is ready: livematte --weights {written}")


@weights_app.command("quantize")
def quantize_weights(
    weights: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="The weights to make an int8 form of.")
    ],
    calibrate: Annotated[
        list[Path],
        typer.Option(
            help="A video, picture or folder of people to calibrate with. May be given several "
            "times."
        ),
    ],
    check: Annotated[
        list[Path] | None,
        typer.Option(help="The same, to measure the result with; best of other people."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The .xml to write.", show_default="beside the weights"
        ),
    ] = None,
) -> None:
    """Make the int8 form of weights, which is faster on most CPUs. Needs livematte[quantize]."""
    with _reported():
        from livematte.network import quantize as quantizing
        from livematte.network.weights import find

        source = find(weights)
        frames = quantizing.read_frames(calibrate)
        written = quantizing.quantize(source, frames, output)
        _say(f"{written} is ready, with its .bin beside it.")
        if check:
            off = quantizing.compare(source, written, quantizing.read_frames(check))
            _say(
                f"Its matte is {off.mean:.2e} off the float32 one's on average over {off.frames} "
                f"frames, {off.worst:.2e} in the worst."
            )


@weights_app.command("pull")
def pull_weights(
    name: Annotated[str, typer.Argument(help="Which of the official weights: webcam.")],
) -> None:
    """Download official weights, check their hash, convert them and keep them."""
    with _reported():
        from livematte.network.download import pull

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as progress:
            task = progress.add_task(f"Downloading {name}", total=None)
            written = pull(
                name, lambda done, total: progress.update(task, completed=done, total=total)
            )
        _say(f"{written} is ready: livematte --weights {name}")


def main() -> None:
    """The `livematte` command."""
    if "--debug" not in sys.argv:
        silence_libraries()
    try:
        app(args=_with_optional_values(sys.argv[1:]), prog_name="livematte")
    finally:
        if any(thread.daemon for thread in threading.enumerate()):
            _end_at_once()


def _end_at_once() -> NoReturn:
    """End without the interpreter's own ending, under which a thread in a driver could crash."""
    error = sys.exc_info()[1]
    code = error.code if isinstance(error, SystemExit) else EXIT_FAILURE
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


def _with_optional_values(arguments: Sequence[str]) -> list[str]:
    """Give a bare --virtual-camera its value; Typer knows no options with an optional one."""
    following = [*arguments[1:], "-"]
    return [
        f"{each}={AUTOMATIC}" if each == "--virtual-camera" and after.startswith("-") else each
        for each, after in zip(arguments, following, strict=True)
    ]


def _parse_size(text: str) -> Size:
    match = re.fullmatch(r"(\d{1,5})[xX*](\d{1,5})", text)
    if match is None or 0 in map(int, match.groups()):
        raise UsageError(f"Size {text!r} is not of the form WIDTHxHEIGHT.", "Try --size 1280x720.")
    return Size(int(match[1]), int(match[2]))


def _parse_matte_size(text: str) -> int | None:
    """The network's short side in pixels; None for auto."""
    if text == AUTOMATIC:
        return None
    if not text.isdecimal() or int(text) not in SHORT_SIDES:
        raise UsageError(
            f"Matte size {text!r} is neither auto nor a number from {SHORT_SIDES.start} to "
            f"{SHORT_SIDES.stop - 1}.",
            f"Leave it out, or try --matte-size {DEFAULT_SHORT_SIDE}.",
        )
    return int(text)


def _choose_source(
    camera: str | None,
    input_path: Path | None,
    demo: bool,
    size: str | None,
    fps: float | None,
    realtime: bool,
) -> Source:
    from livematte.sources import Camera, Demo, VideoFile

    if (camera is not None) + (input_path is not None) + demo > 1:
        raise UsageError("--camera, --input and --demo were given together.", "Choose one of them.")
    if input_path is not None:
        if size is not None or fps is not None:
            raise UsageError(
                "--size and --fps are for cameras; a file has its own.", "Leave them out."
            )
        return VideoFile(input_path, realtime=realtime)
    wanted = None if size is None else _parse_size(size)
    if demo:
        return Demo(wanted or Size(1280, 720), realtime=realtime)
    if camera is None:
        camera = "0"
    return Camera(int(camera) if camera.isdecimal() else camera, wanted, fps)


def _make_preview(status: Callable[[], Sequence[str]]) -> PreviewWindow:
    from livematte.sinks import PreviewWindow

    return PreviewWindow("livematte", status)


def _choose_sinks(
    preview: PreviewWindow | None,
    virtual_camera: str | None,
    outputs: Sequence[str],
    backgrounds: Sequence[Background],
    read_from: Sequence[str],
) -> list[Sink]:
    from livematte.background import Transparent
    from livematte.sinks import VirtualCamera, open_output

    transparent = any(isinstance(each, Transparent) for each in backgrounds)
    sinks: list[Sink] = [] if preview is None else [preview]
    if virtual_camera is not None:
        name = None if virtual_camera == AUTOMATIC else virtual_camera
        sinks.append(VirtualCamera(name, avoid=read_from))
    sinks += [open_output(each, transparent) for each in outputs]
    if not sinks:
        raise UsageError(
            "There is nowhere to show or write the picture.",
            "With --no-preview, give --output FILE or --virtual-camera.",
        )
    for sink in sinks:
        if transparent and not sink.takes_alpha:
            raise UsageError(
                f"A transparent background cannot be sent to the {sink.description}.",
                "Give another --background, or --output with .mov, .webm or a folder of PNGs.",
            )
    return sinks


@contextmanager
def _stopped_by_signals(pipeline: Pipeline) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in good order; a second Ctrl-C ends it at once."""

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        pipeline.stop()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _reported(debug: bool = False) -> Iterator[None]:
    """Turn errors into one or two lines and an exit code; with `debug`, a traceback as well."""
    try:
        yield
    except LivematteError as error:
        if debug:
            console.print_exception()
        console.print(f"[bold red]livematte:[/] {escape(error.problem)}\n{escape(error.remedy)}")
        raise typer.Exit(EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILURE) from error
    except (typer.Exit, KeyboardInterrupt):
        raise
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        console.print(f"[bold red]livematte:[/] Unexpected {kind}: {escape(str(error))}")
        console.print("Run it again with --debug to see where, and please report it.")
        raise typer.Exit(EXIT_FAILURE) from error


def _say(text: str) -> None:
    console.print(f"[bold]livematte:[/] {escape(text)}")


def _say_start(
    source: Source, choice: Choice, backgrounds: Sequence[Background], sinks: Sequence[Sink]
) -> None:
    reason = f" ({choice.reason})" if choice.reason else ""
    behind = ", ".join(each.description for each in backgrounds)
    shown = ", ".join(each.description for each in sinks)
    _say(f"{source.description} → {choice.renderer.description}{reason} → {behind} → {shown}")


def _status(pipeline: Pipeline) -> list[str]:
    """The lines of the preview's overlay."""
    statistics = pipeline.statistics
    latency = statistics.recent_latency_seconds
    return [
        f"{statistics.recent_frames_per_second:.1f} frames/s",
        "latency -" if latency is None else f"latency {latency * 1000:.0f} ms",
        f"{statistics.dropped} dropped of {statistics.dropped + statistics.frames}",
        "" if pipeline.choice is None else pipeline.choice.renderer.description,
        pipeline.background.description,
    ]


def _say_end(pipeline: Pipeline, source: Source, preview: PreviewWindow | None) -> None:
    for remark in source.remarks:
        _say(remark)
    for path in preview.snapshots if preview is not None else ():
        _say(f"snapshot {path}")
    summary = pipeline.statistics.summary()
    if summary.median_latency_seconds is None or summary.p95_latency_seconds is None:
        _say("no frames")
        return
    _say(
        f"{summary.frames} frames, {summary.dropped} dropped, "
        f"{summary.frames_per_second:.1f} frames/s, "
        f"latency {summary.median_latency_seconds * 1000:.0f} ms median, "
        f"{summary.p95_latency_seconds * 1000:.0f} ms 95th percentile"
    )
