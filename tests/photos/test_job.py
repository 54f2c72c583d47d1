from __future__ import annotations

import errno
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from livematte.backgrounds.parse import parse
from livematte.errors import LivematteError, MatteError, RenderError, SinkError, UsageError
from livematte.frame import Image
from livematte.matter import Matter
from livematte.photos import Photograph, PhotoJob, PhotoOptions, Results, Save
from livematte.photos.results import ResultsError
from tests.photos.pictures import read_pixels, write_photo


@pytest.fixture(scope="module")
def matter() -> Matter:
    return Matter(matte_short_side=224, parallel=2)


@pytest.fixture
def photos(tmp_path: Path) -> list[Photograph]:
    (tmp_path / "in").mkdir()
    return [
        Photograph(write_photo(tmp_path / "in" / f"{each}.png"), str(each)) for each in range(5)
    ]


def test_each_kind_has_a_folder_and_the_zip_has_them_all(
    tmp_path: Path, photos: list[Photograph], matter: Matter
) -> None:
    results = Results(tmp_path / "out", tmp_path / "out.zip", overwrite=False)
    kinds = [Save.ALPHA, Save.CUTOUT, Save.COMPOSITE, Save.COMPARISON]
    report = PhotoJob(photos, matter, results, PhotoOptions(kinds, "webp"), parallel=2).run()
    assert (report.done, report.failures, report.left, report.ended) == (5, [], 0, None)
    expected = {
        f"{kind.value}/{each}{'.png' if kind is Save.ALPHA else '.webp'}"
        for kind in kinds
        for each in range(5)
    }
    found = {each.relative_to(tmp_path / "out").as_posix() for each in tmp_path.glob("out/*/*")}
    assert found == expected
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert set(archive.namelist()) == expected
        assert archive.testzip() is None


def test_one_that_fails_does_not_stop_the_others(
    tmp_path: Path, photos: list[Photograph], matter: Matter
) -> None:
    photos[2].path.write_bytes(b"broken")
    told: list[tuple[str, LivematteError | None]] = []
    report = PhotoJob(
        photos,
        matter,
        Results(tmp_path, None, overwrite=False),
        parallel=2,
    ).run(lambda photo, error: told.append((photo.name, error)))
    assert report.done == 4
    assert [each.path for each in report.failures] == [photos[2].path]
    assert {name for name, error in told if error is None} == {"0", "1", "3", "4"}


def test_photos_without_a_usable_matte_are_named_and_not_written(
    tmp_path: Path,
    photos: list[Photograph],
    matter: Matter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Matter, "matte", lambda _matter, image: np.full(image.shape[:2], 0.5, np.float32)
    )
    told: list[LivematteError | None] = []
    report = PhotoJob(
        photos,
        matter,
        Results(tmp_path / "out", None, overwrite=False),
    ).run(lambda _photo, error: told.append(error))
    assert report.done == 0
    assert {each.path for each in report.failures} == {each.path for each in photos}
    assert all(isinstance(each, MatteError) for each in told)
    assert not list(tmp_path.glob("out/*"))


def test_nothing_is_replaced_unasked(
    tmp_path: Path, photos: list[Photograph], matter: Matter
) -> None:
    (tmp_path / "1.png").write_bytes(b"precious")
    report = PhotoJob(photos, matter, Results(tmp_path, None, overwrite=False)).run()
    assert [each.path.name for each in report.failures] == ["1.png"]
    assert "--overwrite" in report.failures[0].reason
    assert (tmp_path / "1.png").read_bytes() == b"precious"
    report = PhotoJob(photos, matter, Results(tmp_path, None, overwrite=True)).run()
    assert report.done == 5
    assert read_pixels(tmp_path / "1.png").shape == (128, 128)
    (tmp_path / "all.zip").touch()
    with pytest.raises(UsageError, match=r"all\.zip already exists"):
        Results(None, tmp_path / "all.zip", overwrite=False)


def test_when_it_is_stopped_what_is_done_stays(
    tmp_path: Path, photos: list[Photograph], matter: Matter
) -> None:
    job = PhotoJob(
        photos,
        matter,
        Results(tmp_path / "out", tmp_path / "out.zip", overwrite=False),
    )
    report = job.run(lambda _photo, _error: job.stop())
    assert report.done >= 1
    assert report.left == 5 - report.done > 0
    assert len(list(tmp_path.glob("out/*.png"))) == report.done
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert len(archive.namelist()) == report.done
    assert not list(tmp_path.glob("**/.*"))


def test_results_that_cannot_be_written_end_the_job(
    tmp_path: Path, photos: list[Photograph], matter: Matter
) -> None:
    (tmp_path / "file").touch()
    report = PhotoJob(photos, matter, Results(tmp_path / "file", None, overwrite=False)).run()
    assert isinstance(report.ended, SinkError)
    assert "cannot be written" in report.ended.problem
    assert (report.done, len(report.failures), report.left) == (0, 1, 4)


