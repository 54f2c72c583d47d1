"""From the name after `--output` to the sink that writes it."""

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
from livematte.sinks.video_writer import VideoWriter

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
    """The sink for `name`; nothing is touched yet.

    PNG pictures go into a folder (an existing one, or a name that ends in a slash) or to a name
    that ends in `.png`; "-" is the standard output, which gets a Matroska video. Every other name
    is a video's, and its ending says of which kind.

    quality, recording: of a video, see `VideoWriter`.
    taken: what to do if there is such a file, or such pictures, already.
    inputs: files that are read meanwhile: they are never replaced, whatever they are called.

    Raises `UsageError` if there is no name, if it is an address or a device's name, if its
    ending is unknown or cannot hold the alpha that
    is asked for, if there is no quality to choose, or if something may not be replaced.
    """
    text, path = os.fspath(name), Path(name)
    if text == STANDARD_STREAM:
        if os.isatty(STDOUT):
            raise UsageError(
                "A video is nothing for the terminal to show.",
                "Pipe it to a program, such as ffplay: livematte ... -o - | ffplay -",
            )
        return VideoWriter(path, transparent, quality=quality, recording=recording, streamed=True)
    if not text:
        raise UsageError("The output has no name.", "Name a file, or a folder for PNGs.")
    require_writable_name(text)
    read = Inputs(inputs)
    read.require_not_at(path)
    if is_folder(text) or path.suffix.lower() == ".png":
        if quality is not None:
            raise UsageError("PNGs have no quality to choose.", "Leave out the quality.")
        if taken is Taken.NUMBER and not is_folder(text):
            taken = Taken.REFUSE
        return ImageFolder(path, taken, read)
    return VideoWriter(path, transparent, quality=quality, recording=recording, taken=taken)
