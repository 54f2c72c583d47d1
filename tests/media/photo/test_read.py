from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from livematte.errors import SourceError
from livematte.media.photo.profile import rebuild
from livematte.media.photo.read import Photo, open_photo, to_profile
from tests.photos.pictures import KINDS, SRGB, png, portrait, write_photo


def read(path: Path) -> Photo:
    with open_photo(path) as opened:
        return opened.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_rgb(tmp_path: Path, kind: str) -> None:
    photo = read(write_photo(tmp_path / f"photo.{kind}", kind))
    assert photo.image.dtype == np.uint8
    expected = portrait().astype(float)
    if any(word in kind for word in ("grey", "deep")):
        assert (photo.image[..., 0] == photo.image[..., 2]).all()
        expected = expected @ (0.299, 0.587, 0.114)
        expected = np.repeat(expected[..., None], 3, axis=2)
    seen = photo.image if photo.alpha is None else photo.image[photo.alpha > 0]
    expected = expected if photo.alpha is None else expected[photo.alpha > 0]
    if "bilevel" in kind:
        assert set(np.unique(seen)) == {0, 255}
    else:
        assert np.abs(seen - expected).mean() < 8
    assert (photo.alpha is not None) == ("rgba" in kind)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    image = portrait()
    turned = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.transpose(1, 0, 2),
        6: image.transpose(1, 0, 2)[::-1],
        7: image.transpose(1, 0, 2)[::-1, ::-1],
        8: image.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Pillow.fromarray(np.ascontiguousarray(turned)).save(path, exif=exif)
    np.testing.assert_array_equal(read(path).image, image)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_exif_orientation_of_a_plain_tiff(tmp_path: Path, mode: str) -> None:
    """Pillow takes another way with some of these, on which it mixed up their sides."""
    picture = Pillow.fromarray(portrait()).resize((60, 40)).convert(mode)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.tif", exif=exif)
    expected = np.rot90(np.array(picture.convert("RGB")), -1)
    np.testing.assert_array_equal(read(tmp_path / "turned.tif").image, expected)


def test_the_profile_of_rgb_is_kept_and_that_of_others_is_applied(tmp_path: Path) -> None:
    rgb = write_photo(tmp_path / "rgb.png", icc_profile=SRGB)
    grey = write_photo(tmp_path / "grey.png", "grey", icc_profile=SRGB)
    assert read(rgb).profile == rebuild(SRGB)
    assert read(grey).profile is None
    assert read(write_photo(tmp_path / "plain.png")).profile is None


def test_a_broken_profile_does_no_harm(tmp_path: Path) -> None:
    image = portrait()
    np.testing.assert_array_equal(to_profile(image, b"no profile"), image)
    path = write_photo(tmp_path / "grey.png", "grey", icc_profile=b"no profile")
    assert read(path).image.shape == image.shape


def test_what_invisible_pixels_hold_is_not_taken_for_the_picture(tmp_path: Path) -> None:
    picture = Pillow.fromarray(portrait())
    picture.putalpha(Pillow.fromarray(np.zeros((128, 128), np.uint8)))
    picture.save(tmp_path / "empty.png")
    assert (read(tmp_path / "empty.png").image == 255).all()


def bomb() -> bytes:
    """A PNG that claims to have 100 gigapixels."""
    header = struct.pack(">IIBBBBB", 1_000_000, 100_000, 8, 2, 0, 0, 0)
    chunks = b"IHDR" + header, b"IDAT" + zlib.compress(bytes(1000))
    framed = (
        struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each))
        for each in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


BROKEN = {
    "is empty": b"",
    "no picture of a known kind": b"not a photo at all",
    "damaged": png()[:3000],
    "megapixels": bomb(),
}


@pytest.mark.parametrize(("reason", "content"), BROKEN.items(), ids=BROKEN)
def test_broken_files_are_told(tmp_path: Path, reason: str, content: bytes) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=reason):
        read(path)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "bmp", "heic"])
def test_files_that_are_cut_off_anywhere_are_told(tmp_path: Path, ending: str) -> None:
    whole = write_photo(tmp_path / f"whole.{ending}").read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(SourceError):
            read(path)


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path)
