"""Photos of any common kind, read as upright RGB."""

from __future__ import annotations

import errno
import io
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageCms, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow

from livematte.errors import SourceError
from livematte.frame import Image, Size
from livematte.media.photo.cicp import Cicp, read_cicp
from livematte.media.photo.deep import as_told
from livematte.media.photo.kinds import kind_of
from livematte.media.photo.memory import (
    DECODE_BYTES,
    require_memory,
    require_plausible,
    usable_bytes,
)
from livematte.media.photo.metadata import Metadata, read_metadata
from livematte.media.photo.pillow_limit import lifted, open_unlimited
from livematte.media.photo.profile import MOST_BYTES, rebuild
from livematte.media.photo.tiff import Directory
from livematte.media.regular_file import open_regular

_FORMATS: Final = (
    *("JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF"),
    *("AVIF", "GIF", "JPEG2000", "PPM"),
)
"""Pillow knows more, of which it hands some to other programs: PostScript goes to Ghostscript."""

_CONVERTED_BY_PROFILE: Final = frozenset({"CMYK", "LAB", "L", "LA"})
"""Modes whose colour profile describes something else than RGB, so that it cannot be kept."""

_EIGHT_BITS: Final = frozenset({"RGB", "RGBA", "L", "LA", "P", "PA"})

_ANIMATIONS: Final = frozenset({"GIF", "PNG", "WEBP", "AVIF"})

HURRIED_MILLISECONDS: Final = 10
"""Animations that claim to show a picture no longer than this mean "soon", and browsers show it
for `UNHURRIED_MILLISECONDS`."""

UNHURRIED_MILLISECONDS: Final = 100

STRIP_ROWS: Final = 256
"""Large photos are converted so many rows at a time: Pillow's copies have four bytes a pixel."""

_DEEP_WHITE: Final = 65535

_HEIF_PROPERTIES_BYTES: Final = 1 << 16
"""They come before the pictures."""

