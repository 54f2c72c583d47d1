"""Finds labelled footage in a folder, and reads it.

    X.jpg, X_alpha.png      a photo and its matte; the photo may also be PNG or another format
    0000.png, 0001.png ...  a clip: RGBA frames, whose alpha is exact
    backgrounds/            pictures of rooms to put clips in front of

They may be in the folder or anywhere below it. Other files are ignored.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.bench.metrics import from_uint8
from livematte.errors import BackgroundError, LivematteError, SourceError, UsageError
from livematte.frame import Image, Size
from livematte.media.photo.read import Photo, open_photo
from livematte.photos import PHOTO_ENDINGS

ALPHA_ENDING: Final = "_alpha"
BACKGROUNDS: Final = "backgrounds"

FRAME_ENDINGS: Final = frozenset({".png", ".webp", ".tif", ".tiff"})
"""Formats that can store alpha without loss."""

_NUMBERED: Final = re.compile(r"(\D*)(\d+)")


class Pair(NamedTuple):
    """A photo and its matte. name: the photo's path in the folder, without its extension."""

    name: str
    picture: Path
    alpha: Path


class Clip(NamedTuple):
    """RGBA frames in order. name: their folder's path in the folder, or the folder's own name."""

    name: str
    frames: tuple[Path, ...]


@dataclass(frozen=True)
class Footage:
    """The footage in a folder, sorted by name; only headers have been read."""

    pairs: tuple[Pair, ...]
    clips: tuple[Clip, ...]
    backgrounds: tuple[Path, ...]


def find_footage(folder: Path) -> Footage:
    """All labelled footage in `folder` and below.

    Raises `UsageError` if it is not a folder, if nothing in it is labelled, or if there are clips
    but no backgrounds, and `SourceError` if a matte belongs to no picture, or to several.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "Name a folder of labelled footage.")
    pairs: list[Pair] = []
    clips: list[Clip] = []
    backgrounds: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        if os.path.realpath(here) in seen:  # links may lead anywhere, and in circles
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        folders.sort()
        pictures = [
            here / each
            for each in sorted(names)
            if Path(each).suffix.lower() in PHOTO_ENDINGS and not each.startswith(".")
        ]
        if here.name == BACKGROUNDS and here != folder:
            backgrounds += pictures
            continue
        found = _pairs(pictures, folder)
        pairs += found
        paired = {path for pair in found for path in (pair.picture, pair.alpha)}
        clips += _clips([each for each in pictures if each not in paired], folder)
    if not pairs and not clips:
        raise UsageError(
            f"There is no labelled footage in {folder}.",
            f"Put pairs like X.jpg and X{ALPHA_ENDING}.png there, or a folder of numbered RGBA "
            "frames.",
        )
    if clips and not backgrounds:
        raise UsageError(
            f"There are clips in {folder}, but no backgrounds to put them in front of.",
            f"Put at least one picture of a room into {folder / BACKGROUNDS}.",
        )
    return Footage(tuple(pairs), tuple(clips), tuple(backgrounds))


def read_pair(pair: Pair) -> tuple[Image, NDArray[np.float32]]:
    """The photo, uint8 RGB (H, W, 3), and its true matte, float32 (H, W) in [0, 1].

    Raises `SourceError` if one cannot be read, or if their sizes differ.
    """
    image = _read(pair.picture).image
    alpha = _read(pair.alpha).image[..., 0]
    if Size.of(alpha) != Size.of(image):
        raise SourceError(
            f"{pair.alpha} is {Size.of(alpha)}, but its picture is {Size.of(image)}.",
            "Make a matte of the picture's size, or remove it.",
        )
    return image, from_uint8(alpha)


def read_frame(path: Path) -> tuple[Image, NDArray[np.float32]]:
    """A clip's frame: its colours, uint8 BGR (H, W, 3), and straight alpha, float32 (H, W).

    Raises `SourceError` if it cannot be read or has no alpha.
    """
    photo = _read(path)
    if photo.alpha is None:
        raise SourceError(
            f"{path} has no alpha, unlike the first frame of its clip.",
            "Write all frames as RGBA, or remove this file.",
        )
    return _bgr(photo.image), from_uint8(photo.alpha)


def read_background(path: Path) -> Image:
    """uint8 BGR (H, W, 3). Raises `BackgroundError` if it cannot be read."""
    try:
        return _bgr(_read(path).image)
    except LivematteError as error:
        raise BackgroundError(error.problem, error.remedy) from error


def _pairs(pictures: list[Path], folder: Path) -> list[Pair]:
    """The pairs among the pictures of one folder."""
    found = []
    for alpha in pictures:
        if not alpha.stem.endswith(ALPHA_ENDING):
            continue
        stem = alpha.stem.removesuffix(ALPHA_ENDING)
        own = [each for each in pictures if each.stem == stem]
        if len(own) != 1:
            problem = "no picture" if not own else f"both {own[0].name} and {own[1].name}"
            raise SourceError(
                f"{alpha} is the matte of {problem}.",
                f"Keep exactly one picture named {stem} next to it, or remove it.",
            )
        name = own[0].relative_to(folder).with_suffix("").as_posix()
        found.append(Pair(name, own[0], alpha))
    return found


def _clips(pictures: list[Path], folder: Path) -> list[Clip]:
    """The clips among the pictures of one folder: those whose first frame has alpha."""
    numbered: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for path in pictures:
        match = _NUMBERED.fullmatch(path.stem)
        if match and path.suffix.lower() in FRAME_ENDINGS:
            numbered[match[1]].append((int(match[2]), path))
    found = []
    for prefix, frames in numbered.items():
        paths = tuple(path for _, path in sorted(frames))
        if len(paths) < 2 or not _has_alpha(paths[0]):
            continue
        place = paths[0].parent
        name = folder.resolve().name if place == folder else place.relative_to(folder).as_posix()
        found.append(Clip(name if len(numbered) == 1 else f"{name}/{prefix}", paths))
    return found


def _has_alpha(path: Path) -> bool:
    with open_photo(path) as opened:
        return opened.decode().alpha is not None


def _read(path: Path) -> Photo:
    with open_photo(path) as opened:
        return opened.decode()


def _bgr(rgb: Image) -> Image:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
