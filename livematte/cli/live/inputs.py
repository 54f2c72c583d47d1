"""The source of a live run's frames, from the options of the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livematte.cli.meant import refuse_other
from livematte.cli.terminal import parse_size, say
from livematte.errors import UsageError
from livematte.frame import Size
from livematte.media.names import require_readable_name
from livematte.sources import Demo, ReconnectingCamera, Source, VideoFile
from livematte.sources.choosing import find_camera, usual_camera
from livematte.sources.switchable import SwitchableSource


def choose_camera(camera: str | None, input_path: Path | None, demo: bool) -> str | None:
    """The chosen camera, as `find_camera` returns it; None for another input.

    Raises `UsageError` if several inputs are given.
    """
    if (camera is not None) + (input_path is not None) + demo > 1:
        raise UsageError("--camera, --input and --demo were given together.", "Choose one of them.")
    if camera is None:
        return None if input_path is not None or demo else str(usual_camera())
    if not camera:
        raise UsageError("--camera has no name.", "Choose one that `livematte cameras` lists.")
    return str(find_camera(camera))


def camera_maker(size: str | None, fps: float | None) -> Callable[[str], Source]:
    """Returns a function that makes the source of a camera from `find_camera`."""
    wanted = None if size is None else parse_size(size)

    def make(camera: str) -> Source:
        is_number = camera.isdecimal() and len(camera) < 5
        return ReconnectingCamera(int(camera) if is_number else camera, wanted, fps, on_trouble=say)

    return make


def choose_source(
    camera: str | None,
    input_path: Path | None,
    size: str | None,
    fps: float | None,
    *,
    realtime: bool,
) -> Source:
    """camera: see `choose_camera`. Without a camera or a file: the demo."""
    if input_path is not None:
        if size is not None or fps is not None:
            raise UsageError(
                "--size and --fps are for cameras; a file has its own.", "Leave them out."
            )
        require_readable_name(input_path)
        refuse_other(input_path)
        return VideoFile(input_path, realtime=realtime)

    def make() -> Source:
        if camera is not None:
            return camera_maker(size, fps)(camera)
        wanted = None if size is None else parse_size(size)
        return Demo(wanted or Size(1280, 720), realtime=realtime)

    source = make()
    return SwitchableSource(source, make) if source.live else source
