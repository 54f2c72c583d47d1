"""Frames of videos, pictures and folders of them, to calibrate a network with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.errors import SourceError
from livematte.frame import Image
from livematte.media.photo.read import UnknownKindError, open_photo
from livematte.sources.video_file import VideoFile

FRAMES_PER_CLIP: Final = 24
"""How many frames of a video to calibrate with; neighbouring frames add nothing new."""


def read_frames(paths: Iterable[Path], per_clip: int | None = FRAMES_PER_CLIP) -> Iterator[Image]:
    """Frames of videos, pictures and folders of them: uint8 BGR (H, W, 3), in order of the paths.

    per_clip: how many of each video, spread evenly over it; None for all.

    Raises `SourceError` if a file is neither a picture nor a video, or cannot be read.
    """
    for path in paths:
        if os.path.isdir(path):
            files = sorted(each for each in path.iterdir() if not each.name.startswith("."))
            yield from read_frames((each for each in files if each.is_file()), per_clip)
            continue
        if not os.path.exists(path):
            raise SourceError(f"{path} does not exist.", "Give pictures, videos or folders.")
        try:
            with open_photo(path) as opened:
                picture = opened.decode().image
        except UnknownKindError:
            yield from _spread(path, per_clip)
        else:
            yield cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)


def _spread(path: Path, per_clip: int | None) -> Iterator[Image]:
    """`per_clip` frames of a video, the first and the last among them."""
    wanted: Iterable[int] = count()
    if per_clip is not None:
        # Counted, because a header need not tell how many there are.
        total = sum(1 for _ in _images(path))
        wanted = np.linspace(0, total - 1, min(per_clip, total)).astype(int)
    indices = iter(wanted)
    index = next(indices)
    for place, image in enumerate(_images(path)):
        if place == index:
            yield image.copy()
            index = next(indices, -1)


def _images(path: Path) -> Iterator[Image]:
    """Every frame of a video; each is overwritten by the next."""
    with VideoFile(path, realtime=False) as video:
        for frame in video.frames():
            yield frame.image
            video.recycle(frame)
