"""From the name after `--output` to the sink that writes it."""

from __future__ import annotations

import os
from pathlib import Path

from livematte.sinks.images import ImageFolder
from livematte.sinks.sink import Sink
from livematte.sinks.video_writer import VideoWriter


def open_output(name: str | Path, transparent: bool) -> Sink:
    """The sink for `name`; nothing is touched yet.

    PNG pictures go into a folder (an existing one, or a name that ends in a slash) or to a name
    that ends in `.png`; every other name is a video's, and its ending says of which kind.

    Raises `UsageError` if the ending is unknown or cannot hold the alpha that is asked for.
    """
    text, path = os.fspath(name), Path(name)
    is_folder = text.endswith(("/", os.sep)) or path.is_dir()
    if is_folder or path.suffix.lower() == ".png":
        return ImageFolder(path)
    return VideoWriter(path, transparent)
