"""The settings file, by itself and as the command line takes it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte.errors import UsageError
from livematte.options import settings_file as settings

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ROOT / "examples" / "livematte.service"

TEXT = """
background = ["beach.png", "navy"]
no-preview = true
matte-size = 224
output = "~/talk.mp4"

[video]
matte-quality = "best"

[profiles.short]
demo = true
frames = 2
output = "short.mp4"

[profiles.short.video]
start = 1.5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    cv2.imwrite(str(tmp_path / "beach.png"), np.full((90, 160, 3), (200, 180, 60), np.uint8))
    return path


def livematte(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "livematte", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_profile_goes_over_what_is_for_all(file: Path) -> None:
    path, for_all = settings.read(file, None)
    assert path == file
    assert for_all["matte-size"] == 224
    assert "demo" not in for_all
    _, short = settings.read(file, "short")
    assert short["demo"] is True
    assert short["matte-size"] == 224
    assert short["video"] == {"matte-quality": "best", "start": 1.5}


def test_paths_are_relative_to_the_file_and_names_stay_names(file: Path) -> None:
    _, found = settings.read(file, None)
    assert found["background"] == [str(file.parent / "beach.png"), "navy"]
    assert found["output"] == str(Path.home() / "talk.mp4")
    assert settings.read(file, "short")[1]["output"] == str(file.parent / "short.mp4")


def test_no_file_is_needed_unless_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "usual_path", lambda: tmp_path / "none.toml")
    assert settings.read(None, None)[1] == {}
    with pytest.raises(UsageError, match="no settings file"):
        settings.read(None, "short")
    with pytest.raises(UsageError, match="no settings file"):
        settings.read(tmp_path / "none.toml", None)


def test_a_profile_that_is_not_there_is_named_with_those_that_are(file: Path) -> None:
    with pytest.raises(UsageError, match="no profile 'shirt' \\(found: short\\)"):
        settings.read(file, "shirt")


def test_the_command_line_goes_over_the_file(file: Path) -> None:
    finished = livematte("--config", file, "--profile", "short", "-b", "red", "--frames", "3")
    assert finished.returncode == 0, finished.stderr
    assert "matte at 384x224" in finished.stderr
    assert "→ red →" in finished.stderr
    assert "3 frames" in finished.stderr
    assert (file.parent / "short.mp4").exists()


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("fames = 3", [], "config.toml: fames is not an option.\nDid you mean frames?"),
        ("frames = 0", [], "config.toml: frames: "),
        ("frames = 2.5", [], "config.toml: frames: "),
        ("no-preview = 'yes'", [], "config.toml: no-preview takes true or false."),
        ("quality = true", [], "config.toml: quality takes a value, not true or false."),
        ("frames = [1, 2]", [], "config.toml: frames takes one value."),
        ("background = 'no such colour'", [], "no such colour"),
        ("size = 'large'", [], "Size 'large' is not of the form WIDTHxHEIGHT."),
        ("frames = ", [], "config.toml is not valid TOML: "),
        ("profiles = 3", [], "config.toml: profiles are tables"),
        ("[video]\nstart = 'soon'", ["video", "a.mp4", "-o", "b.mp4"], "config.toml: video.start:"),
        ("[video]\nmatte-quality = 'goo'", ["video", "a.mp4", "-o", "b.mp4"], "Quality 'goo'"),
        ("[vidio]\nstart = 3", [], "vidio is not an option.\nDid you mean video?"),
    ],
)
def test_mistakes_are_told_as_those_of_the_command_line_are(
    tmp_path: Path, text: str, arguments: list[str], said: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    finished = livematte(
        "--config", file, *(arguments or ["--demo", "--no-preview", "-o", "a.mp4"])
    )
    assert finished.returncode == 2, finished.stderr
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP here")
def test_a_hangup_reads_the_backgrounds_again(file: Path, tmp_path: Path) -> None:
    """Those of the settings; while they cannot be read, the old ones stay."""
    file.write_text(file.read_text().replace("frames = 2", "no-realtime = true"))
    errors = tmp_path / "errors.txt"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "livematte", "--config", file, "--profile", "short"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stderr=log,
        )
        wait_for(errors, "→ beach.png, navy →", process)
        (tmp_path / "beach.png").write_text("no picture")
        process.send_signal(signal.SIGHUP)
        wait_for(errors, "The backgrounds stay as they were.", process)
        good = file.read_text()
        for bad, said in (
            (good.replace('["beach.png", "navy"]', "3"), "'3'"),
            (good.replace('["beach.png", "navy"]', "[[1], {a = 2}]"), "takes texts or numbers"),
            ("a" + ".a" * 20_000 + " = 1", "nested too deeply"),
        ):
            file.write_text(bad)
            process.send_signal(signal.SIGHUP)
            wait_for(errors, said, process)
        file.write_text(good.replace('"beach.png", "navy"', '"lime"'))
        process.send_signal(signal.SIGHUP)
        wait_for(errors, "backgrounds read again: lime", process)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    capture = cv2.VideoCapture(str(tmp_path / "short.mp4"))
    corners = []
    while (read := capture.read())[0]:
        corners.append(read[1][4, 4].tolist())
    np.testing.assert_allclose(corners[0], (200, 180, 60), atol=8)
    np.testing.assert_allclose(corners[-1], (0, 255, 0), atol=8)


def wait_for(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while text not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(log.read_text())
        time.sleep(0.05)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_the_example_of_a_service_is_one(tmp_path: Path) -> None:
    program = tmp_path / "livematte"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "livematte.service"
    unit.write_text(SERVICE.read_text().replace("%h/.local/bin/livematte", str(program)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--user", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_options_of_the_service_are_those_of_livematte() -> None:
    (command,) = (
        line.split()[1:] for line in SERVICE.read_text().splitlines() if "ExecStart=" in line
    )
    finished = livematte(*command, "--camera", "/dev/video87", "-b", "nothing at all")
    assert finished.returncode == 2
    assert "nothing at all" in finished.stderr