Conversion = Callable[[Pillow.Image], Pillow.Image]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, decoded.

    image: uint8 RGB (H, W, 3), upright.
    alpha: uint8 (H, W) if it came with transparency, else None.
    profile: the ICC profile that `image` is in, see `profile.py`; None for sRGB without one.
    metadata: what its file says of it that results may keep.
    """

    image: Image
    alpha: Image | None
    profile: bytes | None
    metadata: Metadata = field(default_factory=Metadata)


class OpenedPhoto:
    """A photo of which only the header has been read.

    pixels: how many it has. size: as it is stored, which may be on its side.
    """

    def __init__(
        self, opened: Pillow.Image, path: Path, page: Directory | None, file: BinaryIO
    ) -> None:
        self.size = Size(*opened.size)
        self.pixels = opened.width * opened.height
        self._opened = opened
        self._path = path
        self._page = page
        self._file: BinaryIO | None = file
        self._told = read_cicp(opened, file)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def is_hdr(self) -> bool:
        """Whether it is HDR, which is decoded as SDR."""
        return self._told is not None and self._told.is_hdr

    @property
    def is_animation(self) -> bool:
        """Whether it has several pictures that are shown one after the other."""
        if self._opened.format not in _ANIMATIONS:
            return False  # several pages, or views, of which the first is meant
        try:
            with lifted(self.pixels):
                return bool(getattr(self._opened, "is_animated", False))
        except Exception:  # damaged after its first picture, which can be shown
            return False

    def frames(self) -> Iterator[tuple[float, Photo]]:
        """Each picture of an animation as it is to be seen, and for how many seconds it is shown.

        What the file says about keeping and blending of the pictures before is done. Raises
        `SourceError` where it is damaged.
        """
        opened = self._opened
        number = 1 if opened.info.get("default_image") else 0  # that one is for who shows no others
        while True:
            try:
                with lifted(self.pixels):
                    opened.seek(number)
                    opened.load()
                milliseconds = float(opened.info.get("duration") or 0)
                if not milliseconds > HURRIED_MILLISECONDS:
                    milliseconds = UNHURRIED_MILLISECONDS
                with lifted(self.pixels):
                    photo = _decode(opened.copy(), None, self._told)
            except EOFError:
                return
            except Exception as error:
                raise _damaged(self._path, error) from error
            yield milliseconds / 1000, photo
            number += 1

    def reduce(self, pixels: int) -> None:
        """Have a larger JPEG decoded at a half, quarter or eighth, with no fewer than `pixels`."""
        if self.pixels > pixels:
            scale = math.sqrt(pixels / self.pixels)
            width, height = self.size
            self._opened.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))
            if self.size != self._opened.size:
                self._file = None  # in it is the whole one
            self.size = Size(*self._opened.size)
            self.pixels = self.size.width * self.size.height

    def decode(self) -> Photo:
        """Decode it, once. Raises `SourceError` if it is damaged."""
        try:
            with lifted(self.pixels):
                photo = _decode(self._opened, self._page, self._told, self._file)
            self._opened.close()  # frees its pixels, of which `photo` has a copy
            return photo
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
    """A file is no picture that can be read; it may be a video.

    kind: what it is, as `media.photo.kinds.Kind` names it; "" if that is not known.
    """

    def __init__(self, problem: str, remedy: str, kind: str = "") -> None:
        super().__init__(problem, remedy)
        self.kind = kind


@contextmanager
def open_photo(
    path: Path, *, file: BinaryIO | None = None, limit_bytes: int | None = None
) -> Iterator[OpenedPhoto]:
    """Open a photo and read its header.

    file: what to read instead of opening `path`, from its start; it stays open.
    limit_bytes: how much memory it may take to decode it; None for what is free.

    Raises `SourceError` if it cannot be read, is no photo but a raw one or of another kind, or is
    too large for the memory.
    """
    formats = known_formats()
    with ExitStack() as stack:
        kind = None
        try:
            # Of a path Pillow would map plain TIFFs into memory, and get those wrong that lie on
            # their side.
            if file is None:
                file = stack.enter_context(open_regular(path))
            file_bytes = file.seek(0, io.SEEK_END)
            file.seek(0)
            if file_bytes == 0:
                raise SourceError(f"{path} is empty.", "Copy it again from where it came.")
            kind = kind_of(file, path)
            if kind.is_hidden:
                raise SourceError(f"{path} is {kind.name}, which is not read.", kind.remedy)
            opened = stack.enter_context(open_unlimited(file, formats))
            page = None
            if kind.tiff is not None and opened.format == "TIFF" and kind.tiff.pages:
                opened.seek(kind.tiff.page)
                page = kind.tiff.pages[kind.tiff.page]
                _require_readable(path, page)
            if opened.format == "HEIF":
                _turn_as_exif_says(opened, file)
        except SourceError:
            raise
        except UnidentifiedImageError as error:
            assert kind is not None, "Pillow has not been asked before"
            what = (
                f"{kind.name}, not a photo that can be read"
                if kind.name
                else "no picture of a known kind"
            )
            raise UnknownKindError(f"{path} is {what}.", kind.remedy, kind.name) from error
        except FileNotFoundError as error:
            raise SourceError(
                f"{path} is not there.", "Check that it has not been moved or renamed."
            ) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        except Exception as error:
            raise _damaged(path, error) from error
        pixels = opened.width * opened.height
        require_plausible(path, pixels, file_bytes)
        limit_bytes = usable_bytes() if limit_bytes is None else limit_bytes
        require_memory(path, pixels, DECODE_BYTES * pixels, limit_bytes)
        yield OpenedPhoto(opened, path, page, file)


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


def to_srgb(image: Image, profile: bytes | None) -> Image:
    """A picture in the colours of `profile`, uint8 RGB (H, W, 3), in sRGB; as it is without one."""
    conversion = None if profile is None else _to_srgb(profile, "RGB")
    return image if conversion is None else np.array(conversion(Pillow.fromarray(image)))


def _decode(
    opened: Pillow.Image, page: Directory | None, told: Cicp | None, file: BinaryIO | None = None
) -> Photo:
    """page: of a TIFF, what it says of the picture. file: where it is from, if it is all of it."""
    is_deep = any("16" in str(tile[3]) for tile in getattr(opened, "tile", ()))
    opened.load()
    metadata = read_metadata(opened)
    if told is not None and opened.mode in _EIGHT_BITS:
        opened = as_told(opened, told, file)
    ImageOps.exif_transpose(opened, in_place=True)
    profile: bytes | None = opened.info.get("icc_profile") or None
    if opened.mode.startswith("I") or opened.mode == "F":
        grey, alpha = _deep_grey(opened, page)
        rgb, _, _ = _converted(Pillow.fromarray(grey), profile)
        return Photo(_seen(rgb, alpha), alpha, None, metadata)
    transparent = opened.info.get("transparency")
    if is_deep and opened.format == "PNG" and isinstance(transparent, tuple):
        # Given in 16 bits, of which Pillow has left 8 of the pixels.
        opened.info["transparency"] = tuple(each >> 8 for each in transparent)
    rgb, alpha, profile = _converted(opened, profile)
    return Photo(_seen(rgb, alpha), alpha, profile, metadata)


def _seen(rgb: Image, alpha: Image | None) -> Image:
    """What people see of a picture on white: invisible pixels may hold anything."""
    if alpha is not None and not alpha.all():
        rgb[alpha == 0] = 255
    return rgb


def _converted(
    opened: Pillow.Image, profile: bytes | None
) -> tuple[Image, Image | None, bytes | None]:
    """A picture of 8 bits a channel as RGB, alpha, and the profile that the colours are in."""
    kept = profile
    conversion: Conversion | None = None
    if profile is not None and opened.mode in _CONVERTED_BY_PROFILE:
        conversion, kept = _to_srgb(profile, opened.mode), None
    elif profile is not None and (kept := rebuild(profile)) is None and len(profile) <= MOST_BYTES:
        conversion = _to_srgb(profile, "RGB")
    elif profile is None and opened.mode == "LAB":
        conversion = _to_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")
    size = Size(*opened.size)
    rgb = np.empty((size.height, size.width, 3), np.uint8)
    has_alpha = opened.has_transparency_data
    alpha = np.empty((size.height, size.width), np.uint8) if has_alpha else None
    for top in range(0, size.height, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, size.height)
        strip = opened.crop((0, top, size.width, bottom))
        if alpha is not None:
            with_alpha = strip.convert("RGBA")
            alpha[top:bottom] = np.asarray(with_alpha.getchannel("A"))
            if strip.mode == "P":
                strip = with_alpha  # Pillow warns of what it would lose on another way
        if conversion is not None:
            strip = conversion(strip)
        rgb[top:bottom] = np.asarray(strip.convert("RGB"))
    return rgb, alpha, kept


def _to_srgb(profile: bytes | ImageCms.ImageCmsProfile, mode: str) -> Conversion | None:
    """From the colours of `profile`, of pictures of `mode`; None if it cannot be used.

    Those are then shown as they are, as viewers show them.
    """
    # What has transparency is converted without: it is read apart.
    given = {"LA": "L"}.get(mode, mode)
    try:
        if isinstance(profile, bytes):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), given, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None

    def convert(picture: Pillow.Image) -> Pillow.Image:
        converted = ImageCms.applyTransform(
            picture if picture.mode == given else picture.convert(given), transform
        )
        return picture if converted is None else converted

    return convert


def _deep_grey(picture: Pillow.Image, page: Directory | None) -> tuple[Image, Image | None]:
    """Grey of 16 bits, or of floats from 0 to 1: as uint8 (H, W), with alpha if it has that."""
    values: NDArray[Any] = np.asarray(picture)
    alpha = None
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
    if picture.mode == "F":
        return np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8), alpha
    bits = 16 if page is None else page.bits
    if picture.mode == "I":
        if page is not None and page.first(339, 1) == 1:  # SampleFormat, of whole numbers
            values = values.view(np.uint32)
        if bits == 32 and values.max() > _DEEP_WHITE:
            values = values // (1 << 16 if values.dtype == np.uint32 else 1 << 15)
        values = np.clip(values, 0, _DEEP_WHITE).astype(np.uint16)
    levels = np.arange(_DEEP_WHITE + 1) / (2 ** min(bits, 16) - 1)
    table = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    if page is not None and page.first(262, 1) == 0:  # white is 0, which Pillow knows of 8 bits
        table = 255 - table
    grey: Image = table[values]
    return grey, alpha


@cache
def known_formats() -> tuple[str, ...]:
    """What of `_FORMATS` this Pillow reads, as named in `PIL.Image.OPEN`."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    Pillow.init()  # where Pillow was built without AVIF, it is an error to name it
    return tuple(each for each in _FORMATS if each in Pillow.OPEN)


