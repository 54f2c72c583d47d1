"""What is left of a recording, however it ended, can be played."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

from livematte.errors import SinkError, UsageError
from livematte.frame import Size
from livematte.media.whole_file import Taken, write_whole
from livematte.sinks import ImageFolder, VideoWriter, open_output
from livematte.sinks.dated import dated
from livematte.sinks.video import journal
from livematte.sinks.video.leftovers import find_leftovers, find_missing, recover
from livematte.sinks.video.remains import look_into
from livematte.sinks.video.unfinished_file import UnfinishedFile
from tests.sinks.pictures import picture

SIZE = Size(64, 48)
RATE = Fraction(30)

KINDS = [(".mp4", False), (".mov", False), (".mkv", False), (".webm", False), (".mov", True)]


def begin(path: Path, pictures: int = 40, taken: Taken = Taken.REFUSE) -> VideoWriter:
    writer = VideoWriter(path, taken=taken)
    writer.open(SIZE, RATE)
    for index in range(pictures):
        writer.send(picture(SIZE, index, media_seconds=index / 30))
    return writer


def send_many(writer: VideoWriter) -> None:
    for index in range(3, 60):
        writer.send(picture(SIZE, index, media_seconds=index / 30))


def count(path: Path) -> int:
    frames = look_into(path).frames
    assert frames is not None
    return frames


@pytest.mark.parametrize("ends_after", range(30, 62, 4))
def test_a_video_has_its_last_picture_wherever_a_fragment_ended(
    tmp_path: Path, ends_after: int
) -> None:
    import av

    begin(tmp_path / "out.mp4", ends_after).close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(list(container.decode(video=0))) == ends_after


RECORD_AND_BE_KILLED = """
import os, sys
from pathlib import Path
from livematte.sinks import VideoWriter
from tests.sinks.pictures import picture
from tests.sinks.test_recordings_that_end import RATE, SIZE

writer = VideoWriter(Path(sys.argv[1]), transparent=sys.argv[2] == "True")
writer.open(SIZE, RATE)
for index in range(int(sys.argv[3])):
    writer.send(picture(SIZE, index, media_seconds=index / 30))
