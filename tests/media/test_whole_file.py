"""Files that appear under their names when they are whole, or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from livematte.errors import SinkError
from livematte.media import whole_file
from livematte.media.whole_file import Taken, put_file, write_whole
from tests.small_disk import small_disk

DATA = bytes(range(256)) * 200


@pytest.mark.parametrize("write", [put_file, write_whole])
@pytest.mark.parametrize("taken", [Taken.REPLACE, Taken.REFUSE])
def test_it_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object, taken: Taken
) -> None:
    assert callable(write)
    path = tmp_path / "a.bin"
    write(path, DATA, taken)
    assert path.read_bytes() == DATA

    def fail(_descriptor: int) -> None:
        assert len(os.listdir(tmp_path)) == 2, "beside it, under another name"
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(whole_file, "flush_file", fail)
    for name in ("a.bin", "new.bin"):
        if taken is Taken.REPLACE or name != "a.bin":
            with pytest.raises(OSError, match="Input/output error"):
                write(tmp_path / name, b"half", taken)
    assert os.listdir(tmp_path) == ["a.bin"]
    assert path.read_bytes() == DATA


def test_what_has_the_name_is_refused_numbered_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        put_file(path, DATA, Taken.REFUSE)
    assert path.read_bytes() == b"old"
    assert put_file(path, DATA, Taken.NUMBER).name == "a (2).bin"
    assert put_file(path, DATA, Taken.REPLACE) == path
    assert path.read_bytes() == DATA
    assert sorted(os.listdir(tmp_path)) == ["a (2).bin", "a.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_a_link_is_replaced_or_followed(tmp_path: Path) -> None:
    """The one for livematte's own folders, the other for what a person has named."""
    (tmp_path / "there.bin").write_bytes(b"old")
    link = tmp_path / "link.bin"
    link.symlink_to("there.bin")
    write_whole(link, DATA)
    assert link.is_symlink()
    assert (tmp_path / "there.bin").read_bytes() == DATA
    put_file(link, b"new")
    assert not link.is_symlink()
    assert (tmp_path / "there.bin").read_bytes() == DATA
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    put_file(pipe, b"new")
    assert pipe.read_bytes() == b"new"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    with small_disk(tmp_path, "40k"):
        with pytest.raises(OSError, match="No space left"):
            put_file(tmp_path / "a.bin", DATA)
        with pytest.raises(SinkError, match="No space left"):
            write_whole(tmp_path / "b.bin", DATA)
        assert os.listdir(tmp_path) == []
