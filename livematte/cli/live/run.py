"""A live run, from the options of the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from livematte.background import files_of
from livematte.backgrounds.named import Choice, NamedBackground
from livematte.cli.backgrounds import parse_backgrounds
from livematte.cli.live.inputs import camera_maker, choose_camera, choose_source
from livematte.cli.live.outputs import choose_on_demand, choose_virtual_camera, open_outputs
from livematte.cli.live.reload import Hangup
from livematte.cli.live.slowness import Asked
from livematte.cli.live.words import say_changed, say_end, say_idle, say_slow, say_start
from livematte.cli.meant import require_file
from livematte.cli.process import own_process
from livematte.cli.terminal import parse_matte_size, say, stopped_by_signals
from livematte.controller import Controller, require_alpha
from livematte.errors import UsageError
from livematte.media.identity import require_apart
from livematte.options.refinement import choose_refinement
from livematte.options.rendering import Device, RenderOptions
from livematte.options.settings import LiveSettings
from livematte.pipeline.events import Limits, PipelineEvents
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import PreviewWindow, Sink
from livematte.sinks.dated import dated
from livematte.sinks.video.leftovers import find_leftovers, sentence


class Wishes(NamedTuple):
    """The options of `livematte` itself, as given."""

    camera: str | None
    input_path: Path | None
    demo: bool
    size: str | None
    fps: float | None
    realtime: bool
    frames: int | None
    backgrounds: Sequence[str]
    mirror: bool
    virtual_camera: str | None
    on_demand: bool | None
    outputs: Sequence[str]
    overwrite: bool
    preview: bool
    stall_after: float
    quality: str
    without: frozenset[str]
    edge: int
    light_wrap: float
    device: str
    matte_size: str
    precision: str
    threads: int | None
    weights: str


class LiveRun:
    """A live run, and its messages in the terminal."""

    def __init__(self, wishes: Wishes, backgrounds_again: Callable[[], tuple[str, ...]]) -> None:
        """Check everything that can be checked without opening anything.

        backgrounds_again: returns the texts of the backgrounds; called after a SIGHUP.

        Raises `LivematteError` if the options cannot be used.
        """
        self._wishes = wishes
        self._short_side = parse_matte_size(wishes.matte_size)
        rendering = RenderOptions(
            Device.parse(wishes.device),
            wishes.precision,
            self._short_side,
            wishes.threads,
            wishes.weights,
            choose_refinement(wishes.quality, wishes.without, wishes.edge, wishes.light_wrap),
        )
        own_process(wishes.threads)
        started = time.localtime()
        self._outputs = [dated(each, started) for each in wishes.outputs]
        read = [] if wishes.input_path is None else [wishes.input_path]
        require_apart([each.name for each in self._outputs], read)
        named = parse_backgrounds(wishes.backgrounds)
        camera = choose_camera(wishes.camera, wishes.input_path, wishes.demo)
        self._source = choose_source(
            camera, wishes.input_path, wishes.size, wishes.fps, realtime=wishes.realtime
        )
        self._window = self._make_window(mirrored=camera is not None) if wishes.preview else None
        self._sinks = self._make_sinks(named, camera)
        self._hangup = Hangup(backgrounds_again)
        self._controller = Controller(
            _settings(wishes, named, camera),
            named,
            self._source,
            self._sinks,
            rendering,
            make_camera=camera_maker(wishes.size, wishes.fps),
            on_demand=choose_on_demand(wishes.on_demand, self._source, self._sinks),
            controls=[*([] if self._window is None else [self._window]), self._hangup],
            limits=Limits(wishes.frames, wishes.stall_after),
            events=PipelineEvents(
                ready=self._say_start,
                trouble=say,
                idle=say_idle,
                slow=lambda slow: say_slow(slow, self._asked(), self._controller),
            ),
            on_change=lambda change, _settings: say_changed(change, self._controller),
        )

    def run(self) -> None:
        """Run to the end, and print a summary."""
        if self._wishes.input_path is not None:
            require_file(self._wishes.input_path)
        if self._outputs and (left := find_leftovers()):
            say(sentence(left))
        try:
            with self._hangup.caught(), stopped_by_signals(self._controller):
                self._controller.run()
        finally:
            for remark in self._controller.remarks:
                say(remark)
        say_end(self._controller, () if self._window is None else self._window.snapshots)

    def _make_window(self, *, mirrored: bool) -> PreviewWindow:
        return PreviewWindow("livematte", lambda: self._controller.snapshot(), mirrored)

    def _make_sinks(self, named: Sequence[NamedBackground], camera: str | None) -> list[Sink]:
        wishes, choice = self._wishes, Choice.of(named)
        inputs = files_of(choice.backgrounds)
        if wishes.input_path is not None:
            inputs.append(wishes.input_path)
        sinks: list[Sink] = [
            *([] if self._window is None else [self._window]),
            *choose_virtual_camera(wishes.virtual_camera, [] if camera is None else [camera]),
            *open_outputs(
                self._outputs,
                self._source,
                transparent=choice.has_transparent,
                overwrite=wishes.overwrite,
                inputs=inputs,
            ),
        ]
        if not sinks:
            raise UsageError(
                "There is nowhere to show or write the picture.",
                "With --no-preview, give --output FILE or --virtual-camera.",
            )
        require_alpha(choice, sinks)
        return sinks

    def _asked(self) -> Asked:
        """The current settings of the run that cost time."""
        settings = self._controller.settings
        return Asked(
            settings.quality,
            tuple(settings.without),
            settings.light_wrap,
            self._short_side,
            self._source.size,
            can_ask_size=self._wishes.input_path is None,
            device=settings.device,
            precision=settings.precision,
            threads=self._wishes.threads,
            outputs=[each.description for each in self._sinks],
        )

    def _say_start(self, choice: OpenedRenderer) -> None:
        backgrounds = self._controller.pipeline.stage.scene.backgrounds
        say_start(self._source, choice, backgrounds, self._sinks)


def _settings(wishes: Wishes, named: Sequence[NamedBackground], camera: str | None) -> LiveSettings:
    return LiveSettings(
        tuple(each.text for each in named),
        quality=wishes.quality,
        without=wishes.without,
        edge=wishes.edge,
        light_wrap=wishes.light_wrap,
        camera=camera,
        device=wishes.device,
        precision=wishes.precision,
        mirrored=wishes.mirror,
    )
