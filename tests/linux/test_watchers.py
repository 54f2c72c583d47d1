"""Who has a device open. Any file can stand for it: the kernel tells of both alike."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("inotify and /proc are Linux's", allow_module_level=True)

from livematte.linux import open_files
from livematte.linux import watchers as v4l2_readers
from livematte.linux.open_files import Holders
from livematte.linux.watchers import GLANCE_SECONDS, Readers

MOST_EVENTS = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video9"
    path.touch()
    return path


@contextmanager
def made(device: Path, *, was_held: bool = False) -> Iterator[Readers]:
    readers = Readers(str(device), was_held=was_held)
    try:
        yield readers
    finally:
        readers.close()


@contextmanager
def reading(device: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program has it open."""
    hold = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-S", "-c", hold, str(device)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "open\n"
        yield program
        program.kill()


def are_there(readers: Readers) -> bool:
    """For longer than a glance."""
    readers.are_there()
    time.sleep(GLANCE_SECONDS + 0.05)
    return readers.are_there()


def overflow(device: Path) -> None:
    for _ in range(MOST_EVENTS // 2 + 10):
        device.open().close()


@pytest.fixture
def _nobody_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where others' programs use the device, and this one may not look into them."""
    monkeypatch.setattr(v4l2_readers, "holders", lambda _path: Holders([], is_all=False))


@pytest.fixture
def _all_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where this program may look into every other."""
    look = open_files.holders
    monkeypatch.setattr(v4l2_readers, "holders", lambda path: look(path)._replace(is_all=True))


def test_who_comes_and_goes_is_noticed(device: Path) -> None:
    with made(device) as readers:
        assert not are_there(readers)
        with reading(device):
            assert are_there(readers)
        assert not are_there(readers)


def test_who_was_there_before_counts(device: Path) -> None:
    with reading(device), made(device) as readers:
        assert are_there(readers)
    with made(device) as readers:
        assert not are_there(readers)


def test_two_that_come_at_once_are_two(device: Path) -> None:
    """The kernel makes one event of two that are alike."""
    with made(device) as readers, reading(device):
        with reading(device):
            assert are_there(readers)
        assert are_there(readers), "one of them is still there"


@pytest.mark.usefixtures("_all_can_be_seen")
def test_lost_events_hide_nobody(device: Path) -> None:
    with made(device) as readers:
        with reading(device):
            for _ in range(2):
                overflow(device)
                assert are_there(readers)
        overflow(device)
        assert not are_there(readers)


@pytest.mark.usefixtures("_nobody_can_be_seen")
def test_who_cannot_be_seen_is_told_by_events(device: Path) -> None:
    with made(device) as readers:
        assert not are_there(readers)
        with reading(device):
            assert are_there(readers)
            assert are_there(readers)
        assert not are_there(readers)
        overflow(device)
        assert are_there(readers), "nobody knows, and a dark call is worse"


@pytest.mark.usefixtures("_nobody_can_be_seen")
def test_who_cannot_be_seen_is_known_by_what_the_driver_keeps(device: Path) -> None:
    with ExitStack() as leaving:
        leaving.enter_context(reading(device))
        with made(device, was_held=True) as readers:
            assert are_there(readers)
            leaving.close()
            assert not are_there(readers)


def test_a_device_whose_file_is_made_again_is_watched_again(device: Path) -> None:
    with made(device) as readers:
        assert not are_there(readers)
        device.unlink()
        assert are_there(readers), "nobody knows"
        device.touch()
        assert not are_there(readers)
        with reading(device):
            assert are_there(readers)
        assert not are_there(readers)


def test_it_is_looked_again_without_an_event(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2_readers, "RECOUNT_SECONDS", 0.0)
    with made(device) as readers, reading(device):
        readers._inotify.read(timeout=0)  # lost
        assert are_there(readers)
