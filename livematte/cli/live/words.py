"""The messages of a live run: at its start, while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Sequence

from livematte.background import Background
from livematte.cli.backgrounds import described
from livematte.cli.live import slowness
from livematte.cli.live.slowness import Asked
from livematte.cli.terminal import say
from livematte.controller import Controller
from livematte.options.changes import Change, ReplaceBackgrounds
from livematte.pipeline.pace import Slow
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import Sink, VirtualCamera
from livematte.sources import Source
from livematte.text.counted import counted


def say_start(
    source: Source, choice: OpenedRenderer, backgrounds: Sequence[Background], sinks: Sequence[Sink]
) -> None:
    reason = f" ({choice.reason})" if choice.reason else ""
    behind = described(backgrounds)
    shown = ", ".join(
        f"{each.description} ({each.choice})"
        if isinstance(each, VirtualCamera)
        else each.description
        for each in sinks
    )
    say(f"{source.description} → {choice.renderer.description}{reason} → {behind} → {shown}")


def say_idle(is_off: bool) -> None:
    say("camera off: nobody is watching" if is_off else "camera on again")


def say_slow(slow: Slow, asked: Asked, controller: Controller) -> None:
    choice = controller.pipeline.choice
    timings = {} if choice is None else choice.renderer.timings.by_stage()
    say(slowness.sentence(slow, asked, timings))


def say_changed(change: Change, controller: Controller) -> None:
    """Report what the picture itself does not show."""
    if isinstance(change, ReplaceBackgrounds):
        backgrounds = controller.pipeline.stage.scene.backgrounds
        say(f"backgrounds read again: {described(backgrounds)}")


def say_end(controller: Controller, snapshots: Sequence[object]) -> None:
    """snapshots: files saved with the preview's key."""
    for path in snapshots:
        say(f"snapshot {path}")
    summary = controller.pipeline.statistics.summary()
    if summary.median_latency_seconds is None or summary.p95_latency_seconds is None:
        say("no frames")
        return
    say(
        f"{counted(summary.frames, 'frame')}, {summary.dropped} dropped, "
        f"{summary.frames_per_second:.1f} frames/s, "
        f"latency {summary.median_latency_seconds * 1000:.0f} ms median, "
        f"{summary.p95_latency_seconds * 1000:.0f} ms 95th percentile"
    )
