"""The program as a person uses it: its window, its keys, and how soon it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte.frame import Image

pytestmark = [
    pytest.mark.display,
    pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="Xvfb is for X11"),
]

BLUE, RED = (255, 0, 0), (0, 0, 255)


class Program:
    """livematte with the demo, in front of a blue and a red background."""

    def __init__(self, display: str, folder: Path) -> None:
        self._environment = {**os.environ, "DISPLAY": display}
        self._environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "livematte", "--demo", "--size", "640x360"),
                *("--matte-size", "224", "-b", "blue", "-b", "red"),
            ],
            cwd=folder,
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _run(self, *command: str) -> bytes:
        return subprocess.run(
            command,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        ).stdout

    def press(self, key: str) -> None:
        window = self._run("xdotool", "search", "--name", "^livematte$").decode().split()[-1]
        self._run("xdotool", "windowfocus", window)
        self._run("xdotool", "key", key)

    def screen(self) -> Image:
        encoded = self._run("import", "-window", "root", "png:-")
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return np.asarray(image, np.uint8)

    def wait_until(self, condition: Callable[[Image], bool]) -> bool:
        deadline_seconds = time.monotonic() + 20
        while time.monotonic() < deadline_seconds:
            if condition(self.screen()):
                return True
            time.sleep(0.05)
        return False


@pytest.fixture
def program(display: str, tmp_path: Path) -> Iterator[Program]:
    started = Program(display, tmp_path)
    try:
        assert started.wait_until(lambda screen: share(screen, BLUE) > 0.05 and is_peopled(screen))
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def share(screen: Image, bgr: tuple[int, int, int]) -> float:
    return float((np.abs(screen.astype(int) - bgr).max(axis=2) <= 3).mean())


def is_peopled(screen: Image) -> bool:
    """Whether the orange of the astronaut's suit is seen."""
    blue, green, red = np.moveaxis(screen.astype(int), 2, 0)
    return float(((red > 180) & (green < 120) & (blue < 80) & (green > 40)).mean()) > 0.01


def test_the_person_is_seen_and_keys_are_obeyed(program: Program, tmp_path: Path) -> None:
    program.press("s")
    program.press("b")
    assert program.wait_until(lambda screen: share(screen, RED) > 0.05 and is_peopled(screen))
    assert share(program.screen(), BLUE) < 0.01
    program.press("q")
    pressed = time.monotonic()
    said = program.process.communicate(timeout=10)[1]
    assert time.monotonic() - pressed < 1
    assert program.process.returncode == 0
    started, snapshot, ended = said.splitlines()
    assert "blue, red → preview" in started
    assert "frames/s" in ended
    picture = next(tmp_path.glob("livematte-*.png"))
    assert picture.name in snapshot
    image = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape == (360, 640, 3)


def test_photos_are_compared_in_a_window(display: str, tmp_path: Path) -> None:
    green = np.zeros((120, 160, 3), np.uint8)
    green[:] = (0, 200, 0)
    cv2.imwrite(str(tmp_path / "green.png"), green)
    environment = {**os.environ, "DISPLAY": display}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "livematte", "image", tmp_path / "green.png"),
            *("--show", "--matte-size", "224", "--output", tmp_path / "out"),
        ],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline_seconds = time.monotonic() + 20
        shown = False
        while not shown and time.monotonic() < deadline_seconds:
            time.sleep(0.2)
            encoded = subprocess.run(
                ["import", "-window", "root", "png:-"],
                env=environment,
                capture_output=True,
                check=False,
            ).stdout
            screen = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
            assert screen is not None
            shown = bool((np.abs(screen.astype(int) - (0, 200, 0)).max(axis=2) < 10).sum() > 5000)
        assert shown
        found = subprocess.run(
            ["xdotool", "search", "--name", "^livematte$"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        window = found.stdout.split()[-1]
        subprocess.run(["xdotool", "windowfocus", window], env=environment, check=False)
        subprocess.run(["xdotool", "key", "q"], env=environment, check=False)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 0, err
        assert (tmp_path / "out" / "green.png").exists()
    finally:
        process.kill()
        process.communicate()
