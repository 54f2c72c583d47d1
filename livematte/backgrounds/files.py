"""Backgrounds from files: pictures, animations, videos, and all the pictures of a folder."""

from __future__ import annotations

import glob
import math
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np

from livematte.background import ImageBackground, Picture
from livematte.backgrounds.css_colour import parse_colour
from livematte.backgrounds.over import over
from livematte.backgrounds.solid import CHROMA_GREEN
from livematte.backgrounds.suggestion import suggestion
from livematte.errors import BackgroundError, SourceError, UsageError
from livematte.frame import Image, Size
from livematte.media.endings import PHOTO_ENDINGS, VIDEO_ENDINGS
from livematte.media.names import address_of, at_home
from livematte.media.photo.kinds import VIDEO
from livematte.media.photo.memory import DECODE_BYTES, usable_bytes
from livematte.media.photo.read import OpenedPhoto, UnknownKindError, open_photo, to_srgb

WHITE: Final = (255, 255, 255)

KEPT_PIXELS: Final = 33_177_600
"""The pixels of an 8K frame; larger pictures are reduced to about as many."""

MOST_MOVING_PIXELS: Final = 100_000_000
"""The limit of videos: an animation has two pictures in memory at a time."""

NO_LIMIT_BYTES: Final = 1 << 62
"""Of memory, which is checked after a picture is reduced."""

OPEN_AT_ONCE: Final = 4
"""How many pictures of a folder stay in memory: those shown last."""

OPENING_SECONDS: Final = 0.3
"""How long a live run waits for a picture that is shown for the first time."""

NEUTRAL: Final = 40
"""The grey that is shown until then, from 0 to 255."""


class Behind(NamedTuple):
    """A file, and the colour behind its transparent parts: sRGB, 0 to 255."""

    name: str
    colour: tuple[int, int, int]


def open_files(text: str, on_trouble: Callable[[str], None]) -> Sequence[Picture]:
    """The pictures of a file, a folder or a pattern; at least one.

    text: "room.png", "rooms/", "rooms/*.jpg"; "@navy" at its end puts that colour behind the
        transparent parts, which are white otherwise.
    on_trouble: called with a sentence for each skipped picture of a folder or pattern.

    Raises `UsageError` if nothing has this name, and `BackgroundError` if none of the pictures can
    be read.
    """
    name, colour = _split(text)
    path = Path(at_home(name))
    if name and os.path.isdir(path):
        found = sorted(_in_folder(path), key=_natural)
        what = "is a folder without pictures"
    elif name and os.path.exists(path):
        return [open_file(path, colour)]
    elif name and glob.has_magic(name) and "\0" not in name:
        found = sorted(_matches(str(path)), key=_natural)
        what = "matches no file"
    else:
        raise _nothing(text, name)
    pictures: list[Picture] = []
    last: BackgroundError | None = None
    album = _Album()
    for each in found:
        try:
            pictures.append(_Waiting(each, colour, album) if pictures else open_file(each, colour))
        except BackgroundError as error:
            last = error
            on_trouble(f"{error.problem} It is left out.")
    if not pictures and last is not None:
        raise last
    if not pictures:
        raise BackgroundError(f"Background {name} {what}.", "Name a picture or a video file.")
    return pictures


def open_file(path: Path, colour: tuple[int, int, int] = WHITE) -> Picture:
    """A picture, animation or video; animations and videos move.

    colour: behind transparent parts, in sRGB from 0 to 255.

    Raises `BackgroundError` if it cannot be read.
    """
    try:
        with open_photo(path, limit_bytes=NO_LIMIT_BYTES) as opened:
            if not opened.is_animation:
                return _still(opened, path, colour)
            if opened.pixels > MOST_MOVING_PIXELS:
                raise _too_large(opened)
    except UnknownKindError as error:
        return _video(path, error, colour)
    except SourceError as error:
        raise BackgroundError(
            f"Background {error.problem}", "Choose another background, or another copy of it."
        ) from error
    return _animation(path, colour)


