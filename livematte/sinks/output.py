"""Opens the sink for the name after `--output`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from livematte.errors import UsageError
from livematte.media.identity import Inputs
from livematte.media.names import STANDARD_STREAM, is_folder, require_writable_name
from livematte.media.pipe import STDOUT
from livematte.media.whole_file import Taken
from livematte.sinks.images import ImageFolder
from livematte.sinks.video.writer import VideoWriter

if TYPE_CHECKING:
    from livematte.media.video.source import SourceVideo


def open_output(
    name: str | Path,
    transparent: bool,
    *,
    quality: int | None = None,
    recording: SourceVideo | None = None,
    taken: Taken = Taken.REFUSE,
    inputs: Iterable[Path] = (),
) -> ImageFolder | VideoWriter:
    """The sink for `name`; nothing is created yet.

    PNG pictures go into a folder (an existing one, or a name that ends in a slash) or to a name
    that ends in `.png`; "-" is standard output, which gets a Matroska video. Any other name is a
    video file, and its extension determines the format.

    quality, recording: for videos, see `VideoWriter`.
    taken: what to do if such a file, or such pictures, already exist.
    inputs: files that are being read: they are never replaced, under any of their names.

    Raises `UsageError` if the name is empty, an address or a device, if its extension is
    unsupported or cannot hold the requested alpha, if the format has no quality setting, or if an
    existing file must not be replaced.
    """
    text, path = os.fspath(name), Path(name)
    if text == STANDARD_STREAM:
        if os.isatty(STDOUT):
            raise UsageError(
                "Standard output is a terminal, which cannot show a video.",
                "Pipe it to another program: livematte ... -o - | ffplay -",
            )
        return VideoWriter(path, transparent, quality=quality, recording=recording, streamed=True)
    if not text:
        raise UsageError("The output has no name.", "Name a file, or a folder for PNGs.")
    require_writable_name(text)
    read = Inputs(inputs)
    read.require_not_at(path)
    if is_folder(text) or path.suffix.lower() == ".png":
        if quality is not None:
            raise UsageError("PNG has no quality setting.", "Leave out --quality.")
        if taken is Taken.NUMBER and not is_folder(text):
            taken = Taken.REFUSE
        return ImageFolder(path, taken, read)
    return VideoWriter(path, transparent, quality=quality, recording=recording, taken=taken)
