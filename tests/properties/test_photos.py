"""Photos in any mode, with any profile and orientation, whole and damaged."""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from livematte.errors import LivematteError, SourceError
from livematte.frame import Size
from livematte.media.photo.read import Photo, open_photo, to_profile
from livematte.photos import PHOTO_ENDINGS, Naming
from livematte.photos.find import Photograph
from livematte.photos.save import Save, encode, matted
from tests.photos.pictures import KINDS, write_photo
from tests.properties.cases import cases, clear_error_or_none
from tests.properties.damage import Damage, Files, damages

MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "tiff": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16", "I", "F"),
    "jpeg": ("L", "RGB", "CMYK"),
    "webp": ("RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB"),
    "gif": ("L", "P"),
    "heif": ("L", "LA", "RGB", "RGBA", "I;16"),
}
"""What each format can store."""

PROFILES = [
    None,
    b"",
    b"no profile",
    *(
        ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()
        for name in ("sRGB", "LAB", "XYZ")
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


def read(path: Path) -> Photo:
    with open_photo(path) as opened:
        photo = opened.decode()
    assert photo.image.dtype == np.uint8
    assert photo.image.shape[2:] == (3,)
    if photo.alpha is not None:
        assert photo.alpha.dtype == np.uint8
        assert photo.alpha.shape == photo.image.shape[:2]
    return photo


def stored(mode: str, size: Size, level: int) -> Pillow.Image:
    """A grey picture of a level from 0 to 255, as the mode has it."""
    if mode in ("I;16", "I"):
        deep = np.full(
            (size.height, size.width), level * 257, np.uint16 if ";" in mode else np.int32
        )
        return Pillow.fromarray(deep)
    if mode == "F":
        return Pillow.fromarray(np.full((size.height, size.width), level / 255, np.float32))
    grey = Pillow.new("RGB", size, (level,) * 3)
    if mode == "LAB":
        return Pillow.new("LAB", size, (level, 128, 128))
    if mode in ("LA", "P"):
        return grey.convert("L").convert(mode)
    return grey.convert(mode, dither=Pillow.Dither.NONE)


@cases(
    300,
    kind=st.sampled_from([(kind, mode) for kind, modes in MODES.items() for mode in modes]),
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    level=st.sampled_from([0, 255]) | st.integers(0, 255),
    profile=st.sampled_from(PROFILES),
    orientation=st.integers(0, 9) | st.none(),
)
def test_every_mode_is_read_right(
    folder: Path,
    kind: tuple[str, str],
    width: int,
    height: int,
    level: int,
    profile: bytes | None,
    orientation: int | None,
) -> None:
    """Even grey, of which any mode holds nearly the same, is what was stored."""
    file_format, mode = kind
    exif = Pillow.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    options = {"exif": exif} if file_format in ("png", "jpeg", "webp", "tiff") else {}
    path = folder / f"mode.{file_format}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that cannot store a profile
        stored(mode, Size(width, height), level).save(
            path, file_format, icc_profile=profile, **options
        )
        photo = read(path)
    turned = orientation is not None and orientation in range(5, 9) and bool(options)
    assert Size.of(photo.image) == (Size(height, width) if turned else Size(width, height))
    if mode != "LAB" and profile in PROFILES[:4]:
        expected = 255 * (level > 127) if mode == "1" else level
        assert np.abs(photo.image.astype(int) - expected).max() <= 8


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    return Files({kind: write_photo(folder / f"a.{kind}", kind, 48).read_bytes() for kind in KINDS})


@cases(350, kind=st.sampled_from(KINDS), damage=damages())
def test_damaged_photos(whole: dict[str, bytes], folder: Path, kind: str, damage: Damage) -> None:
    path = folder / f"damaged.{kind}"
    path.write_bytes(damage(whole[kind]))
    with clear_error_or_none():
        read(path)


@cases(
    100,
    kind=st.sampled_from(["jpeg", "png", "webp", "tiff"]),
    exif=st.binary(max_size=80)
    | st.binary(max_size=60).map(lambda rest: b"Exif\0\0II*\0\x08\0\0\0" + rest),
    profile=st.binary(max_size=200),
)
def test_any_exif_and_any_profile(folder: Path, kind: str, exif: bytes, profile: bytes) -> None:
    path = folder / f"told.{kind}"
    picture = Pillow.new("RGB", (20, 10), (50, 100, 150))
    options = {} if kind == "tiff" else {"exif": exif}
    picture.save(path, kind, icc_profile=profile, **options)
    with clear_error_or_none():
        photo = read(path)
        assert Size.of(to_profile(photo.image, photo.profile)) == Size.of(photo.image)


@cases(60, damage=damages(), mode=st.sampled_from(["L", "CMYK", "RGB", "LAB"]))
def test_damaged_profiles(folder: Path, damage: Damage, mode: str) -> None:
    profile = PROFILES[3]
    assert profile is not None
    path = folder / "profile.tiff"
    stored(mode, Size(20, 10), 99).save(path, "tiff", icc_profile=damage(profile))
    with clear_error_or_none():
        photo = read(path)
        assert Size.of(to_profile(photo.image, photo.profile)) == Size(20, 10)


@cases(
    60,
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    kind=st.sampled_from(list(Save)),
    file_format=st.sampled_from(["png", "webp", "jpg"]),
    level=st.integers(0, 255),
    own=st.booleans(),
    profile=st.sampled_from(PROFILES),
)
def test_every_result_can_be_read_again(
    width: int,
    height: int,
    kind: Save,
    file_format: str,
    level: int,
    own: bool,
    profile: bytes | None,
) -> None:
    if kind is Save.CUTOUT and file_format == "jpg":
        return
    from livematte.backgrounds.parse import parse

    image = np.full((height, width, 3), (200, 150, 100), np.uint8)
    alpha = np.full((height, width), level, np.uint8)
    result = matted(Photo(image, alpha if own else None, profile or None), alpha, {kind})
    data = encode(result, kind, file_format, parse("blur" if own else "navy"))
    with Pillow.open(io.BytesIO(data)) as written:
        assert written.size == ((3 * width if kind is Save.COMPARISON else width), height)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(SourceError, match="not a regular file"):
            read(path)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(LivematteError):
        read(tmp_path / ("a" * 5_000))


@cases(
    80,
    kind=st.sampled_from(["jpeg", "png", "webp", "tiff"]),
    ending=st.sampled_from(sorted(PHOTO_ENDINGS)) | st.sampled_from([".DAT", ".HIF", ""]),
    told=st.dictionaries(
        st.sampled_from([0x8298, 0x013B, 0x0132, 0x010F, 0x011A, 0x011B, 0x0128, 0x0112]),
        st.text(max_size=20) | st.integers(0, 65535) | st.floats(0, 1e6),
    ),
    secret=st.sampled_from([0x927C, 0x9286, 0xA420, 0xA431, 0xA435]),
    save=st.sampled_from(list(Save)),
    file_format=st.sampled_from(["png", "webp", "jpg"]),
    keep=st.booleans(),
)
def test_any_metadata_by_any_name_and_never_what_is_secret(
    folder: Path,
    kind: str,
    ending: str,
    told: dict[int, str | int | float],
    secret: int,
    save: Save,
    file_format: str,
    keep: bool,
) -> None:
    from livematte.backgrounds.parse import parse

    if save is Save.CUTOUT and file_format == "jpg":
        return
    exif = Pillow.Exif()
    for tag, value in told.items():
        exif[tag] = value
    exif.get_ifd(0x8769)[secret] = b"SECRET-4711"
    try:
        data = exif.tobytes()
    except Exception:  # a tag cannot have such a value
        return
    path = folder / f"named{ending}"
    Pillow.new("RGB", (20, 10), (50, 100, 150)).save(path, kind, exif=data)
    photo = read(path)
    alpha = np.full(photo.image.shape[:2], 200, np.uint8)
    result = matted(photo, alpha, {save})
    written = encode(result, save, file_format, parse("navy"), keep_metadata=keep)
    assert b"SECRET-4711" not in written
    with Pillow.open(io.BytesIO(written)) as picture:
        picture.load()


@cases(
    150,
    pattern=st.lists(
        st.sampled_from(["{stem}", "{save}", "{number}", "{number:03}", "{x}", "{", "}"])
        | st.sampled_from(["/", "..", ".", "\\", ":", "\0", " ", "a", ".png"]),
        max_size=6,
    ).map("".join),
    save=st.sampled_from(list(Save)),
)
def test_names_of_results_stay_in_their_folder(pattern: str, save: Save) -> None:
    photo = Photograph(Path("a.jpg"), "trip/a")
    with clear_error_or_none():
        name = Naming(pattern).name(photo, 7, save, "webp", 2)
        assert not os.path.isabs(name)
        assert ".." not in Path(name).parts
        assert name.endswith(save.ending("webp"))
        assert "\\" not in name
        assert "\0" not in name
