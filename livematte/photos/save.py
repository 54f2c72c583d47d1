"""Encoded pictures made from a photo and its matte."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

import cv2
import numpy as np
from PIL import Image as Pillow

from livematte.background import Background, Blur, Picture
from livematte.errors import SinkError
from livematte.frame import Image, Size
from livematte.matting.colours import estimate_foreground
from livematte.matting.room_blur import RoomBlur
from livematte.media.mark import JPEG_COMMENT, marked_png
from livematte.media.photo.metadata import Metadata
from livematte.media.photo.read import Photo, to_profile

STRIP_ROWS: Final = 128
"""How many rows are composited at a time, so that few are in memory as floats."""

FORMATS: Final = ("png", "webp", "jpg")

PNG_COMPRESSION: Final = 3
"""Of 0 to 9."""

MATTE_PNG: Final = (
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
)
"""For mattes, which are flat, this takes a third of OpenCV's usual time and makes smaller files."""

COMPARISON_HEIGHT: Final = 1080
"""Comparisons are for people to look at; larger photos are reduced."""

LONGEST_SIDES: Final = {"webp": 16_383, "jpg": 65_500}
"""In pixels, that a format can hold; for JPEG, that libjpeg can write."""

_METRES_PER_INCH: Final = 0.0254
_PNG_HEADER_BYTES: Final = 33
"""Its signature and its first chunk."""

_EXIF_MARK: Final = b"Exif\0\0"

_ENCODING: Final[dict[str, dict[str, object]]] = {
    "png": {"compress_level": PNG_COMPRESSION},
    "webp": {"quality": 95, "method": 2, "exact": True},
    "jpg": {"quality": 95, "subsampling": 0},
}


class Save(str, Enum):
    """What to write, by its name on the command line."""

    ALPHA = "alpha"
    """The matte, 8-bit grey, always PNG."""

    CUTOUT = "cutout"
    """The person with straight alpha, in their own colours; PNG or WebP."""

    COMPOSITE = "composite"
    """The person on a background."""

    COMPARISON = "comparison"
    """Original, foreground on white, and matte, side by side."""

    @property
    def is_of_the_photos_size(self) -> bool:
        """Comparisons are reduced to what a format can hold."""
        return self is not Save.COMPARISON

    def ending(self, image_format: str) -> str:
        """The extension of its files, if the other kinds are in `image_format`."""
        return ".png" if self is Save.ALPHA else f".{image_format}"


class Matted(NamedTuple):
    """A photo with its matte, uint8 (H, W), and the person's own colours, uint8 RGB (H, W, 3)."""

    photo: Photo
    alpha: Image
    foreground: Image


def matted(photo: Photo, alpha: Image, kinds: set[Save]) -> Matted:
    """A photo with its matte, and with the foreground if one of `kinds` needs it.

    alpha: uint8 (H, W), the network's matte. Pixels that were transparent in the photo stay so.
    """
    if photo.alpha is not None:
        alpha = cv2.multiply(alpha, photo.alpha, scale=1 / 255).astype(np.uint8, copy=False)
    needed = kinds != {Save.ALPHA}
    foreground = estimate_foreground(photo.image, alpha) if needed else photo.image
    return Matted(photo, alpha, foreground)


def require_fitting(size: Size, kinds: Iterable[Save], image_format: str) -> None:
    """Raises `SinkError` if a result of a photo of `size` is too large for its format."""
    longest = LONGEST_SIDES.get(image_format)
    for kind in kinds:
        if kind is Save.ALPHA or not kind.is_of_the_photos_size or longest is None:
            continue
        if max(size) > longest:
            raise SinkError(
                f"It has {size.width}x{size.height} pixels, and the sides of a "
                f"{image_format.upper()} file have at most {longest:,}.",
                "Use --format png for it.",
            )


def encode(
    result: Matted,
    kind: Save,
    image_format: str,
    background: Background,
    *,
    keep_metadata: bool = False,
) -> bytes:
    """The picture of this kind, as the content of a file, with the photo's colour profile.

    keep_metadata: keep what `media.photo.metadata` lists; otherwise only the resolution.
    """
    metadata = result.photo.metadata
    if kind is Save.ALPHA:
        # OpenCV's encoder is several times as fast. A matte has no colours, and needs no profile.
        _, data = cv2.imencode(".png", result.alpha, MATTE_PNG)
        return marked_png(_with_metadata(data.tobytes(), metadata, keep_metadata))
    if kind is Save.CUTOUT:
        pixels = np.dstack((result.foreground, result.alpha))
    elif kind is Save.COMPOSITE:
        pixels = composite(result, background)
    else:
        pixels = comparison(result, LONGEST_SIDES.get(image_format))
    file = io.BytesIO()
    options = dict(_ENCODING[image_format])
    if metadata.dots_per_inch is not None and kind.is_of_the_photos_size:
        options["dpi"] = metadata.dots_per_inch
    in_exif = image_format == "webp" and kind.is_of_the_photos_size
    is_webp = image_format == "webp"
    if exif := metadata.exif(is_kept=keep_metadata, with_resolution=in_exif, is_marked=is_webp):
        options["exif"] = exif
    if image_format == "jpg":
        options["comment"] = JPEG_COMMENT
    if result.photo.profile is not None:
        options["icc_profile"] = result.photo.profile
    pillow_name = {"jpg": "JPEG"}.get(image_format, image_format.upper())
    Pillow.fromarray(pixels).save(file, pillow_name, **options)
    return marked_png(file.getvalue()) if image_format == "png" else file.getvalue()


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


def _with_metadata(png: bytes, metadata: Metadata, keep: bool) -> bytes:
    """A PNG with its resolution and EXIF, which OpenCV does not write."""
    chunks = b""
    if metadata.dots_per_inch is not None:
        across, down = (round(each / _METRES_PER_INCH) for each in metadata.dots_per_inch)
        chunks += _chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if exif := metadata.exif(is_kept=keep, with_resolution=False):
        chunks += _chunk(b"eXIf", exif.removeprefix(_EXIF_MARK))
    return png[:_PNG_HEADER_BYTES] + chunks + png[_PNG_HEADER_BYTES:] if chunks else png


def _chunk(name: bytes, data: bytes) -> bytes:
    """Of a PNG; see its specification, 5.3."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def comparison(result: Matted, longest_side: int | None = None) -> Image:
    """Original, foreground on white, and matte: uint8 RGB (h, 3 w, 3), at most 1080 rows high.

    longest_side: in pixels, of all three together.
    """
    white = np.full_like(result.foreground, 255)
    pictures: tuple[Image, ...] = (
        result.photo.image,
        _over(result.foreground, result.alpha, white),
        np.repeat(result.alpha[..., None], 3, axis=2),
    )
    size = Size.of(result.alpha)
    scale = min(1.0, COMPARISON_HEIGHT / size.height)
    if longest_side is not None:
        scale = min(scale, longest_side // 3 / size.width)
    shown = Size(max(1, int(size.width * scale)), max(1, round(size.height * scale)))
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
