"""The outputs of a live run, from the options of the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from livematte.cli.terminal import AUTOMATIC, say
from livematte.errors import UsageError
from livematte.media.names import STANDARD_STREAM, is_pipe
from livematte.media.whole_file import Taken
from livematte.pipeline.on_demand import OnDemand
from livematte.sinks import ImageFolder, Sink, VideoWriter, VirtualCamera, open_output
from livematte.sinks.dated import Dated
from livematte.sources import Source, VideoFile
from livematte.sources.switchable import SwitchableSource


def choose_virtual_camera(name: str | None, read_from: Sequence[str]) -> list[VirtualCamera]:
    """name: the value of `--virtual-camera`, or None. read_from: the camera of the run."""
    if name is None:
        return []
    if name == "":
        raise UsageError("--virtual-camera= has no name.", "Leave out the =, or name a device.")
    device = None if name == AUTOMATIC else name
    return [VirtualCamera(device, avoid=read_from, on_trouble=say)]


def open_outputs(
    outputs: Sequence[Dated],
    source: Source,
    *,
    transparent: bool,
    overwrite: bool,
    inputs: Sequence[Path],
) -> list[ImageFolder | VideoWriter]:
    """inputs: files that the run reads."""
    sinks = []
    for name, is_dated in outputs:
        taken = Taken.NUMBER if is_dated else Taken.REFUSE
        taken = Taken.REPLACE if overwrite else taken
        # Every picture of a file is recorded, so that its sound fits, even if others drop some.
        # Not into a pipe, which takes no pictures until another program reads it, and not from a
        # pipe, which can be read only once.
        recording = source if isinstance(source, VideoFile) else None
        if recording is not None and (
            name == STANDARD_STREAM or is_pipe(name) or is_pipe(recording.path)
        ):
            recording = None
            say("The sound is left out, because of the pipe. `livematte video` keeps it.")
        sinks.append(
            open_output(name, transparent, recording=recording, taken=taken, inputs=inputs)
        )
    return sinks


def choose_on_demand(asked: bool | None, source: Source, sinks: Sequence[Sink]) -> OnDemand | None:
    """None keeps the camera on all the time."""
    if asked is False:
        return None
    is_camera = isinstance(source, SwitchableSource) and source.can_be_off
    if is_camera and len(sinks) == 1 and sys.platform == "linux":
        sink = sinks[0]
        if isinstance(sink, VirtualCamera) and isinstance(source, SwitchableSource):
            return OnDemand(sink.is_watched, source.turn_off, source.turn_on)
    if asked:
        raise UsageError(
            "Nothing can be left out on demand here.",
            "--on-demand is for a camera on Linux whose picture goes to --virtual-camera alone: "
            "give --no-preview and no --output, or leave it out.",
        )
    return None
