"""What SECURITY.md says of the network and of files, tried on the whole program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import cv2
import pytest
import torch

from livematte.frame import Size
from livematte.sources import Demo
from tests.network.test_convert import official_checkpoint

ROOT = Path(__file__).resolve().parents[1]

OFFLINE = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind",
                 "socket.sendto", "urllib.Request"):
        os._exit(99)  # whatever else would have been made of an error

sys.addaudithook(watch)
from livematte.cli import main
main()
"""


WENT_ONLINE: Final = 99


def livematte(folder: Path, *arguments: str, umask: int = 0o22) -> None:
    """Run a command that must not go online, nor fail."""
    # CI is where OpenVINO's telemetry keeps quiet of itself.
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    finished = subprocess.run(
        [sys.executable, "-c", OFFLINE, *arguments],
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        umask=umask if sys.platform != "win32" else -1,
    )
    assert finished.returncode != WENT_ONLINE, "it went online"
    assert finished.returncode == 0, finished.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a photo and a short video."""
    with Demo(Size(160, 120), realtime=False) as demo:
        frames = demo.frames()
        images = [next(frames).image.copy() for _ in range(5)]
    cv2.imwrite(str(tmp_path / "photo.png"), images[0])
    video = cv2.VideoWriter(
        str(tmp_path / "talk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120)
    )
    for image in images:
        video.write(image)
    video.release()
    return tmp_path


COMMANDS = {
    "live": [
        "--demo",
        "--no-preview",
        "--frames",
        "3",
        "-o",
        "a.mp4",
        "-o",
        "a.mkv",
        "-o",
        "pngs/",
    ],
    "image": ["image", "photo.png", "--save", "cutout", "--output", "photos", "--zip", "a.zip"],
    "video": ["video", "talk.avi", "--output", "talk.mp4"],
    "doctor": ["doctor"],
    "cameras and help": ["--help"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_goes_online(folder: Path, name: str) -> None:
    livematte(folder, *COMMANDS[name])


def test_going_online_would_be_seen(folder: Path) -> None:
    with pytest.raises(AssertionError, match="it went online"):
        livematte(folder, "weights", "pull", "webcam")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_files_are_written_with_the_umask(folder: Path, umask: int, mode: int) -> None:
    before = set(folder.rglob("*"))
    for name in ("live", "image", "video"):
        livematte(folder, *COMMANDS[name], umask=umask)
    checkpoint = folder / "official.ckpt"
    torch.save(official_checkpoint(), checkpoint)
    before.add(checkpoint)
    livematte(folder, "weights", "convert", checkpoint.name, umask=umask)
    written = [each for each in folder.rglob("*") if each.is_file() and each not in before]
    assert {each.suffix for each in written} == {".mp4", ".mkv", ".png", ".zip", ".safetensors"}
    assert {each.name: oct(each.stat().st_mode & 0o777) for each in written} == {
        each.name: oct(mode) for each in written
    }