def test_comparisons_to_show_are_of_the_cleaned_person(
    tmp_path: Path, photos: list[Photograph], matter: Matter
) -> None:
    shown: list[Image] = []
    results = Results(tmp_path / "out", None, overwrite=False)
    kinds = [Save.COMPARISON, Save.ALPHA]
    PhotoJob(photos[:1], matter, results, PhotoOptions(kinds), on_comparison=shown.append).run()
    saved = read_pixels(tmp_path / "out" / "comparison" / "0.png")
    np.testing.assert_array_equal(shown[0], saved)


@pytest.mark.parametrize(
    ("kinds", "image_format", "background"),
    [
        ([Save.CUTOUT], "jpg", None),
        ([Save.ALPHA], "gif", None),
        ([Save.ALPHA], "png", "green"),
        ([Save.COMPOSITE], "png", "transparent"),
    ],
)
def test_what_cannot_be_is_refused(
    kinds: list[Save], image_format: str, background: str | None
) -> None:
    behind = None if background is None else parse(background)
    with pytest.raises(UsageError):
        PhotoOptions(kinds, image_format, behind)


class Failing(Matter):
    """Fails in its own way on each photo that has a level of red in `errors`."""

    def __init__(self, errors: dict[int, BaseException]) -> None:
        super().__init__(matte_short_side=224)
        self.errors = errors

    def matte(self, image: Image) -> NDArray[np.float32]:
        if error := self.errors.get(int(image[0, 0, 0])):
            raise error
        return np.zeros(image.shape[:2], np.float32)


def plain(folder: Path, *levels: int) -> list[Photograph]:
    folder.mkdir()
    photos = []
    for level in levels:
        path = folder / f"{level}.png"
        Pillow.new("RGB", (40, 30), (level, 80, 90)).save(path)
        photos.append(Photograph(path, str(level)))
    return photos


def test_whatever_happens_to_one_photo_the_others_go_on(tmp_path: Path) -> None:
    photos = plain(tmp_path / "in", *range(10))
    photos[0].path.unlink()
    photos[1].path.write_bytes(b"")
    photos[2].path.write_bytes(photos[2].path.read_bytes()[:60])
    (tmp_path / "out" / "7.png").mkdir(parents=True)
    no_memory = cv2.error("insufficient memory")
    no_memory.code = cv2.Error.StsNoMem
    errors: dict[int, BaseException] = {
        3: MemoryError(),
        4: no_memory,
        5: KeyError("a bug in a decoder"),
        6: RenderError("The network failed.", "Try again."),
        8: OSError(errno.EIO, "Input/output error"),
    }
    results = Results(tmp_path / "out", tmp_path / "out.zip", overwrite=True)
    report = PhotoJob(photos, Failing(errors), results).run()
    reasons = {each.path.name: each.reason for each in report.failures}
    for name, reason in {
        "0.png": "is not there",
        "1.png": "is empty",
        "2.png": "is damaged",
        "3.png": "does not fit into memory",
        "4.png": "does not fit into memory",
        "5.png": "unexpected KeyError",
        "6.png": "The network failed",
        "7.png": "cannot be written",
        "8.png": "Input/output error",
    }.items():
        assert reason in reasons.pop(name)
    assert not reasons
    assert (report.done, report.left, report.ended) == (1, 0, None)
    assert report.nobody == [photos[9].path]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == ["9.png"]


def test_a_photo_that_a_format_cannot_hold_fails_alone(tmp_path: Path) -> None:
    photos = plain(tmp_path / "in", 1, 2)
    Pillow.new("RGB", (16_400, 20), (3, 3, 3)).save(photos[0].path)
    for kinds, image_format, done in (
        ([Save.CUTOUT], "webp", 1),
        ([Save.COMPOSITE], "webp", 1),
        ([Save.ALPHA], "webp", 2),
        ([Save.COMPARISON], "webp", 2),
        ([Save.CUTOUT], "png", 2),
        ([Save.COMPOSITE], "jpg", 2),
    ):
        results = Results(tmp_path / f"{kinds[0].value}.{image_format}", None, overwrite=False)
        report = PhotoJob(photos, Failing({}), results, PhotoOptions(kinds, image_format)).run()
        assert report.done == done, kinds
        for failure in report.failures:
            assert failure.path == photos[0].path
            assert "16400x20" in failure.reason
            assert "--format png" in failure.reason


class FullDisk:
    """A destination on which there is room for one result."""

    description = "a disk"

    def __init__(self) -> None:
        self.names: list[str] = []

    def missing(self, names: Sequence[str]) -> list[str]:
        return list(names)

    def put(self, name: str, data: bytes) -> None:
        if self.names:
            raise ResultsError("No space left.", "Make room.")
        self.names.append(name)

    def close(self) -> None:
        pass


