"""`livematte doctor` as a person meets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def doctor(
    *arguments: str, path: Sequence[Path] = (ROOT,), display: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    if display is not None:
        environment["DISPLAY"] = display
    return subprocess.run(
        [sys.executable, "-m", "livematte", "doctor", *arguments],
        cwd=path[0],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def by_check(finished: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The last finding of each check."""
    return {each["check"]: each for each in json.loads(finished.stdout)["findings"]}


def test_it_works_here_without_a_display() -> None:
    finished = doctor("--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    told = json.loads(finished.stdout)
    assert told["works"] is True
    assert all(each["status"] in ("ok", "note", "problem") for each in told["findings"])
    assert all(
        each["fix"] or each["command"] for each in told["findings"] if each["status"] == "problem"
    )
    checks = by_check(finished)
    assert [name for name, each in checks.items() if each["essential"]] == [
        "Python",
        "weights",
        "run",
    ]
    assert checks["run"]["status"] != "problem"
    if sys.platform not in ("win32", "darwin"):
        assert checks["display"]["status"] == "problem"
        assert checks["display"]["command"] == "livematte --no-preview --virtual-camera"


@pytest.mark.display
def test_with_a_display_it_is_ok(display: str) -> None:
    assert by_check(doctor("--json", display=display))["display"]["status"] == "ok"


def test_damaged_weights_stop_it_and_are_told(tmp_path: Path) -> None:
    """In a copy of the program, whose weights are changed by one bit."""
    for each in ("livematte", "weights"):
        shutil.copytree(ROOT / each, tmp_path / each)
    path = tmp_path / "weights" / "modnet_photographic.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    finished = doctor(path=[tmp_path])
    assert finished.returncode == 1
    assert "Traceback" not in finished.stdout + finished.stderr
    line = next(each for each in finished.stdout.splitlines() if str(path) in each)
    assert line == f"problem weights: {path} is not the file that livematte came with."
    assert finished.stdout.endswith("does not work on this computer yet: see the problems above.\n")


def test_what_it_cannot_even_start_without_is_told(tmp_path: Path) -> None:
    (tmp_path / "platformdirs.py").write_text("raise ImportError('platformdirs is broken')")
    finished = doctor(path=[tmp_path, ROOT])
    assert finished.returncode == 1
    said = finished.stderr.splitlines()
    assert said[0] == "livematte: It cannot start: platformdirs is broken."
    place = said.index(
        "platformdirs is installed but cannot be loaded: ImportError platformdirs is broken."
    )
    assert "pip install --force-reinstall --no-deps 'platformdirs>=" in said[place + 2]


def test_what_a_run_cannot_start_without_is_told_by_doctor(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken')")
    finished = doctor(path=[tmp_path, ROOT])
    assert finished.returncode == 1
    assert (
        "numpy is installed but cannot be loaded: ImportError numpy is broken." in finished.stdout
    )
    assert "pip install --force-reinstall --no-deps 'numpy>=" in finished.stdout
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "livematte",
            "--demo",
            "--no-preview",
            "-o",
            str(tmp_path / "a.mp4"),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tmp_path, ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "livematte: It cannot start: numpy is broken.",
        "See what to do about it: livematte doctor",
    ]
