"""Which kind of file it is, by how it begins, not by its name; and what to do with other kinds."""

from __future__ import annotations

import codecs
import shlex
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from livematte.media.photo.tiff import TiffFile, read_tiff

RAW_ENDINGS: Final = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"),
        *(".k25", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw"),
        *(".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
"""Of photos as the sensor saw them."""

VIDEO: Final = "a video"
"""The name of that kind."""

_HEAD_BYTES: Final = 400
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PHOTOS: Final = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF87a", b"GIF89a", *_TIFF),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
)
_PHOTO_BRANDS: Final = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"),
)
_RAW: Final = (
    *((b"FUJIFILMCCD-RAW", "Fujifilm"), (b"FOVb", "Sigma"), (b"\0MRM", "Minolta")),
    *((b"IIRO", "Olympus"), (b"IIRS", "Olympus"), (b"MMOR", "Olympus"), (b"IIU\0", "Panasonic")),
    *((b"II\x1a\0\0\0HEAPCCDR", "Canon"),),
)
_OTHERS: Final = (
    *((b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"), (b"\xff\x0a", "a JPEG XL picture")),
    *((b"8BPS", "a Photoshop file"), (b"gimp xcf", "a GIMP file"), (b"%PDF", "a PDF document")),
    *((b"v/1\x01", "an OpenEXR picture"), (b"#?RADIANCE", "a Radiance picture")),
    *((b"PK\x03\x04", "a zip file or a document"), (b"DDS ", "a DDS texture")),
    *((b"%!PS", "a PostScript file"), (b"\xc5\xd0\xd3\xc6", "a PostScript file")),
    *((b"<!doctype html", "a web page"), (b"<html", "a web page")),
    *((b"version https://git-lfs", "a pointer of Git LFS, not the file itself"),),
)
_VIDEOS: Final = (
    *(b"\x1aE\xdf\xa3", b"OggS", b"FLV\x01", b"0&\xb2u\x8ef\xcf\x11", b"\0\0\x01\xba"),
    *(b"\0\0\x01\xb3", b"G@\0\x10", b"G\0\0\x10"),
)
_BOXES: Final = (b"moov", b"mdat", b"wide", b"free", b"skip")


class Kind(NamedTuple):
    """What a file is.

    name: with its article, "a raw photo"; "" if it is not known.
    remedy: what a person can do with it if it cannot be read.
    is_hidden: whether the photo in it cannot be read, though a preview of it could.
    tiff: what a TIFF has in it; None of other files.
    """

    name: str
    remedy: str
    is_hidden: bool = False
    tiff: TiffFile | None = None


def begins_like_a_photo(head: bytes) -> bool:
    """Whether a file whose first 16 bytes are these may be one that can be read."""
    if head.startswith(b"BM"):
        return len(head) > 9 and head[6:10] == bytes(4)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_PHOTOS) or is_webp or _brand(head) in _PHOTO_BRANDS


def kind_of(file: BinaryIO, path: Path) -> Kind:
    """What a file is, as far as that tells more than trying to read it as a photo.

    path: for what is said, and for raw photos that nothing else tells from other TIFFs.

    The file is left at its start.
    """
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    tiff = read_tiff(file) if head.startswith(_TIFF) else None
    maker = next((maker for begin, maker in _RAW if head.startswith(begin)), "")
    if _brand(head) == b"crx ":
        maker = "Canon"
    if tiff is not None and (head[8:11] == b"CR\x02" or head[8:12] == b"IIII"):
        maker = "Canon" if head[8:10] == b"CR" else "Phase One"
    if tiff is not None and (maker or tiff.is_raw or path.suffix.lower() in RAW_ENDINGS):
        return _raw(maker, tiff)
    if maker:
        return _raw(maker, None)
    if tiff is not None and tiff.is_preview:
        return Kind(
            "a TIFF whose photo lies where only its own program finds it, behind a preview",
            "Export the photo as TIFF, PNG or JPEG with the program that made it.",
            is_hidden=True,
            tiff=tiff,
        )
    if tiff is not None and tiff.pages:
        page = tiff.pages[tiff.page]
        channels = "1 channel" if page.samples == 1 else f"{page.samples} channels"
        what = f"{channels} of {page.bits} bits"
        return Kind(f"a TIFF of {what}", "Save it with 8 bits a channel, or as PNG.", tiff=tiff)
    if begins_like_a_photo(head):
        return Kind("", "Save it as JPEG or PNG with another program.", tiff=tiff)
    if _is_video(head):
        command = f"livematte video {shlex.quote(str(path))} -o matted.mp4"
        return Kind(VIDEO, f"For videos use {command}.")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    start = start.lower() if start.startswith(b"<") else start
    name = next((name for begin, name in _OTHERS if start.startswith(begin)), "")
    is_packed = head.startswith(b"\x1f\x8b") and path.suffix.lower() == ".svgz"
    if is_packed or b"<svg" in start:  # its declarations come first
        name = "an SVG drawing"
    if name:
        return Kind(name, "Export it as JPEG or PNG.")
    return Kind("", "Convert it to JPEG or PNG.")


def _raw(maker: str, tiff: TiffFile | None) -> Kind:
    return Kind(
        f"a raw photo ({maker})" if maker else "a raw photo",
        "Develop it first: export a JPEG, TIFF or PNG with your camera's program, darktable or "
        "RawTherapee.",
        is_hidden=True,
        tiff=tiff,
    )


def _brand(head: bytes) -> bytes:
    return head[8:12] if head[4:8] == b"ftyp" else b""


def _is_video(head: bytes) -> bool:
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    is_packets = head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G"
    return head.startswith(_VIDEOS) or is_avi or is_packets or head[4:8] in (b"ftyp", *_BOXES)