def test_a_full_disk_ends_the_job_and_what_was_done_is_counted(tmp_path: Path) -> None:
    disk = FullDisk()
    report = PhotoJob(plain(tmp_path / "in", 1, 2, 3, 4), Failing({}), disk).run()
    assert isinstance(report.ended, ResultsError)
    assert (report.done, len(report.failures), report.left) == (1, 1, 2)
    assert disk.names == ["1.png"]


@pytest.mark.parametrize(("fails", "tried"), [(False, 3), (True, 1)])
def test_a_bad_matte_ends_the_job_if_that_is_asked(tmp_path: Path, fails: bool, tried: int) -> None:
    photos = plain(tmp_path / "in", 1, 2, 3)
    matter = Failing({1: MatteError("The matte is noise")})
    results = Results(tmp_path / "out", None, overwrite=False)
    report = PhotoJob(photos, matter, results, PhotoOptions(fail_on_bad_matte=fails)).run()
    assert report.done + len(report.failures) == tried
    assert [each.path.name for each in report.failures] == ["1.png"]
    assert isinstance(report.ended, MatteError) == fails


def test_what_is_there_is_skipped_and_what_is_missing_made(tmp_path: Path) -> None:
    photos = plain(tmp_path / "in", 1, 2, 3)
    out, archive = tmp_path / "out", tmp_path / "out.zip"
    first = Results(out, archive, overwrite=False)
    assert PhotoJob(photos[:2], Failing({}), first).run().done == 2
    (out / "2.png").unlink()
    (out / "1.png").write_bytes(b"mine")
    with zipfile.ZipFile(archive, "a") as added:
        added.writestr("letter.txt", "kept")
    again = Results(out, archive, overwrite=False, skip_existing=True)
    report = PhotoJob(photos, Failing({}), again).run()
    assert (report.done, report.skipped, report.failures) == (2, 1, [])
    assert (out / "1.png").read_bytes() == b"mine"
    assert {each.name for each in out.iterdir()} == {"1.png", "2.png", "3.png"}
    with zipfile.ZipFile(archive) as whole:
        assert whole.testzip() is None
        assert whole.namelist() == ["1.png", "2.png", "letter.txt", "3.png"]
        assert whole.read("letter.txt") == b"kept"
    before = archive.read_bytes()
    report = PhotoJob(
        photos, Failing({}), Results(out, archive, overwrite=False, skip_existing=True)
    ).run()
    assert (report.done, report.skipped) == (0, 3)
    assert archive.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_only_the_missing_kinds_are_made(tmp_path: Path) -> None:
    photos = plain(tmp_path / "in", 1)
    out = tmp_path / "out"
    kinds = [Save.ALPHA, Save.CUTOUT]
    (out / "alpha").mkdir(parents=True)
    (out / "alpha" / "1.png").write_bytes(b"mine")
    results = Results(out, None, overwrite=False, skip_existing=True)
    assert PhotoJob(photos, Failing({}), results, PhotoOptions(kinds)).run().done == 1
    assert (out / "alpha" / "1.png").read_bytes() == b"mine"
    assert (out / "cutout" / "1.png").exists()


def test_a_zip_file_that_is_none_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"no zip file")
    with pytest.raises(UsageError, match=r"a\.zip cannot be added to"):
        Results(None, path, overwrite=False, skip_existing=True)
    assert path.read_bytes() == b"no zip file"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_names_that_are_no_text_go_into_folders_and_zip_files(tmp_path: Path) -> None:
    (photo,) = plain(tmp_path / "in", 1)
    name = os.fsdecode(b"caf\xe9")
    path = photo.path.rename(photo.path.with_name(f"{name}.png"))
    results = Results(tmp_path / "out", tmp_path / "out.zip", overwrite=False)
    report = PhotoJob([Photograph(path, name)], Failing({}), results).run()
    assert (report.done, report.ended) == (1, None)
    assert (tmp_path / "out" / f"{name}.png").exists()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == ["caf\ufffd.png"]


def test_more_memory_than_is_allowed_is_told_before_anything_is_decoded(tmp_path: Path) -> None:
    photos = plain(tmp_path / "in", 1)
    results = Results(tmp_path / "out", None, overwrite=False)
    report = PhotoJob(photos, Failing({}), results, PhotoOptions(max_memory_bytes=15_000)).run()
    assert "--max-memory" in report.failures[0].reason
    results = Results(tmp_path / "out", None, overwrite=False)
    assert (
        PhotoJob(photos, Failing({}), results, PhotoOptions(max_memory_bytes=17_000)).run().done
        == 1
    )
    results = Results(tmp_path / "cutouts", None, overwrite=False)
    kinds = [Save.CUTOUT]
    report = PhotoJob(
        photos, Failing({}), results, PhotoOptions(kinds, max_memory_bytes=17_000)
    ).run()
    assert "--max-memory" in report.failures[0].reason
