from __future__ import annotations

import os
from pathlib import Path

import pytest

from livematte.photos import find_photos
from tests.photos.pictures import write_photo


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(*paths: str, recursive: bool = False) -> dict[str, str]:
    """The names of results by the photos' paths."""
    found = find_photos(paths, recursive)
    return {each.path.as_posix(): each.name for each in found.photos}


def test_a_folder_gives_its_photos_in_order_and_nothing_else() -> None:
    touch("in/b.JPG", "in/a.heic", "in/notes.txt", "in/.hidden.jpg", "in/deep/c.png")
    assert names("in") == {"in/a.heic": "a", "in/b.JPG": "b"}
    assert names("in", recursive=True) == {
        "in/a.heic": "a",
        "in/b.JPG": "b",
        "in/deep/c.png": "deep/c",
    }


def test_files_and_patterns_each_once_and_files_whatever_they_are_called() -> None:
    touch("a.jpg", "b.jpg", "odd.dat", "[1].jpg")
    assert names("a.jpg", "?.jpg", "odd.dat", "[1].jpg") == {
        "a.jpg": "a",
        "b.jpg": "b",
        "odd.dat": "odd",
        "[1].jpg": "[1]",
    }


def test_names_keep_the_whole_stem() -> None:
    touch("a.b.jpg", "IMG 1 (2).jpeg")
    assert names(".") == {"a.b.jpg": "a.b", "IMG 1 (2).jpeg": "IMG 1 (2)"}


def test_photos_of_one_stem_are_told_apart_by_their_endings() -> None:
    touch("x.jpg", "X.png", "y.jpg")
    found = find_photos(["."])
    assert {each.path.name: each.name for each in found.photos} == {
        "x.jpg": "x.jpg",
        "X.png": "X.png",
        "y.jpg": "y",
    }
    assert [each.path.name for each in found.renamed] == ["X.png", "x.jpg"]


def test_no_two_results_share_a_name_whatever_comes_together() -> None:
    touch("one/x.jpg", "two/x.jpg", "three/x.jpg.png", "three/x.png")
    given = names("one", "two", "three")
    assert len(set(given.values())) == len(given) == 4
    assert given["three/x.jpg.png"] == "x.jpg"
    assert given["three/x.png"] == "x.png"


def test_what_is_not_there_or_no_file_is_told() -> None:
    touch("in/a.jpg")
    Path("in/folder.jpg").mkdir()
    Path("empty").mkdir()
    found = find_photos(["in", "empty", "missing.jpg", "*.webp"])
    assert [each.path.as_posix() for each in found.photos] == ["in/a.jpg"]
    assert {each.path.as_posix(): each.reason for each in found.failures} == {
        "in/folder.jpg": "It is a folder, not a photo.",
        "empty": "There is no photo in this folder.",
        "missing.jpg": "There is no such file.",
        "*.webp": "There is no such file.",
    }


def test_a_folder_with_a_photos_name_is_a_folder_if_photos_are_in_it() -> None:
    touch("in/album.jpg/a.jpg")
    found = find_photos(["in"], recursive=True)
    assert [each.name for each in found.photos] == ["album.jpg/a"]
    assert found.failures == []


def test_results_of_an_earlier_run_are_no_photos() -> None:
    touch("a.jpg", "mattes/a.png", "other/b.jpg")
    found = find_photos(["."], recursive=True, leave_out=Path("mattes"))
    assert [each.name for each in found.photos] == ["a", "other/b"]


def test_photos_of_any_ending_and_those_without_one_that_begin_like_a_photo() -> None:
    touch("in/a.JFIF", "in/b.jpe", "in/c.HIF", "in/d.Avif", "in/e.jp2", "in/f.gif", "in/g.jif")
    touch("in/notes.txt", "in/clip.mp4")
    write_photo(Path("in/h.png"), side=8).rename("in/scan.dat")
    write_photo(Path("in/h.jpg"), side=8).rename("in/IMG_0001")
    write_photo(Path("in/h.heic"), side=64).rename("in/.hidden")
    found = [Path(each).name for each in names("in")]
    assert found == [
        *("IMG_0001", "a.JFIF", "b.jpe", "c.HIF", "d.Avif", "e.jp2", "f.gif", "g.jif", "scan.dat"),
    ]


def test_raw_photos_are_tried_and_told_unless_the_camera_wrote_a_jpeg_too() -> None:
    touch("in/a.CR2", "in/a.jpg", "in/b.DNG", "in/deep/c.nef")
    found = find_photos(["in"], recursive=True)
    assert [each.path.name for each in found.photos] == ["a.jpg", "b.DNG", "c.nef"]
    assert [each.name for each in found.raw] == ["a.CR2"]
    assert not found.failures
    assert [each.path.name for each in find_photos(["in/a.CR2"]).photos] == ["a.CR2"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_nobody_may_look_into_ends_nothing_else() -> None:
    touch("in/a.jpg", "in/locked/b.jpg")
    Path("in/locked").chmod(0)
    try:
        found = find_photos(["in"], recursive=True)
    finally:
        Path("in/locked").chmod(0o755)
    assert [each.path.name for each in found.photos] == ["a.jpg"]
    assert [each.path.name for each in found.failures] == ["locked"]
