"""Photos of any common kind, read as upright RGB."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps, UnidentifiedImageError

from livematte.errors import SourceError
from livematte.frame import Image
from livematte.photos.profile import MOST_BYTES, rebuild
from livematte.regular_file import open_regular

MOST_PIXELS: Final = 150_000_000
"""Larger pictures are refused before they are decoded: no camera makes them, but attackers do."""

_FORMATS: Final = (
    *("JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF"),
    *("AVIF", "GIF", "JPEG2000", "PPM"),
)
"""Pillow knows more, of which it hands some to other programs: PostScript goes to Ghostscript."""

_CONVERTED_BY_PROFILE: Final = frozenset({"CMYK", "LAB", "L", "LA", "I;16", "I;16B", "I"})
"""Modes whose colour profile describes something else than RGB, so that it cannot be kept."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, decoded.

    image: uint8 RGB (H, W, 3), upright.
    alpha: uint8 (H, W) if it came with transparency, else None.
    profile: the ICC profile that `image` is in, see `photos.profile`; None for sRGB without one.
    """

    image: Image
    alpha: Image | None
    profile: bytes | None


class OpenedPhoto:
    """A photo of which only the header has been read. `pixels` is how many it has."""

    def __init__(self, opened: Pillow.Image, path: Path) -> None:
        self.pixels = opened.width * opened.height
        self._opened = opened
        self._path = path

    def decode(self) -> Photo:
        """Raises `SourceError` if it is damaged."""
        try:
            return _decode(self._opened)
        except SourceError:
            raise
        except MemoryError as error:
            raise SourceError(
                f"{self._path} does not fit into memory.", "Make it smaller first."
            ) from error
        # A parser of foreign bytes fails in many ways, struct.error and KeyError among them.
        except Exception as error:
            raise _damaged(self._path, error) from error


class UnknownKindError(SourceError):
    """A file is no picture that can be read; it may be a video."""


@contextmanager
def open_photo(path: Path) -> Iterator[OpenedPhoto]:
    """Open a photo and read its header.

    Raises `SourceError` if it cannot be read, is no photo, or is too large to be one.
    """
    formats = _known_formats()
    with ExitStack() as stack:
        try:
            # Of a path Pillow would map plain TIFFs into memory, and get those wrong that lie on
            # their side.
            file = stack.enter_context(open_regular(path))
            if os.fstat(file.fileno()).st_size == 0:
                raise SourceError(f"{path} is empty.", "Copy it again from where it came.")
            opened = stack.enter_context(Pillow.open(file, formats=formats))
        except SourceError:
            raise
        except UnidentifiedImageError as error:
            raise UnknownKindError(
                f"{path} is no picture of a known kind, whatever its name.",
                "Convert it to JPEG or PNG.",
            ) from error
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read: {error.strerror or error}.", "Check its permissions."
            ) from error
        except Exception as error:
            raise _damaged(path, error) from error
        if opened.width * opened.height > MOST_PIXELS:
            raise _too_large(path)
        yield OpenedPhoto(opened, path)


def to_profile(image: Image, profile: bytes | None) -> Image:
    """An sRGB picture, uint8 RGB (H, W, 3), in the colours of `profile`; as it is without one."""
    if profile is None:
        return image
    try:
        target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            Pillow.fromarray(image), ImageCms.createProfile("sRGB"), target, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return image  # a profile that cannot be used is not used by viewers either
    return image if converted is None else np.array(converted)


def _decode(opened: Pillow.Image) -> Photo:
    opened.load()
    ImageOps.exif_transpose(opened, in_place=True)
    upright = opened
    profile: bytes | None = opened.info.get("icc_profile") or None
    alpha: Image | None = None
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        alpha = np.array(upright.getchannel("A"))
    if upright.mode.startswith("I") or upright.mode == "F":
        return Photo(_from_deep_grey(upright), alpha, None)
    if profile is not None and opened.mode in _CONVERTED_BY_PROFILE:
        upright, profile = _to_srgb(upright, profile), None
    elif profile is not None and (rebuilt := rebuild(profile)) != profile:
        if rebuilt is None:
            upright = _rgb_to_srgb(upright, profile)
        profile = rebuilt
    rgb = np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))
    if alpha is not None and not alpha.all():
        # Invisible pixels may hold anything; on white they are what people see of the picture.
        rgb[alpha == 0] = 255
    return Photo(rgb, alpha, profile)


def _from_deep_grey(picture: Pillow.Image) -> Image:
    """Grey of 16 bits, or of floats from 0 to 1, as uint8 RGB (H, W, 3)."""
    values = np.array(picture)
    if picture.mode == "F":
        grey = np.clip(np.nan_to_num(values), 0, 1) * 255
    else:
        grey = np.clip(values, 0, 65535) / 257
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)


def _rgb_to_srgb(picture: Pillow.Image, profile: bytes) -> Pillow.Image:
    """Of a profile that cannot be kept; as it is, as viewers show it, if it cannot be used."""
    if len(profile) > MOST_BYTES:
        return picture
    return _to_srgb(picture.convert("RGB"), profile)


def _to_srgb(picture: Pillow.Image, profile: bytes) -> Pillow.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return picture
    return picture if converted is None else converted


@cache
def _known_formats() -> tuple[str, ...]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    # `open_photo` has a limit of its own, and refuses instead of warning.
    Pillow.MAX_IMAGE_PIXELS = None
    Pillow.init()  # where Pillow was built without AVIF, it is an error to name it
    return tuple(each for each in _FORMATS if each in Pillow.OPEN)


def _too_large(path: Path) -> SourceError:
    return SourceError(
        f"{path} claims to have more than {MOST_PIXELS // 1_000_000} megapixels.",
        "Make it smaller first, if it is a photo at all.",
    )


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} is damaged: {str(error).rstrip('.')}.", "Copy it again from where it came."
    )
