"""The command as a person meets it: real processes, what they print and how they end."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import av
import pytest

from livematte import __version__

QUICK = ("--no-realtime", "--size", "320x180", "--matte-size", "224")


def start(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    without_display = {
        key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "livematte", *map(str, arguments)],
        env={**without_display, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def livematte(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a run without a display."""
    process = start(*arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_seconds = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_seconds
        time.sleep(0.02)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_help_shows_examples_and_every_part() -> None:
    code, out, err = livematte("--help")
    assert (code, err) == (0, "")
    for expected in ("--camera", "--background", "--virtual-camera", "cameras", "weights", "beach"):
        assert expected in out


def test_a_weak_blur_says_at_the_start_what_may_be_read(tmp_path: Path) -> None:
    film = str(tmp_path / "a.mkv")
    code, _, err = livematte(
        "--demo", "--frames", "2", "--no-preview", "-o", film, *QUICK, "-b", "blur:4", "-b", "blur"
    )
    assert code == 0
    assert "readable" in err
    assert "1/90" in err
    _, _, err = livematte(
        "video", film, "-o", str(tmp_path / "b.mkv"), "-b", "blur:8", "--end", "0.01"
    )
    assert "1/45" in err
    _, _, err = livematte(
        "video", film, "-o", str(tmp_path / "c.mkv"), "-b", "blur", "--end", "0.01"
    )
    assert "readable" not in err


def test_version() -> None:
    assert livematte("--version") == (0, f"livematte {__version__}\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="it takes a shell that can close streams")
@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_it_runs_without_standard_streams(tmp_path: Path, closing: str) -> None:
    path = tmp_path / "demo.mp4"
    arguments = ("-m", "livematte", "--demo", *QUICK, "--no-preview", "--frames", "4", "-o", path)
    command = shlex.join([sys.executable, *map(str, arguments)])
    subprocess.run(["sh", "-c", f"{command} {closing}"], check=True, timeout=60)
    assert count_frames(path) == 4


@pytest.mark.parametrize("command", [("image",), ("video",), ("cameras",), ("weights",)])
def test_a_command_without_arguments_says_what_is_missing(command: tuple[str, ...]) -> None:
    code, out, err = livematte(*command)
    assert code in (0, 1, 2)
    assert "Traceback" not in err
    assert out or err


def test_without_arguments_it_takes_the_first_camera() -> None:
    code, out, err = livematte()
    assert (code, out) == (1, "")
    assert "camera" in err.lower() or "display" in err.lower()  # this has neither


def test_the_demo_to_a_file_is_quiet_and_says_what_it_did(tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    code, out, err = livematte("--demo", *QUICK, "--no-preview", "-o", path, "--frames", "4")
    assert (code, out) == (0, "")
    started, ended = err.splitlines()
    for part in ("320x180", "OpenVINO", "on the CPU, matte at", "green", "demo.mp4"):
        assert part in started
    assert re.search(
        r"4 frames, 0 dropped, [\d.]+ frames/s, latency \d+ ms median, \d+ ms 95th", ended
    )
    assert count_frames(path) == 4


USAGE_ERRORS = {
    "two sources": ("--demo", "--camera", "0"),
    "a size that is none": ("--demo", "--size", "big"),
    "a size for a file": ("--input", "clip.mp4", "--size", "640x480"),
    "an unknown background": ("--demo", "-b", "bleu"),
    "an unknown device": ("--demo", "--device", "tpu"),
    "nowhere to go": ("--demo", "--no-preview"),
    "an ending nobody knows": ("--demo", "--no-preview", "-o", "out.xyz"),
    "no alpha in mp4": ("--demo", "--no-preview", "-b", "transparent", "-o", "out.mp4"),
    "no alpha in calls": ("--demo", "--no-preview", "-b", "transparent", "--virtual-camera"),
    "an output without a name": ("--demo", "--no-preview", "-o", ""),
    "an output given twice": ("--demo", "--no-preview", "-o", "a.mp4", "-o", "./a.mp4"),
    "a camera without a name": ("--camera", ""),
    "a virtual camera without a name": ("--demo", "--no-preview", "--virtual-camera="),
    "a background without a name": ("--demo", "-b", ""),
    "a matte too small": ("--demo", "--matte-size", "100"),
    "an unknown option": ("--demmo",),
}


@pytest.mark.parametrize("arguments", USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_what_cannot_be_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    code, out, err = livematte(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert err


def test_a_file_is_not_replaced_by_what_is_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    assert livematte("--demo", *QUICK, "--no-preview", "-o", path, "--frames", "4")[0] == 0
    before = path.read_bytes()
    code, _, err = livematte("--input", path, "--no-preview", "-o", path)
    assert code == 2
    assert "is read in this run" in err
    assert path.read_bytes() == before


def failures(tmp_path: Path) -> Iterator[tuple[str, tuple[str | Path, ...], str]]:
    """What fails, with which arguments, and what must be said about it."""
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "bad.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    out = ("--no-preview", "-o", tmp_path / "out.mp4")
    demo = ("--demo", *QUICK)
    yield "no such camera", ("--camera", "87", *out), "87"
    yield "no such device", ("--camera", "/dev/video87", *out), "/dev/video87"
    yield "a missing file", ("--input", tmp_path / "none.mp4", *out), "none.mp4"
    yield "an empty file", ("--input", tmp_path / "empty.mp4", *out), "empty.mp4"
    yield "no video file", ("--input", tmp_path / "text.mp4", *out), "text.mp4"
    yield "no display", demo, "--no-preview"
    yield "no virtual camera", (*demo, "--no-preview", "--virtual-camera"), "v4l2loopback"
    yield "no folder", (*demo, "--no-preview", "-o", tmp_path / "none" / "a.mp4"), "none"
    yield "no CUDA", (*demo, "--device", "cuda", *out), "cuda"
    yield "no weights", (*demo, "--weights", "nobody", *out), "nobody"
    yield "bad weights", (*demo, "--weights", tmp_path / "bad.safetensors", *out), "bad.safetensors"
    yield "a bad background", (*demo, "-b", tmp_path / "text.mp4", *out), "text.mp4"


def test_what_fails_is_said_in_two_lines_and_leaves_no_file(tmp_path: Path) -> None:
    for what, arguments, said in failures(tmp_path):
        before = sorted(tmp_path.rglob("*"))
        code, out, err = livematte(*arguments)
        assert (what, code, out) == (what, 1, "")
        assert said in err, what
        assert len(err.splitlines()) == 2, (what, err)
        assert sorted(tmp_path.rglob("*")) == before, what


def test_a_traceback_is_shown_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    code, _, err = livematte("--input", path, "--no-preview", "-o", tmp_path / "a.mp4", "--debug")
    assert code == 1
    assert "Traceback" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_a_second_and_the_file_is_whole(
    tmp_path: Path, number: int
) -> None:
    film, pictures = tmp_path / "demo.mp4", tmp_path / "pictures"
    pictures.mkdir()
    process = start(
        *("--demo", "--size", "320x180", "--matte-size", "224", "--no-preview"),
        *("-o", film, "-o", pictures),
    )
    wait_until(lambda: len(list(pictures.iterdir())) > 2)
    process.send_signal(number)
    signalled = time.monotonic()
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - signalled < 1
    assert process.returncode == 0
    assert "frames/s" in err
    assert count_frames(film) >= 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["demo.mp4", "pictures"]
