"""What results say of a photo: its resolution, and more only if that is asked, but never all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

from livematte.backgrounds.parse import parse
from livematte.media.photo.read import Photo, open_photo
from livematte.photos.save import Save, encode, matted

SECRETS = (b"MAKER-NOTE", b"SERIAL-4711", b"MY-COMMENT", b"XMP-SECRET", b"JFIF-COMMENT", b"Berlin")
DATE = "2024:05:06 07:08:09"


def exif_with_everything() -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Copyright] = "(c) 2024 Jane Doe"
    exif[ExifTags.Base.Artist] = "Jane Doe"
    exif[ExifTags.Base.Model] = "X-T5"
    exif[ExifTags.Base.Orientation] = 1
    exif[ExifTags.Base.ImageDescription] = "At home in Berlin"
    exposure = exif.get_ifd(ExifTags.IFD.Exif)
    exposure[ExifTags.Base.DateTimeOriginal] = DATE
    exposure[ExifTags.Base.ExposureTime] = 0.01
    exposure[ExifTags.Base.MakerNote] = SECRETS[0]
    exposure[ExifTags.Base.BodySerialNumber] = SECRETS[1].decode()
    exposure[ExifTags.Base.UserComment] = SECRETS[2]
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return exif


def photo(path: Path, **options: Any) -> Photo:
    picture = Pillow.fromarray(np.full((30, 40, 3), 99, np.uint8))
    picture.save(path, exif=exif_with_everything().tobytes(), **options)
    with open_photo(path) as opened:
        return opened.decode()


def written(photo: Photo, kind: Save, image_format: str, keep: bool) -> tuple[bytes, Pillow.Image]:
    alpha = np.full(photo.image.shape[:2], 128, np.uint8)
    result = matted(photo, alpha, {kind})
    data = encode(result, kind, image_format, parse("navy"), keep_metadata=keep)
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return data, picture


@pytest.mark.parametrize("kind", list(Save))
@pytest.mark.parametrize("image_format", ["png", "webp", "jpg"])
@pytest.mark.parametrize("source", ["jpg", "png", "webp", "tif", "heic", "avif"])
def test_copyright_and_date_are_kept_if_asked_and_never_the_place(
    tmp_path: Path, kind: Save, image_format: str, source: str
) -> None:
    if kind is Save.CUTOUT and image_format == "jpg":
        return
    options = {"comment": SECRETS[4], "xmp": SECRETS[3]} if source == "jpg" else {}
    taken = photo(tmp_path / f"a.{source}", **options)
    for keep in (False, True):
        data, picture = written(taken, kind, image_format, keep)
        exif = picture.getexif()
        exposure = exif.get_ifd(ExifTags.IFD.Exif)
        assert not any(each in data for each in SECRETS)
        assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
        assert not exif.get_ifd(ExifTags.IFD.IFD1)
        assert ExifTags.Base.Orientation not in exif
        if keep:
            assert exif[ExifTags.Base.Copyright] == "(c) 2024 Jane Doe"
            assert exif[ExifTags.Base.Artist] == "Jane Doe"
            assert exposure[ExifTags.Base.DateTimeOriginal] == DATE
            assert float(exposure[ExifTags.Base.ExposureTime]) == 0.01
        else:
            assert b"Jane" not in data
            assert not exposure


@pytest.mark.parametrize("source", ["jpg", "png", "tif"])
@pytest.mark.parametrize(
    ("kind", "image_format"),
    [(Save.ALPHA, "png"), (Save.CUTOUT, "png"), (Save.COMPOSITE, "jpg")],
)
def test_the_resolution_is_kept(tmp_path: Path, source: str, kind: Save, image_format: str) -> None:
    taken = photo(tmp_path / f"a.{source}", dpi=(300, 150))
    _, picture = written(taken, kind, image_format, False)
    assert picture.info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_the_resolution_of_webp_is_in_its_exif(tmp_path: Path) -> None:
    _, picture = written(photo(tmp_path / "a.jpg", dpi=(240, 240)), Save.CUTOUT, "webp", False)
    assert float(picture.getexif()[ExifTags.Base.XResolution]) == 240
    _, picture = written(photo(tmp_path / "a.webp"), Save.CUTOUT, "webp", False)
    assert dict(picture.getexif()) == {ExifTags.Base.Software: "livematte"}


def test_the_resolution_turns_with_the_photo(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Pillow.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 150))
    with open_photo(tmp_path / "a.jpg") as opened:
        assert opened.decode().metadata.dots_per_inch == pytest.approx((150, 300))


@pytest.mark.parametrize("dpi", [(0, 0), (-5, 300), (1e9, 1e9)])
def test_a_resolution_that_is_none_is_left_out(tmp_path: Path, dpi: tuple[float, float]) -> None:
    exif = Pillow.Exif()
    exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution] = map(abs, dpi)
    Pillow.new("RGB", (9, 9)).save(tmp_path / "a.webp", exif=exif)
    with open_photo(tmp_path / "a.webp") as opened:
        photo = opened.decode()
    if dpi != (-5, 300):
        assert photo.metadata.dots_per_inch is None
    written(photo, Save.CUTOUT, "png", True)


def test_a_thumbnail_that_shows_the_room_is_not_kept(tmp_path: Path) -> None:
    """As cameras write it: a second directory of the EXIF, with a JPEG."""
    thumbnail = io.BytesIO()
    Pillow.new("RGB", (16, 12), (1, 2, 3)).save(thumbnail, "JPEG")
    exif = exif_with_everything()
    exif.get_ifd(ExifTags.IFD.IFD1)[0x0201] = 0
    path = tmp_path / "a.jpg"
    Pillow.new("RGB", (40, 30)).save(path, exif=exif.tobytes() + thumbnail.getvalue())
    with open_photo(path) as opened:
        taken = opened.decode()
    data, _ = written(taken, Save.COMPOSITE, "png", True)
    assert b"\xff\xd8\xff" not in data
    data, _ = written(taken, Save.COMPOSITE, "jpg", True)
    assert data.count(b"\xff\xd8\xff") == 1


def test_png_text_says_whose_it_is(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Copyright", "Jane Doe")
    told.add_text("Comment", "secret")
    Pillow.new("RGB", (9, 9)).save(tmp_path / "a.png", pnginfo=told)
    with open_photo(tmp_path / "a.png") as opened:
        data, picture = written(opened.decode(), Save.ALPHA, "png", True)
    assert picture.getexif()[ExifTags.Base.Copyright] == "Jane Doe"
    assert b"secret" not in data
