"""A run with a preview, a second output and a recording: `python -m tests.sinks.preview_run FILE`.

Prints "running" once all is well, and at the end the longest gap between two pictures of the second
output, in seconds.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path

import typer

from livematte.backgrounds.parse import parse
from livematte.cli.signals import signals
from livematte.cli.terminal import reported, say, stopped_by_signals
from livematte.frame import Rendered, Size
from livematte.options.changes import Quit
from livematte.pipeline import outlet
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import PreviewWindow, VideoWriter
from livematte.sinks.null import NullSink
from livematte.sources import Demo
from tests.sinks.show import Run

SIZE = Size(320, 180)
RUNNING_PICTURES = 10
STALLED_SECONDS = 1.0
"""Of two: a test is to be short."""


class Second(NullSink):
    """An output that notes when pictures come."""

    def __init__(self) -> None:
        super().__init__(description="second output")
        self.seconds: list[float] = []

    def send(self, picture: Rendered) -> None:
        if picture.index >= 0:
            self.seconds.append(time.monotonic())
        if len(self.seconds) == RUNNING_PICTURES:
            print("running", flush=True)

    def close(self) -> None:
        gaps = [after - before for before, after in pairwise(self.seconds)]
        print(max(gaps, default=0.0), flush=True)

    abort = close


def obey(preview: PreviewWindow, pipeline: Pipeline) -> None:
    if Quit() in preview.poll():
        pipeline.stop()


def main(path: Path) -> None:
    preview = PreviewWindow("preview under test", Run().snapshot)
    pipeline = Pipeline(
        Demo(SIZE),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        Scene((parse("green"),)),
        [preview, Second(), VideoWriter(path)],
        events=PipelineEvents(turn=lambda: obey(preview, pipeline), trouble=say),
    )
    with reported(), stopped_by_signals(pipeline):
        pipeline.run()


if __name__ == "__main__":
    signals.catch()
    outlet.STALLED_SECONDS = STALLED_SECONDS  # type: ignore[misc]
    try:
        main(Path(sys.argv[1]))
    except typer.Exit as error:
        sys.exit(error.exit_code)
