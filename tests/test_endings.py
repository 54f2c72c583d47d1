"""A run whose stderr nobody reads, whose signals come twice, or whose terminal is closed.

In each a second output shows whether pictures went on: PNGs, whose times give the longest gap.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

SMALL = ("--size", "320x180", "--matte-size", "224", "--no-preview")
GAP_SECONDS = 1.0
"""The longest between two pictures, on a busy machine; a jammed loop had none for seconds."""

END_SECONDS = 1.5
"""From a signal to the end; without this much load it is a third of it."""


class Run:
    """`livematte --demo` into a film and a folder of pictures."""

    def __init__(self, folder: Path, stderr: int) -> None:
        self.film, self.pictures = folder / "film.mp4", folder / "pictures"
        self.pictures.mkdir()
        outputs = ("-o", str(self.film), "-o", str(self.pictures))
        command = [sys.executable, "-m", "livematte", "--demo", *SMALL, *outputs]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
        self.wait_for_pictures(3)

    def count(self) -> int:
        return len(list(self.pictures.glob("*.png")))

    def wait_for_pictures(self, more: int) -> None:
        least = self.count() + more
        wait_until(lambda: self.count() >= least)

    def signal(self, *numbers: int, seconds_apart: float = 0.0) -> None:
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(seconds_apart)

    def require_a_good_end(self, what: str, began_seconds: float) -> None:
        try:
            code = self.process.wait(20)
        finally:
            self.process.kill()
        took = time.monotonic() - began_seconds
        times = sorted(each.stat().st_mtime for each in self.pictures.glob("*.png"))
        gap = float(np.diff(times).max())
        films = count_frames(self.film)
        print(f"\n{what}: exit {code} after {took:.2f} s, longest gap {gap:.2f} s, {films} frames")
        assert code == 0
        assert took < END_SECONDS
        assert gap < GAP_SECONDS
        assert films >= len(times) - 2
        assert not list(self.film.parent.glob(".*")), "what is unfinished"


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline_seconds = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_seconds
        time.sleep(0.02)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def full_disk() -> list[int]:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    return [os.open("/dev/full", os.O_WRONLY)]


def reader_gone() -> list[int]:
    reading, writing = os.pipe()
    os.close(reading)
    return [writing]


def reader_stands_still() -> list[int]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return [writing, reading]


@pytest.mark.parametrize(
    ("open_stderr", "numbers", "seconds_apart"),
    [
        (full_disk, (signal.SIGINT,), 0.0),
        (reader_gone, (signal.SIGINT, signal.SIGINT), 0.02),  # as wrappers double Ctrl-C
        (reader_stands_still, (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM), 0.0),
    ],
    ids=["full disk, Ctrl-C", "reader gone, twice", "reader stands still, as services do it"],
)
def test_a_run_goes_on_and_ends_well_whoever_reads_what_it_says(
    tmp_path: Path,
    open_stderr: Callable[[], list[int]],
    numbers: tuple[int, ...],
    seconds_apart: float,
) -> None:
    """And however often it is told to end within a second."""
    descriptors = open_stderr()
    try:
        run = Run(tmp_path, descriptors[0])
        for _ in range(2):  # each is answered by a sentence
            run.signal(signal.SIGHUP)
            run.wait_for_pictures(3)
        began = time.monotonic()
        run.signal(*numbers, seconds_apart=seconds_apart)
        run.require_a_good_end(open_stderr.__name__, began)
    finally:
        for each in descriptors:
            os.close(each)


SLOW = """
import sys, threading, time
from livematte.cli import _end
from livematte.cli.signals import signals
from livematte.cli.streams import take_over_streams
from livematte.cli.terminal import say, stopped_by_signals

class Recording:
    def __init__(self):
        self.asked = threading.Event()
    def stop(self):
        self.asked.set()

stderr = take_over_streams()
signals.catch()
recording = Recording()
with stopped_by_signals(recording):
    say("recording")
    recording.asked.wait()
    say("finishing")
    time.sleep(2.6)  # as a long film takes on a slow disk
    say("finished")
_end(0, stderr)
"""


@pytest.mark.parametrize(
    ("seconds_apart", "code", "last"),
    [((0.05, 1.1), 0, "finished"), ((0.05, 1.1, 1.1), 130, "Still ending")],
    ids=["twice", "three times"],
)
def test_a_file_is_finished_after_a_second_signal_and_left_after_a_third(
    seconds_apart: tuple[float, ...], code: int, last: str
) -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW], stderr=subprocess.PIPE, text=True) as slow:
        assert slow.stderr is not None
        assert "recording" in slow.stderr.readline()
        slow.send_signal(signal.SIGINT)
        for seconds in seconds_apart:
            time.sleep(seconds)
            slow.send_signal(signal.SIGINT)
        said = slow.stderr.read().splitlines()
    assert slow.returncode == code, said
    assert last in said[-1]
    assert sum("Still ending" in each for each in said) == 1


IN_A_TERMINAL = """
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
sys.stdin.read(1)  # while the terminal is open
os.close(terminal)
os.waitpid(pid, 0)
"""


SHELL = ("sh", "-c", '"$@"; true', "-")


def test_a_closed_terminal_ends_a_run_and_kill_does_not(tmp_path: Path) -> None:
    """SIGHUP by `kill` is a reload, in a terminal too."""
    pictures, film = tmp_path / "pictures", tmp_path / "film.mp4"
    pictures.mkdir()
    pid_file = tmp_path / "pid"
    program = f"import os; open({str(pid_file)!r}, 'w').write(str(os.getpid())); \
from livematte.cli import main; main()"
    with subprocess.Popen(
        [
            *(sys.executable, "-c", IN_A_TERMINAL, "-", *SHELL, sys.executable, "-c", program),
            *("--demo", *SMALL, "-o", film, "-o", pictures),
        ],
        stdin=subprocess.PIPE,
    ) as terminal:
        assert terminal.stdin is not None
        wait_until(lambda: len(list(pictures.iterdir())) > 3)
        os.kill(int(pid_file.read_text()), signal.SIGHUP)
        before = len(list(pictures.iterdir()))
        time.sleep(0.5)
        wait_until(lambda: len(list(pictures.iterdir())) > before + 2)
        closed = time.monotonic()
        terminal.stdin.write(b"x")
        terminal.stdin.flush()
        wait_until(film.exists, 10)
    print(f"\nclosed terminal: the film is whole after {time.monotonic() - closed:.2f} s")
    assert time.monotonic() - closed < END_SECONDS
    assert count_frames(film) > before


def test_ctrl_c_ends_the_wait_for_a_camera_that_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/"
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "livematte",
                "--camera",
                address,
                *SMALL,
                "-o",
                tmp_path / "a.mp4",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(20)
        try:
            with silent.accept()[0]:
                time.sleep(0.3)
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    print(f"\na camera that does not answer: ended after {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < END_SECONDS
    assert (process.returncode, said) == (0, "livematte: no frames\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_what_was_asked_for_and_cannot_be_written_is_an_error(argument: str) -> None:
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "livematte", argument],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 1
    assert re.match(r"livematte: .* cannot be written .*: No space left", finished.stderr)
    assert len(finished.stderr.splitlines()) == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_it_speaks_in_every_encoding(encoding: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "livematte", "--help"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "--virtual-camera" in finished.stdout.decode(encoding)
