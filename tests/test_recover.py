"""Recordings of the command line that something cuts short, and `livematte recover`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from livematte.sinks.video.remains import look_into
from tests.small_disk import small_disk
from tests.test_cli import livematte, start, wait_until

RUN = ("--demo", "--size", "320x180", "--matte-size", "224", "--no-preview")


def frames(path: Path) -> int:
    return look_into(path).frames or 0


def test_a_killed_run_is_told_of_by_the_next_and_recovered(tmp_path: Path) -> None:
    process = start(*RUN, "-o", tmp_path / "talk.mkv", "-o", f"{tmp_path}/pictures/")
    pictures = tmp_path / "pictures"
    wait_until(lambda: pictures.is_dir() and len(os.listdir(pictures)) > 60)
    assert "no unfinished recordings" in livematte("recover", tmp_path)[2], "it still runs"
    process.kill()
    process.communicate()

    code, _, err = livematte(*RUN, "--frames", "2", "-o", tmp_path / "next.mp4")
    assert code == 0
    assert f"unfinished recording found: {tmp_path / 'talk.mkv'}" in err
    assert "livematte recover" in err
    assert "talk.mkv" in livematte("recover", "--list")[2]
    code, _, err = livematte("recover")
    assert code == 0
    recovered = tmp_path / "talk (recovered).mkv"
    assert f"{recovered}: " in err
    assert frames(recovered) >= 10
    assert "no unfinished recordings" in livematte("recover")[2]
    assert set(os.listdir(tmp_path)) == {recovered.name, "next.mp4", "pictures"}


def test_a_full_disk_ends_one_output_and_keeps_what_was_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "100k") as small:
        other = tmp_path / "other.mp4"
        process = start(*RUN, "--frames", "90", "-o", f"{small}/%06d.png", "-o", other)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "No space left on device" in err
        written = sorted(os.listdir(small))
        assert written == [f"{index:06}.png" for index in range(len(written))]
    assert frames(other) == 90, "the other goes on"


def test_an_output_that_exists_is_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"older")
    code, _, err = livematte(*RUN, "--frames", "2", "-o", path)
    assert code == 2
    assert "--overwrite" in err
    assert path.read_bytes() == b"older"
    assert livematte(*RUN, "--frames", "2", "--overwrite", "-o", path)[0] == 0
    assert frames(path) == 2
    (tmp_path / time.strftime("%Y")).mkdir()
    for _ in range(2):
        assert livematte(*RUN, "--frames", "2", "-o", tmp_path / "%Y" / "talk.mp4")[0] == 0
    assert sorted(os.listdir(tmp_path / time.strftime("%Y"))) == ["talk (2).mp4", "talk.mp4"]


def test_recover_says_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    code, _, err = livematte("recover", tmp_path / "none")
    assert code == 2
    assert "is not a folder" in err
