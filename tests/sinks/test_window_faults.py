"""A window that dies or stands still, by itself or with its screen: the run goes on without it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import psutil
import pytest

pytestmark = [
    pytest.mark.display,
    pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="Xvfb is for X11"),
]

REPOSITORY: Final = Path(__file__).parents[2]
PATIENCE_SECONDS: Final = 20.0
LONGEST_GAP_SECONDS: Final = 0.5
"""Between two pictures of another output; 33 ms would be none."""

Server = subprocess.Popen[bytes]


class Run:
    """A program with a window, in a group of processes of its own."""

    def __init__(self, display: str, folder: Path, *command: str | Path) -> None:
        environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(REPOSITORY)}
        self.program = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.file = folder / "r.mp4"
        self.processes: list[psutil.Process] = []

    def wait_until_running(self) -> None:
        assert self.program.stdout is not None
        soon, _, _ = select.select([self.program.stdout], [], [], PATIENCE_SECONDS)
        assert soon, "no pictures came"
        assert self.program.stdout.readline() == b"running\n", self.program.communicate()[1]
        self.note_processes()

    def note_processes(self) -> None:
        self.processes = psutil.Process(self.program.pid).children()

    @property
    def window(self) -> psutil.Process:
        (window,) = (each for each in self.processes if "spawn_main" in " ".join(each.cmdline()))
        return window

    def interrupt(self) -> None:
        """What Ctrl-C sends: to all processes of the terminal's group."""
        os.killpg(self.program.pid, signal.SIGINT)

    def end(self) -> tuple[int, float, list[str]]:
        """The exit code, the second output's longest gap, and what was said; nothing is left."""
        output, said = self.program.communicate(timeout=PATIENCE_SECONDS)
        wait_until(lambda: not any(is_alive(each) for each in self.processes))
        return self.program.returncode, float(output or 0), said.decode().splitlines()

    def pictures(self) -> int:
        """How many the recording has; all of them can be read."""
        with av.open(str(self.file)) as container:
            return sum(1 for _ in container.decode(video=0))


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.05)


@pytest.fixture
def start(
    own_display: tuple[str, Server], tmp_path: Path
) -> Iterator[Callable[..., tuple[Run, Server]]]:
    runs: list[Run] = []

    def starting(*command: str | Path) -> tuple[Run, Server]:
        name, server = own_display
        runs.append(Run(name, tmp_path, *(command or ("tests.sinks.preview_run", "r.mp4"))))
        return runs[-1], server

    yield starting
    for run in runs:
        for process in (*run.processes, run.program):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        run.program.communicate()


@pytest.mark.parametrize(
    ("victim", "number", "reason"),
    [
        ("screen", signal.SIGKILL, "cannot be reached"),
        ("window", signal.SIGKILL, "its process got SIGKILL"),
        ("window", signal.SIGABRT, "its process got SIGABRT"),  # as Qt does to its process
    ],
)
def test_what_kills_a_window_kills_nothing_else(
    start: Callable[..., tuple[Run, Server]], victim: str, number: signal.Signals, reason: str
) -> None:
    run, server = start()
    run.wait_until_running()
    (server if victim == "screen" else run.window).send_signal(number)
    time.sleep(0.8)
    run.interrupt()
    code, gap, said = run.end()
    assert code == 1
    assert said[0].startswith("livematte: The preview has ended: ")
    assert reason in said[0]
    assert said[0].endswith("The other outputs continue.")
    assert "--no-preview" in said[-1]
    assert gap < LONGEST_GAP_SECONDS
    assert run.pictures() > 25


def test_a_screen_that_stands_still_stops_the_window_only(
    start: Callable[..., tuple[Run, Server]],
) -> None:
    run, server = start()
    run.wait_until_running()
    for stopped in (server, run.window):
        stopped.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        stopped.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    server.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    asked = time.monotonic()
    run.interrupt()
    code, gap, said = run.end()
    assert time.monotonic() - asked < 2
    assert code == 0
    assert (
        said
        == [
            "livematte: preview has not accepted a picture for 1 seconds. "
            "The other outputs continue.",
            "livematte: preview accepts pictures now.",
        ]
        * 2
    )
    assert gap < LONGEST_GAP_SECONDS
    assert run.pictures() > 80


@pytest.mark.parametrize("stopped", [False, True])
def test_a_window_ends_with_its_program(
    start: Callable[..., tuple[Run, Server]], stopped: bool
) -> None:
    run, server = start()
    run.wait_until_running()
    if stopped:
        server.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
    segments = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    assert not any(str(run.program.pid) in each for each in segments)
    run.program.kill()
    run.program.communicate()
    wait_until(lambda: not any(is_alive(each) for each in run.processes))


def test_a_window_holds_nothing_of_its_program_and_hears_no_signal(
    start: Callable[..., tuple[Run, Server]],
) -> None:
    run, _ = start()
    run.wait_until_running()
    assert not any("r.mp4" in each.path for each in run.window.open_files())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run.window.send_signal(number)
    time.sleep(0.3)
    assert is_alive(run.window)
    os.killpg(run.program.pid, signal.SIGTERM)  # what timeout(1) and systemd do
    code, _, said = run.end()
    assert (code, said) == (0, [])


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "cannot be reached."), (signal.SIGSTOP, "The window does not respond.")],
)
def test_photos_are_matted_whatever_becomes_of_the_window(
    start: Callable[..., tuple[Run, Server]], tmp_path: Path, number: signal.Signals, reason: str
) -> None:
    names = [f"{number}.png" for number in range(12)]
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.full((60, 80, 3), (0, 200, 0), np.uint8))
    run, server = start(
        *("livematte", "image", *names, "--show", "--matte-size", "224", "--output", "out")
    )
    out = tmp_path / "out"
    wait_until(lambda: out.is_dir() and len(list(out.iterdir())) > 2)
    run.note_processes()
    server.send_signal(number)
    code, _, said = run.end()
    assert code == 1
    assert {each.name for each in out.iterdir()} == set(names)
    assert f"{reason} The results are written all the same." in " ".join(said)
