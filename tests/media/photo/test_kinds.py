"""What a file is told by what is in it: raw photos are refused, not shown by their previews."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image as Pillow

from livematte.errors import SourceError
from livematte.media.endings import PHOTO_ENDINGS
from livematte.media.photo.kinds import RAW_ENDINGS, begins_like_a_photo
from livematte.media.photo.read import UnknownKindError, open_photo
from tests.media.photo.tiffs import REDUCED, Picture, tiff
from tests.photos.pictures import KINDS, write_photo

SENSOR = Picture(96, 64, samples=1, tags={262: 32803, 33422: (0, 1, 1, 2)})
WHOLE = Picture(96, 64)
PREVIEW = Picture(24, 16, tags={254: REDUCED}, inner=[SENSOR])

RAW = {
    "a DNG": tiff([PREVIEW._replace(tags={254: REDUCED, 50706: (1, 4, 0, 0)}, inner=[WHOLE])]),
    "a DNG without a preview": tiff([WHOLE._replace(tags={50706: (1, 6, 0, 0)})]),
    "a linear DNG": tiff([PREVIEW._replace(inner=[WHOLE._replace(tags={262: 34892})])]),
    "a raw photo in either order of bytes": tiff([PREVIEW], ">"),
    "a preview that does not say so": tiff([Picture(24, 16, inner=[SENSOR])]),
    "a raw photo on a later page": tiff([Picture(24, 16), SENSOR]),
    "a sensor known by its compression": tiff(
        [PREVIEW._replace(inner=[WHOLE._replace(tags={259: 34713})])]
    ),
    "a Canon CR2": tiff([Picture(24, 16)], begin=b"II*\0\x10\0\0\0CR\2\0"),
    "a Phase One IIQ": tiff([Picture(24, 16)], begin=b"II*\0\x10\0\0\0IIII"),
    "a Panasonic RW2": tiff([Picture(24, 16)], begin=b"IIU\0"),
    "an Olympus ORF": tiff([Picture(24, 16)], begin=b"IIRO"),
    "a Canon CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100),
    "a Fujifilm RAF": b"FUJIFILMCCD-RAW 0201FF383501" + bytes(100),
    "a Sigma X3F": b"FOVb\0\0\2\0" + bytes(100),
    "a Minolta MRW": b"\0MRM\0\0\1\0" + bytes(100),
}


def reason(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught, open_photo(path) as opened:
        opened.decode()
    return caught.value


@pytest.mark.parametrize("content", RAW.values(), ids=RAW)
@pytest.mark.parametrize("name", ["photo.dng", "photo.tif", "photo.jpg"])
def test_raw_photos_are_refused_with_what_to_do(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = reason(path)
    assert "a raw photo" in error.problem
    assert "export a JPEG" in error.remedy
    assert not isinstance(error, UnknownKindError)  # which would be tried as a video


def test_a_raw_photo_that_only_its_name_tells(tmp_path: Path) -> None:
    for ending in (".nef", ".ARW", ".Pef"):
        path = tmp_path / f"photo{ending}"
        path.write_bytes(tiff([Picture(24, 16)]))
        assert "a raw photo" in reason(path).problem


def test_a_photo_with_a_raw_photos_name_is_read(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpg", side=40).rename(tmp_path / "a.dng")
    with open_photo(path) as opened:
        assert opened.decode().image.shape == (40, 40, 3)


def test_a_preview_of_what_lies_within_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "album.tif"
    path.write_bytes(tiff([Picture(24, 16, inner=[WHOLE])]))
    assert "behind a preview" in reason(path).problem


@pytest.mark.parametrize(
    "pages",
    [
        [WHOLE._replace(level=90), WHOLE],
        [WHOLE._replace(level=90), Picture(24, 16, tags={254: REDUCED})],
        [Picture(24, 16, tags={254: REDUCED}), WHOLE._replace(level=90)],
        [Picture(96, 64, samples=1, tags={254: 4}), WHOLE._replace(level=90)],
        [WHOLE._replace(level=90, inner=[Picture(24, 16, tags={254: REDUCED})])],
    ],
    ids=["pages", "a preview after it", "a preview before it", "a mask", "a pyramid"],
)
def test_of_several_pictures_the_first_whole_one_is_read(
    tmp_path: Path, pages: list[Picture]
) -> None:
    path = tmp_path / "pages.tif"
    path.write_bytes(tiff(pages))
    with open_photo(path) as opened:
        image = opened.decode().image
    assert image.shape == (64, 96, 3)
    assert (image == 90).all()


def box(kind: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + kind + bytes(200)


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (box(b"isom"), "a video", "livematte video "),
        (box(b"qt  "), "a video", "livematte video "),
        (b"\x1aE\xdf\xa3" + bytes(99), "a video", "livematte video "),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(99), "a video", "livematte video "),
        ((b"G" + bytes(187)) * 3, "a video", "livematte video "),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "a JPEG XL picture", "JPEG or PNG"),
        (b"8BPS\0\1" + bytes(99), "a Photoshop file", "JPEG or PNG"),
        (b"%PDF-1.7\n", "a PDF document", "JPEG or PNG"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing", "JPEG or PNG"),
        (b"just words", "no picture of a known kind", "JPEG or PNG"),
        (
            tiff([WHOLE._replace(samples=2, tags={258: 16, 277: 2})]),
            "a TIFF of 2 channels of 16 bits",
            "PNG",
        ),
    ],
)
def test_other_kinds_are_named(tmp_path: Path, content: bytes, what: str, remedy: str) -> None:
    path = tmp_path / "it's a photo.jpg"
    path.write_bytes(content)
    error = reason(path)
    assert what in error.problem
    assert remedy in error.remedy
    assert isinstance(error, UnknownKindError)


def test_what_can_be_read_begins_like_a_photo(tmp_path: Path) -> None:
    for kind in KINDS:
        content = write_photo(tmp_path / f"photo.{kind}", kind).read_bytes()
        assert begins_like_a_photo(content[:16]), kind
    for kind in ("GIF", "JPEG2000", "AVIF"):
        file = io.BytesIO()
        Pillow.new("RGB", (8, 8)).save(file, kind)
        assert begins_like_a_photo(file.getvalue()[:16]), kind
    assert not begins_like_a_photo(b"BMW and other cars")
    assert not begins_like_a_photo(b"")


def test_every_ending_that_pillow_reads_is_a_photos() -> None:
    Pillow.init()
    kinds = {"JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "HEIF", "AVIF", "GIF", "JPEG2000"}
    known = {ending for ending, kind in Pillow.registered_extensions().items() if kind in kinds}
    assert known <= PHOTO_ENDINGS
    assert not PHOTO_ENDINGS & RAW_ENDINGS