os.kill(os.getpid(), 9)
"""


def record_and_be_killed(path: Path, transparent: bool = False, pictures: int = 100) -> None:
    command = [sys.executable, "-c", RECORD_AND_BE_KILLED, str(path), str(transparent)]
    killed = subprocess.run([*command, str(pictures)], timeout=60)
    assert killed.returncode != 0


@pytest.mark.parametrize(("ending", "transparent"), KINDS)
def test_a_killed_recording_is_found_and_recovered(
    tmp_path: Path, ending: str, transparent: bool
) -> None:
    path = tmp_path / f"talk{ending}"
    record_and_be_killed(path, transparent)
    (left,) = find_leftovers()
    assert left.path == path
    assert count(left.unfinished) >= 100 - 60, "playable as it is, but for two seconds"

    (tmp_path / f"talk (recovered){ending}").write_bytes(b"another")
    recovered = recover(left)
    assert recovered is not None
    named, remains = recovered
    assert named == tmp_path / f"talk (recovered 2){ending}"
    assert remains.frames is not None
    assert remains.frames >= 100 - 60
    assert remains.seconds == pytest.approx(remains.frames / 30, abs=0.11)
    assert set(os.listdir(tmp_path)) == {named.name, f"talk (recovered){ending}"}
    assert find_leftovers() == []


def test_a_recording_is_found_without_the_journal_and_after_its_folder_was_moved(
    tmp_path: Path,
) -> None:
    (tmp_path / "disk").mkdir()
    record_and_be_killed(tmp_path / "disk" / "talk.mkv")
    (tmp_path / "disk").rename(tmp_path / "elsewhere")
    assert find_leftovers() == []
    assert [each.path for each in find_missing()] == [tmp_path / "disk" / "talk.mkv"]
    (left,) = find_leftovers([tmp_path / "elsewhere"])
    recovered = recover(left)
    assert recovered is not None
    assert recovered[0] == tmp_path / "elsewhere" / "talk (recovered).mkv"


def test_what_still_runs_is_left_alone(tmp_path: Path) -> None:
    writer = begin(tmp_path / "talk.mp4")
    assert find_leftovers([tmp_path]) == []
    writer.close()
    assert os.listdir(tmp_path) == ["talk.mp4"]
    assert list(journal.entries()) == []


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"path": 3, "unfinished": null}', b"\xff"])
def test_a_damaged_journal_is_passed_over(note: bytes) -> None:
    journal.folder().mkdir(parents=True)
    (journal.folder() / "x.json").write_bytes(note)
    assert find_leftovers() == []


def test_nothing_but_a_header_is_removed_and_what_cannot_be_read_is_not(tmp_path: Path) -> None:
    (tmp_path / ".a.123456789.part.mp4").write_bytes(b"")
    (tmp_path / ".b.123456789.part.mp4").write_bytes(bytes(50_000))
    empty, damaged = find_leftovers([tmp_path])
    assert recover(empty) is None
    with pytest.raises(SinkError, match="cannot be read as a video"):
        recover(damaged)
    assert os.listdir(tmp_path) == [".b.123456789.part.mp4"]


# --- names that are taken


def test_a_folder_under_the_name_costs_nothing(tmp_path: Path) -> None:
    writer = begin(tmp_path / "talk.mp4")
    (tmp_path / "talk.mp4").mkdir()
    with pytest.raises(SinkError) as caught:
        writer.close()
    assert count(tmp_path / "talk (2).mp4") == 40
    assert str(tmp_path / "talk (2).mp4") in str(caught.value)


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    writer = begin(tmp_path / "talk.mp4")
    (tmp_path / "talk.mp4").write_bytes(b"another's")
    with pytest.raises(SinkError, match="another file now has that name"):
        writer.close()
    assert (tmp_path / "talk.mp4").read_bytes() == b"another's"
    assert count(tmp_path / "talk (2).mp4") == 40


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files")
@pytest.mark.parametrize("folder_too", [False, True])
def test_a_file_that_was_removed_is_written_once_more(tmp_path: Path, folder_too: bool) -> None:
    (tmp_path / "in").mkdir()
    writer = begin(tmp_path / "in" / "talk.mp4")
    (unfinished,) = (tmp_path / "in").iterdir()
    unfinished.unlink()
    if folder_too:
        (tmp_path / "in").rmdir()
    writer.close()
    assert count(tmp_path / "in" / "talk.mp4") == 40


def test_an_older_file_is_replaced_only_if_that_is_wished(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"older")
    path.chmod(0o600)
    with pytest.raises(UsageError, match="already exists"):
        VideoWriter(path)
    begin(path, taken=Taken.REPLACE).close()
    assert count(path) == 40
    assert path.stat().st_mode & 0o777 == 0o600, "it is as private as it was"
    begin(path, taken=Taken.NUMBER).close()
    assert count(tmp_path / "talk (2).mp4") == 40
    os.link(path, tmp_path / "same.mp4")
    with pytest.raises(UsageError, match="hard links"):
        VideoWriter(path, taken=Taken.REPLACE)


def test_pictures_of_an_older_run_are_replaced_only_if_that_is_wished(tmp_path: Path) -> None:
    (tmp_path / "000007.png").write_bytes(b"older")
    with pytest.raises(UsageError, match="already contains pictures"):
        open_output(tmp_path, transparent=False)
    open_output(tmp_path, transparent=False, taken=Taken.REPLACE)
    folder = ImageFolder(tmp_path, Taken.NUMBER)
    folder.open(SIZE, RATE)
    folder.send(picture(SIZE))
    assert (tmp_path.with_name(f"{tmp_path.name} (2)") / "000000.png").exists()


# --- links and pipes


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "talk.mp4"
    link.symlink_to(tmp_path / "disk" / "real.mp4")
    begin(link).close()
    assert link.is_symlink()
    assert count(tmp_path / "disk" / "real.mp4") == 40
    write_whole(tmp_path / "talk.mp4", b"x")
    assert link.is_symlink()
    assert (tmp_path / "disk" / "real.mp4").read_bytes() == b"x"
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(UsageError, match="leads to itself"):
        VideoWriter(link)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
@pytest.mark.parametrize("ending", [".mkv", ".mp4", ".webm"])
def test_a_pipe_is_written_to_once_a_program_reads_it(tmp_path: Path, ending: str) -> None:
    pipe = tmp_path / f"pipe{ending}"
    os.mkfifo(pipe)
    writer = VideoWriter(pipe)
    writer.open(SIZE, RATE)
    writer.send(picture(SIZE))  # nobody reads: left out, without waiting
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    time.sleep(0.2)
    for index in range(1, 41):
        writer.send(picture(SIZE, index, media_seconds=index / 30))
    writer.close()
    reader.join(10)
    assert pipe.is_fifo()
    copy = tmp_path / f"copy{ending}"
    copy.write_bytes(read[0])
    assert count(copy) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_that_nobody_reads_or_no_longer_reads_is_an_error(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mkv"
    os.mkfifo(pipe)
    writer = begin(pipe)
    with pytest.raises(SinkError, match="No program reads"):
        writer.close()
    writer.close()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = begin(pipe, 3)
    os.close(reader)
    with pytest.raises(SinkError, match="has ended"):
        send_many(writer)
    writer.abort()
    assert os.listdir(tmp_path) == ["pipe.mkv"]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/zero")
def test_a_device_is_refused_and_the_null_device_is_not(tmp_path: Path) -> None:
    (tmp_path / "zero.mkv").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="is a device"):
        VideoWriter(tmp_path / "zero.mkv")
    (tmp_path / "null.mkv").symlink_to("/dev/null")
    begin(tmp_path / "null.mkv").close()
    assert Path("/dev/null").is_char_device()


# --- dates in names

WHEN = time.struct_time((2026, 3, 9, 8, 5, 7, 0, 68, 0))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("talk %Y-%m-%d %H.%M.%S.mp4", "talk 2026-03-09 08.05.07.mp4"),
        ("%Y%m%d/talk.mkv", "20260309/talk.mkv"),
        ("%F 100%%.mp4", "2026-03-09 100%.mp4"),
        ("shots %H.%M.%S/", "shots 08.05.07/"),
        ("shots/%Y-%m-%d-%06d.png", "shots/2026-03-09-%06d.png"),
        ("shots/%m-%d-%d.png", "shots/03-09-%d.png"),
        ("100%.mp4", None),
        ("100%done.mp4", None),
        ("50% off.mkv", None),
        ("%06d.png", None),
        ("frames/%d.png", None),
    ],
)
def test_dates_in_names(name: str, made: str | None) -> None:
    assert dated(name, WHEN) == (made or name, made is not None)


def test_an_unfinished_file_of_a_process_of_the_same_number_is_kept(tmp_path: Path) -> None:
    older = tmp_path / f".talk.{os.getpid()}.part.mp4"
    older.write_bytes(b"precious")
    unfinished = UnfinishedFile(tmp_path / "talk.mp4", Taken.REFUSE)
    assert unfinished.path != older
    unfinished.discard()
    assert older.read_bytes() == b"precious"
