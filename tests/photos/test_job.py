from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from livematte.background import parse
from livematte.errors import LivematteError, MatteError, SinkError, UsageError
from livematte.frame import Image
from livematte.matter import Matter
from livematte.photos import Photograph, PhotoJob, Results, Save
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
    report = PhotoJob(photos, matter, results, kinds=kinds, image_format="webp", parallel=2).run()
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
        on_done=lambda photo, error: told.append((photo.name, error)),
    ).run()
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
        on_done=lambda _photo, error: told.append(error),
    ).run()
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
        on_done=lambda _photo, _error: job.stop(),
    )
    report = job.run()
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
    PhotoJob(photos[:1], matter, results, kinds=kinds, on_comparison=shown.append).run()
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
    matter: Matter, kinds: list[Save], image_format: str, background: str | None
) -> None:
    with pytest.raises(UsageError):
        PhotoJob(
            [],
            matter,
            Results(None, None, overwrite=False),
            kinds=kinds,
            image_format=image_format,
            background=None if background is None else parse(background),
        )