def _still(opened: OpenedPhoto, path: Path, colour: tuple[int, int, int]) -> ImageBackground:
    opened.reduce(KEPT_PIXELS)
    if DECODE_BYTES * opened.pixels > usable_bytes():
        raise _too_large(opened)
    photo = opened.decode()
    image = photo.image
    if photo.alpha is not None:
        image = over(to_srgb(image, photo.profile), photo.alpha, colour)
    if opened.pixels > KEPT_PIXELS:
        scale = math.sqrt(KEPT_PIXELS / opened.pixels)
        size = (max(1, round(each * scale)) for each in (image.shape[1], image.shape[0]))
        image = cv2.resize(image, tuple(size), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if photo.alpha is None:
        image = to_srgb(image, photo.profile)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
    return ImageBackground(bgr, path.name, [path])


def _too_large(opened: OpenedPhoto) -> SourceError:
    return SourceError(
        f"{opened.path} has {opened.pixels // 1_000_000} megapixels, too many for the memory here.",
        "Make it smaller first.",
    )


def _animation(path: Path, colour: tuple[int, int, int]) -> Picture:
    from livematte.backgrounds.looped_animation import LoopedAnimation
    from livematte.backgrounds.video import VideoBackground

    return VideoBackground(path, lambda each: LoopedAnimation(each, colour))


def _video(path: Path, no_picture: UnknownKindError, colour: tuple[int, int, int]) -> Picture:
    from livematte.backgrounds.looped_video import LoopedVideo
    from livematte.backgrounds.video import VideoBackground

    try:
        return VideoBackground(path, lambda each: LoopedVideo(each, colour))
    except BackgroundError:
        is_named_a_photo = path.suffix.lower() in PHOTO_ENDINGS
        if no_picture.kind == VIDEO or not (no_picture.kind or is_named_a_photo):
            raise
        raise BackgroundError(f"Background {no_picture.problem}", no_picture.remedy) from None


def _split(text: str) -> Behind:
    """A name, and the colour after its last @; a file whose name is the whole text goes first."""
    name, at, word = text.rpartition("@")
    if not at or os.path.lexists(at_home(text)):
        return Behind(text, WHITE)
    is_there = os.path.exists(at_home(name)) or glob.has_magic(name)
    try:
        return Behind(name, _colour(word))
    except ValueError:
        if not is_there:
            return Behind(text, WHITE)
    raise UsageError(
        f"{word!r} is not an opaque colour to put behind {name}.",
        f"Try {name}@navy or {name}@#1e90ff.",
    )


def _colour(word: str) -> tuple[int, int, int]:
    return parse_colour(CHROMA_GREEN if word == "green" else word)


def _nothing(text: str, name: str) -> UsageError:
    if address := address_of(text):
        return UsageError(
            f"Background {address} is an address, and livematte opens files.",
            "Save the picture or video first, and name that file.",
        )
    return UsageError(f"Background {text!r} is neither a colour nor a file.", suggestion(name))


def _in_folder(folder: Path) -> Iterator[Path]:
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise BackgroundError(
            f"Background folder {folder} cannot be read: {error.strerror}.",
            "Check its permissions.",
        ) from error
    for path in inside:
        is_hidden = path.name.startswith(".")
        if not is_hidden and path.suffix.lower() in PHOTO_ENDINGS and os.path.isfile(path):
            yield path


def _matches(pattern: str) -> list[Path]:
    files = [Path(each) for each in glob.glob(pattern, recursive=True) if os.path.isfile(each)]
    known = PHOTO_ENDINGS | VIDEO_ENDINGS
    return [each for each in files if each.suffix.lower() in known] or files


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts room2 before room10."""
    parts = re.split(r"([0-9]{1,18})", str(path).casefold())
    return [(0, int(each), "") if each.isdecimal() else (1, 0, each) for each in parts]


class _Album:
    """Keeps the pictures of a folder that were shown last, and closes the others."""

    def __init__(self) -> None:
        self._open: deque[_Waiting] = deque()
        self._lock = threading.Lock()

    def show(self, picture: _Waiting) -> None:
        with self._lock:
            if self._open and self._open[-1] is picture:
                return
            if picture in self._open:
                self._open.remove(picture)
            self._open.append(picture)
            closing = self._open.popleft() if len(self._open) > OPEN_AT_ONCE else None
        if closing is not None:
            closing.close()


class _Waiting(Picture):
    """A picture of a folder, opened when it is first shown.

    A folder can hold more than fits into memory. A live run does not wait for a disk: it shows grey
    until the picture is ready.
    """

    def __init__(self, path: Path, colour: tuple[int, int, int], album: _Album) -> None:
        """Raises `BackgroundError` if its header already shows that it cannot be read."""
        self._path = path
        self._colour = colour
        self._album = album
        self._picture: Picture | None = None
        self._error: BackgroundError | None = None
        self._neutral = np.full((1, 1, 3), NEUTRAL, np.uint8)
        self._live = False
        self._playing: Callable[[str], None] | None = None
        self._opening: threading.Thread | None = None
        self._lock = threading.Lock()
        try:
            with open_photo(path, limit_bytes=NO_LIMIT_BYTES):
                pass
        except UnknownKindError as error:
            if path.suffix.lower() not in VIDEO_ENDINGS:
                raise BackgroundError(f"Background {error.problem}", error.remedy) from error
        except SourceError as error:
            raise BackgroundError(f"Background {error.problem}", error.remedy) from error

    @property
    def description(self) -> str:
        return self._path.name

    @property
    def files(self) -> Sequence[Path]:
        return [self._path]

    def play(self, *, live: bool, on_trouble: Callable[[str], None]) -> None:
        with self._lock:
            self._live, self._playing = live, on_trouble
            if self._picture is not None:
                self._picture.play(live=live, on_trouble=on_trouble)

    def stop(self) -> None:
        with self._lock:
            self._playing = None
            if self._picture is not None:
                self._picture.stop()

    def close(self) -> None:
        """Free the memory; the picture is opened again when it is shown again."""
        with self._lock:
            picture, self._picture, self._opening = self._picture, None, None
        if picture is not None:
            picture.stop()

    def picture_at(self, size: Size, seconds: float) -> Image:
        self._album.show(self)
        picture = self._opened()
        if picture is not None:
            return picture.picture_at(size, seconds)
        if Size.of(self._neutral) != size:
            self._neutral = np.full((size.height, size.width, 3), NEUTRAL, np.uint8)
        return self._neutral

    def _opened(self) -> Picture | None:
        """The picture, once it can be shown; None if the run goes on without it."""
        with self._lock:
            if self._picture is None and self._opening is None:
                self._opening = threading.Thread(target=self._open, name="background", daemon=True)
                try:
                    self._opening.start()
                except RuntimeError:  # the system has no more threads now
                    self._opening = None
                    return None
            opening, is_playing = self._opening, self._playing is not None
        if self._picture is None and opening is not None:
            opening.join(OPENING_SECONDS if self._live and is_playing else None)
        if self._error is not None and not is_playing:
            raise self._error
        return self._picture

    def _open(self) -> None:
        try:
            picture = open_file(self._path, self._colour)
        except Exception as error:
            if not isinstance(error, BackgroundError):
                error = BackgroundError(
                    f"Background {self._path} cannot be read: {error}.",
                    "Choose another.",
                )
            self._error = error
            if self._playing is not None:
                self._playing(f"{error.problem} Grey is shown instead.")
            return
        with self._lock:
            self._picture = picture
            if self._playing is not None:
                picture.play(live=self._live, on_trouble=self._playing)