def _require_readable(path: Path, page: Directory) -> None:
    """Raises `SourceError` if Pillow would give wrong colours."""
    if page.is_separated and page.samples > 1 and page.bits > 8:
        raise SourceError(
            f"{path} is a TIFF of {page.samples} separate channels of {page.bits} bits, which is "
            "not read.",
            "Save it with interleaved channels, or as PNG.",
        )


def _turn_as_exif_says(opened: Pillow.Image, file: BinaryIO) -> None:
    """Have a HEIF file without properties that turn it be turned by its EXIF, as others are.

    With them EXIF's orientation says the same again, and must not be applied (ISO/IEC 23008-12).
    """
    file.seek(0)
    head = file.read(_HEIF_PROPERTIES_BYTES)
    told = opened.info.get("original_orientation")
    if told is not None and b"irot" not in head and b"imir" not in head:
        opened.getexif()[ExifTags.Base.Orientation] = told


def _unreadable(path: Path, error: OSError) -> SourceError:
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = "Check its permissions."
    elif error.errno in (errno.EIO, errno.ESTALE):
        remedy = "Its disk may be failing: copy the photo to another one."
    else:
        remedy = "Check the file."
    return SourceError(f"{path} cannot be read: {error.strerror or error}.", remedy)


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} is damaged: {str(error).rstrip('.')}.", "Copy it again from where it came."
    )
