"""What results keep of what a photo's file says besides its pixels.

The resolution is kept always: programs that lay out pages need it, and it tells nothing of anybody.
All else is kept only if it is asked for, and then no more than is listed here, copied value by
value: who made the photo and whose it is, when, and with which camera and settings. Never the
place, the thumbnail (it shows the room), serial numbers, and what may hold anything at all, also
pictures and films: XMP, makers' notes, comments, further pictures in the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import ExifTags
from PIL import Image as Pillow

from livematte.media.mark import EXIF_SOFTWARE, NAME

_OF_PHOTO: Final = (
    *(ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.Base.DateTime),
    *(ExifTags.Base.Make, ExifTags.Base.Model),
)
_OF_EXPOSURE: Final = (
    *(ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized),
    *(ExifTags.Base.OffsetTime, ExifTags.Base.OffsetTimeOriginal),
    *(ExifTags.Base.OffsetTimeDigitized, ExifTags.Base.SubsecTime),
    *(ExifTags.Base.SubsecTimeOriginal, ExifTags.Base.SubsecTimeDigitized),
    *(ExifTags.Base.ExposureTime, ExifTags.Base.FNumber, ExifTags.Base.ISOSpeedRatings),
    *(ExifTags.Base.FocalLength, ExifTags.Base.FocalLengthIn35mmFilm, ExifTags.Base.LensModel),
)
_OF_PNG: Final = {"Copyright": ExifTags.Base.Copyright, "Author": ExifTags.Base.Artist}

LONGEST_TEXT: Final = 500
RESOLUTIONS: Final = (1.0, 100_000.0)
"""In dots per inch; others are mistakes."""

_INCH: Final = 2
"""Of EXIF's ResolutionUnit."""

_SIDEWAYS: Final = range(5, 9)
"""Orientations by which width and height change places."""


@dataclass(frozen=True)
class Metadata:
    """dots_per_inch: across and down, of the upright photo. of_photo, of_exposure: EXIF's tags."""

    dots_per_inch: tuple[float, float] | None = None
    of_photo: Mapping[int, Any] = field(default_factory=dict)
    of_exposure: Mapping[int, Any] = field(default_factory=dict)

    def exif(self, *, is_kept: bool, with_resolution: bool, is_marked: bool = False) -> bytes:
        """As EXIF; b"" if there is nothing to say.

        is_kept: whether more is said than the resolution.
        with_resolution, is_marked: for formats that have no other place for it, and for
            `media.mark`.
        """
        exif = Pillow.Exif()
        if is_kept:
            exif.update(self.of_photo)
            if self.of_exposure:
                exif.get_ifd(ExifTags.IFD.Exif).update(self.of_exposure)
        if with_resolution and self.dots_per_inch is not None:
            across, down = self.dots_per_inch
            exif[ExifTags.Base.XResolution] = across
            exif[ExifTags.Base.YResolution] = down
            exif[ExifTags.Base.ResolutionUnit] = _INCH
        if is_marked:
            exif[EXIF_SOFTWARE] = NAME
        is_empty = not (exif or exif.get_ifd(ExifTags.IFD.Exif))
        return b"" if is_empty else exif.tobytes()


def read_metadata(picture: Pillow.Image) -> Metadata:
    """Of a photo that is decoded, and not turned yet. What is damaged is left out."""
    exif: Mapping[int, Any] = {}
    exposure: Mapping[int, Any] = {}
    with suppress(Exception):  # a parser of foreign bytes fails in many ways
        exif = dict(picture.getexif())
        exposure = dict(picture.getexif().get_ifd(ExifTags.IFD.Exif))
    of_png: dict[int, Any] = {tag: picture.info.get(name) for name, tag in _OF_PNG.items()}
    return Metadata(
        _dots_per_inch(picture.info.get("dpi"), exif),
        _clean({**of_png, **exif}, _OF_PHOTO),
        _clean(exposure, _OF_EXPOSURE),
    )


def _clean(values: Mapping[int, Any], kept: Iterable[int]) -> dict[int, Any]:
    cleaned = {tag: _value(values.get(tag)) for tag in kept}
    return {tag: value for tag, value in cleaned.items() if value is not None}


def _value(value: Any) -> str | int | float | None:
    """A short text or a number; None of anything else."""
    if isinstance(value, str):
        text = "".join(each for each in value if each.isprintable()).strip()
        return text[:LONGEST_TEXT] or None
    if isinstance(value, tuple) and len(value) == 1:
        return _value(value[0])
    if isinstance(value, bool) or value is None:
        return None
    with suppress(TypeError, ValueError, ZeroDivisionError, OverflowError):
        if isinstance(value, int):
            return value if 0 <= value < 1 << 16 else None
        return float(value) if math.isfinite(float(value)) and float(value) >= 0 else None
    return None


def _dots_per_inch(told: Any, exif: Mapping[int, Any]) -> tuple[float, float] | None:
    with suppress(TypeError, ValueError, ZeroDivisionError, OverflowError):
        if told is None:
            centimetres = exif.get(ExifTags.Base.ResolutionUnit, _INCH) == 3
            told = [
                float(exif[tag]) * (2.54 if centimetres else 1.0)
                for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution)
                if tag in exif
            ]
        across, down = (float(each) for each in told)
        least, most = RESOLUTIONS
        if least < across <= most and least < down <= most:
            is_turned = exif.get(ExifTags.Base.Orientation) in _SIDEWAYS
            return (down, across) if is_turned else (across, down)
    return None
