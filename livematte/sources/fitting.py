"""Frames in the size that a run began with."""

from __future__ import annotations

from livematte.frame import Frame, Image, Size
from livematte.media.cover import cover
from livematte.sources.source import Source


def fitted(frame: Frame, size: Size, source: Source) -> Image:
    """The frame's image, scaled and cropped if it is not of `size`; uint8 BGR (H, W, 3).

    source: gets the frame back if it was scaled.
    """
    if frame.size == size:
        return frame.image
    image = cover(frame.image, size)
    source.recycle(frame)
    return image
