"""What is made of a photo and its matte: pictures, encoded."""

from __future__ import annotations

import io
from enum import Enum
from typing import Final, NamedTuple

import cv2
import numpy as np
from PIL import Image as Pillow

from livematte.background import Background, Blur, Picture
from livematte.foreground import estimate_foreground
from livematte.frame import Image, Size
from livematte.photos.read import Photo, to_profile
from livematte.render.room_blur import RoomBlur

STRIP_ROWS: Final = 128
"""Large photos are composited so many rows at a time, so that few are in memory as floats."""

FORMATS: Final = ("png", "webp", "jpg")

PNG_COMPRESSION: Final = 3
"""Of 0 to 9."""

MATTE_PNG: Final = (
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
)
"""Mattes are flat: this takes a third of the time of OpenCV's usual way and makes smaller files."""

COMPARISON_HEIGHT: Final = 1080
"""Comparisons are to be looked at; larger photos are shown reduced."""

_ENCODING: Final[dict[str, dict[str, object]]] = {
    "png": {"compress_level": PNG_COMPRESSION},
    "webp": {"quality": 95, "method": 2, "exact": True},
    "jpg": {"quality": 95, "subsampling": 0},
}


class Save(str, Enum):
    """What is written, by the name it has on the command line."""

    ALPHA = "alpha"
    """The matte, 8-bit grey, always PNG."""

    CUTOUT = "cutout"
    """The person with straight alpha, in their own colours; PNG or WebP."""

    COMPOSITE = "composite"
    """The person on a background."""

    COMPARISON = "comparison"
    """Original, foreground on white, and matte, side by side."""

    def ending(self, image_format: str) -> str:
        """The ending of its files, where the other kinds are of `image_format`."""
        return ".png" if self is Save.ALPHA else f".{image_format}"


class Matted(NamedTuple):
    """A photo with its matte, uint8 (H, W), and the person's own colours, uint8 RGB (H, W, 3)."""

    photo: Photo
    alpha: Image
    foreground: Image


def matted(photo: Photo, alpha: Image, kinds: set[Save]) -> Matted:
    """With the foreground estimated if one of `kinds` needs it.

    alpha: uint8 (H, W), what the network says; what was transparent before stays so.
    """
    if photo.alpha is not None:
        alpha = cv2.multiply(alpha, photo.alpha, scale=1 / 255).astype(np.uint8, copy=False)
    needed = kinds != {Save.ALPHA}
    foreground = estimate_foreground(photo.image, alpha) if needed else photo.image
    return Matted(photo, alpha, foreground)


def encode(result: Matted, kind: Save, image_format: str, background: Background) -> bytes:
    """The picture of this kind, as a file's content, with the photo's colour profile."""
    if kind is Save.ALPHA:
        # OpenCV's encoder, which is several times as fast. A matte has no colours to profile.
        _, data = cv2.imencode(".png", result.alpha, MATTE_PNG)
        return data.tobytes()
    if kind is Save.CUTOUT:
        pixels = np.dstack((result.foreground, result.alpha))
    elif kind is Save.COMPOSITE:
        pixels = composite(result, background)
    else:
        pixels = comparison(result)
    file = io.BytesIO()
    options = dict(_ENCODING[image_format])
    if result.photo.profile is not None:
        options["icc_profile"] = result.photo.profile
    pillow_name = {"jpg": "JPEG"}.get(image_format, image_format.upper())
    Pillow.fromarray(pixels).save(file, pillow_name, **options)
    return file.getvalue()


def composite(result: Matted, background: Background) -> Image:
    """The person on `background`, a picture or blur: uint8 RGB (H, W, 3)."""
    image, size = result.photo.image, Size.of(result.alpha)
    if isinstance(background, Blur):
        behind = np.empty_like(image)
        RoomBlur(size).blur(image, result.alpha, background.reduced_sigma(size), behind)
    elif isinstance(background, Picture):
        bgr = background.picture_at(size, 0.0)
        behind = to_profile(np.ascontiguousarray(bgr[..., ::-1]), result.photo.profile)
    else:
        raise TypeError(f"{type(background).__name__} is no background to composite on")
    return _over(result.foreground, result.alpha, behind)


def comparison(result: Matted) -> Image:
    """Original, foreground on white, and matte: uint8 RGB (h, 3 w, 3), at most 1080 rows high."""
    white = np.full_like(result.foreground, 255)
    pictures: tuple[Image, ...] = (
        result.photo.image,
        _over(result.foreground, result.alpha, white),
        np.repeat(result.alpha[..., None], 3, axis=2),
    )
    size = Size.of(result.alpha)
    scale = min(1.0, COMPARISON_HEIGHT / size.height)
    shown = Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
    if shown != size:
        pictures = tuple(
            cv2.resize(each, shown, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            for each in pictures
        )
    return np.hstack(pictures)


def _over(foreground: Image, alpha: Image, behind: Image) -> Image:
    """Porter and Duff's "over" (SIGGRAPH 1984), into `behind`, a strip at a time."""
    for start in range(0, alpha.shape[0], STRIP_ROWS):
        rows = slice(start, start + STRIP_ROWS)
        part = (alpha[rows].astype(np.float32) / 255)[..., None]
        mixed = foreground[rows] * part + behind[rows] * (1 - part)
        behind[rows] = np.rint(mixed)
    return behind
