"""What `-o`, `-` and `--zip` of `livematte image` mean."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image as Pillow

from livematte.cli.photo_places import folder_of, open_place
from livematte.errors import UsageError
from livematte.photos import FixedName, Naming, Save, StreamResult
from tests.photos.pictures import write_photo
from tests.test_cli import livematte

QUICK = ("--matte-size", "224")
ALPHA, CUTOUT, COMPOSITE = Save.ALPHA, Save.CUTOUT, Save.COMPOSITE


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))


@pytest.mark.parametrize(
    ("output", "kind", "image_format"),
    [
        ("out.png", ALPHA, "png"),
        ("deep/OUT.PNG", CUTOUT, "png"),
        ("out.webp", CUTOUT, "webp"),
        ("out.jpg", COMPOSITE, "jpg"),
        ("out.jpeg", COMPOSITE, "jpg"),
    ],
)
def test_an_output_that_ends_like_a_picture_is_a_file(
    output: str, kind: Save, image_format: str
) -> None:
    place = open_place(output, None, [kind], 1)
    assert isinstance(place.naming, FixedName)
    assert (place.image_format, place.results.description) == (image_format, output)
    assert folder_of(output, None) is None


@pytest.mark.parametrize("output", ["out", "v1.2", "out.png/", "there.png", "."])
def test_others_are_folders(output: str) -> None:
    Path("there.png").mkdir()
    place = open_place(output, None, [ALPHA, CUTOUT], 9)
    assert isinstance(place.naming, Naming)
    assert folder_of(output, None) == Path(output)


def test_without_an_output_there_is_a_folder_unless_there_is_a_zip_file() -> None:
    assert folder_of(None, None) == Path("mattes")
    assert folder_of(None, Path("a.zip")) is None


@pytest.mark.parametrize(
    ("output", "kinds", "photos", "options", "said"),
    [
        ("out.png", [ALPHA], 2, {}, "one photo, and there are 2"),
        ("-", [ALPHA], 2, {}, "one photo, and there are 2"),
        ("out.png", [ALPHA, CUTOUT], 1, {}, "alpha, cutout"),
        ("out.jpg", [ALPHA], 1, {}, "a matte is written as PNG"),
        ("out.tif", [CUTOUT], 1, {}, "not written as .tif"),
        ("out.heic", [COMPOSITE], 1, {}, "not written as .heic"),
        ("out.png", [CUTOUT], 1, {"image_format": "webp"}, "--format webp"),
        ("out.png", [CUTOUT], 1, {"zip_path": Path("a.zip")}, "--zip"),
        ("out.png", [CUTOUT], 1, {"pattern": "{stem}"}, "--name"),
        ("out.zip", [ALPHA], 1, {}, "zip file"),
        (None, [ALPHA], 1, {"zip_path": Path("-")}, "the standard output, which does not take"),
        ("out", [ALPHA], 1, {"overwrite": True, "skip_existing": True}, "--skip-existing"),
        ("out", [ALPHA], 1, {"pattern": "{nobody}"}, "nobody"),
    ],
)
def test_what_does_not_go_together_is_explained(
    output: str | None, kinds: list[Save], photos: int, options: dict[str, object], said: str
) -> None:
    zip_path = options.pop("zip_path", None)
    assert zip_path is None or isinstance(zip_path, Path)
    with pytest.raises(UsageError) as caught:
        open_place(output, zip_path, kinds, photos, **options)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_a_stream_that_ends_is_told() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        StreamResult(Full(), "the standard output").put("a.png", b"data")


def test_one_photo_through_pipes() -> None:
    photo = write_photo(Path("a.jpg"), side=64)
    command = [sys.executable, "-m", "livematte", "image", "-", "-o", "-", *QUICK]
    finished = subprocess.run(
        [*command, "--save", "cutout"],
        input=photo.read_bytes(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    with Pillow.open(io.BytesIO(finished.stdout)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (64, 64))
    assert b"1 done" in finished.stderr
    for content, reason in ((b"", b"is empty"), (b"words", b"is no picture")):
        finished = subprocess.run(
            command, input=content, capture_output=True, timeout=60, check=False
        )
        assert (finished.returncode, finished.stdout) == (1, b"")
        assert b"standard input " + reason in finished.stderr
    assert sorted(each.name for each in Path().iterdir()) == ["a.jpg"]


def test_a_batch_as_its_users_type_it() -> None:
    """Raw photos, a video and a bomb among photos; then again, with one photo more."""
    Path("in/trip").mkdir(parents=True)
    write_photo(Path("in/a.jpg"), side=256, dpi=(300, 300))
    write_photo(Path("in/a.png"), side=256)
    write_photo(Path("in/trip/b.jpg"), side=256).rename("in/trip/b.JFIF")
    Pillow.new("RGB", (64, 64), (90, 120, 90)).save("in/nobody.png")
    Path("in/raw.CR2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(400))
    Path("in/a.CR2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(400))
    Path("clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(400))
    command = (
        *("image", "in", "clip.mp4", "-r", "--save", "alpha,cutout", "--name", "{stem}_{save}"),
        *("-o", "out", "--zip", "all.zip", *QUICK),
    )
    code, _, err = livematte(*command)
    assert code == 1, err
    assert "livematte video clip.mp4" in err
    assert "raw.CR2 failed: " in err
    assert "1 raw photo left out" in err
    assert "No person was found in 1 of 4: in/nobody.png" in err
    assert err.splitlines()[-1].endswith("4 done, 2 failed; results in out and all.zip")
    names = {each.relative_to("out").as_posix() for each in Path("out").rglob("*.png")}
    stems = ("a.jpg", "a.png", "nobody", "trip/b")
    assert names == {f"{stem}_{save}.png" for stem in stems for save in ("alpha", "cutout")}
    with Pillow.open("out/a.jpg_alpha.png") as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    write_photo(Path("in/new.jpg"), side=64)
    Path("in/raw.CR2").unlink()
    code, _, err = livematte(*(each for each in command if each != "clip.mp4"), "--skip-existing")
    assert code == 0, err
    assert err.splitlines()[-1].endswith("1 done, 4 already there; results in out and all.zip")
    with zipfile.ZipFile("all.zip") as archive:
        assert len(archive.namelist()) == 10
        assert archive.testzip() is None
