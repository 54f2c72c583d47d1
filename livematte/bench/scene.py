"""A clip in front of a background, close-up or in 16:9, as a camera would see it.

The frames' alpha is exact, and so are the true pictures: the same person on the same pixels, on any
other background.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.background import ImageBackground, Picture
from livematte.backgrounds.solid import CHROMA_GREEN, solid
from livematte.bench.footage import Clip, Footage, read_background, read_frame
from livematte.bench.metrics import soft_pixels
from livematte.errors import SourceError
from livematte.frame import Image, Size
from livematte.media.cover import cover

ROOM_SIZE: Final = Size(1280, 720)

PERSON_HEIGHT: Final = 0.7
"""As a part of the frame's height, in `Framing.ROOM`."""

NOISE_SEED: Final = 2009


class Framing(Enum):
    """How much of the room is around the person."""

    CLOSE_UP = "close-up"
    """The clip unchanged."""
    ROOM = "16:9"
    """The clip in the middle of `ROOM_SIZE`, on the lower edge, `PERSON_HEIGHT` as high."""


class Shot(NamedTuple):
    """One frame and its ground truth.

    image: uint8 BGR (H, W, 3), the camera's picture.
    alpha: float32 (H, W) in [0, 1].
    soft: bool (H, W), where alpha is truly soft; see `metrics.SOFT`.
    soft_colours: float32 BGR (n, 3), the true composite on the new background at those n pixels.
    """

    image: Image
    alpha: NDArray[np.float32]
    soft: NDArray[np.bool_]
    soft_colours: NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """A clip in front of a background.

    background: behind the frames. new_background: to render them on; None for plain green.
    frames: how many to use. noise_levels: standard deviation of the camera's noise.
    """

    clip: Clip
    background: Path
    new_background: Path | None
    framing: Framing
    frames: int
    noise_levels: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.clip.name} on {self.background.stem}, {self.framing.value}"

    def size(self) -> Size:
        """The size of the frames. Raises `SourceError` if the first one cannot be read."""
        if self.framing is Framing.ROOM:
            return ROOM_SIZE
        return Size.of(read_frame(self.clip.frames[0])[1])

    def picture(self) -> Picture:
        """The new background. Raises `BackgroundError` if it cannot be read."""
        if self.new_background is None:
            return solid(CHROMA_GREEN, "green")
        return ImageBackground(read_background(self.new_background), self.new_background.name)

    def shots(self) -> Iterator[Shot]:
        """The frames one by one, made on demand.

        Raises `SourceError` and `BackgroundError` if a file cannot be read, or if a frame differs
        in size from the first one.
        """
        size = self.size()
        behind = cover(read_background(self.background), size)
        new = self.picture().picture_at(size, 0.0)
        clip_size: Size | None = None
        for index, path in enumerate(islice(self.clip.frames, self.frames)):
            colours, alpha = read_frame(path)
            clip_size = clip_size or Size.of(alpha)
            if Size.of(alpha) != clip_size:
                raise SourceError(
                    f"{path} is {Size.of(alpha)}, but the first frame of its clip is {clip_size}.",
                    "Make all frames the same size.",
                )
            shot = place(colours, alpha, behind, new, self.framing)
            yield shot._replace(image=_noisy(shot.image, self.noise_levels, index))


def scenes_of(
    footage: Footage,
    *,
    frames: int | None = None,
    backgrounds: int | None = None,
    noise_levels: float = 0.0,
) -> list[Scene]:
    """Each clip in front of each background, in each framing.

    Each is rendered on the next background.

    frames, backgrounds: use only the first ones, this many; None for all.
    """
    rooms = footage.backgrounds
    new: list[Path | None] = [None] if len(rooms) == 1 else [*rooms[1:], *rooms[:1]]
    return [
        Scene(
            clip,
            room,
            other,
            framing,
            min(frames or len(clip.frames), len(clip.frames)),
            noise_levels,
        )
        for framing in Framing
        for clip in footage.clips
        for room, other in list(zip(rooms, new, strict=True))[:backgrounds]
    ]


def place(
    colours: Image, alpha: NDArray[np.float32], behind: Image, new: Image, framing: Framing
) -> Shot:
    """Composite a frame.

    colours, alpha: uint8 BGR (h, w, 3) and straight alpha, float32 (h, w).
    behind, new: uint8 BGR (H, W, 3), the room and the background to render on.
    """
    # Premultiplied, or the colours of invisible pixels would show at the edge.
    premultiplied = colours * alpha[..., None]
    height, width = behind.shape[:2]
    if framing is Framing.ROOM:
        scale = min(PERSON_HEIGHT * height / alpha.shape[0], width / alpha.shape[1])
        scaled = Size(round(alpha.shape[1] * scale), round(alpha.shape[0] * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        alpha = cv2.resize(alpha, scaled, interpolation=how).astype(np.float32, copy=False)
        premultiplied = cv2.resize(premultiplied, scaled, interpolation=how).astype(
            np.float32, copy=False
        )
    rows, columns = alpha.shape
    left = (width - columns) // 2
    box = slice(height - rows, height), slice(left, left + columns)

    image = behind.copy()
    image[box] = np.rint(premultiplied + (1 - alpha[..., None]) * behind[box])
    true_alpha = np.zeros((height, width), np.float32)
    true_alpha[box] = alpha
    soft = soft_pixels(alpha)
    soft_colours = premultiplied[soft] + (1 - alpha[soft][:, None]) * new[box][soft]
    everywhere = np.zeros((height, width), np.bool_)
    everywhere[box] = soft
    return Shot(image, true_alpha, everywhere, soft_colours)


def _noisy(image: Image, sigma: float, index: int) -> Image:
    """Add noise, which is the same each time for a frame's index."""
    if not sigma:
        return image
    noise = np.random.default_rng((NOISE_SEED, index)).standard_normal(image.shape, np.float32)
    noisy: Image = np.rint(np.clip(image + sigma * noise, 0, 255)).astype(np.uint8)
    return noisy
