"""What SECURITY.md says of the network and of files, tried on the whole program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import pytest
import torch

from livematte.errors import SourceError, UsageError
from livematte.frame import Size
from livematte.media.video.container import open_video
from livematte.sources import Camera, Demo
from tests.network.test_convert import official_checkpoint

ROOT = Path(__file__).resolve().parents[1]

PROGRAM: Final = "import sys; from livematte.cli import main; main()"


def livematte(
    folder: Path, *arguments: str, umask: int = 0o22, under: Sequence[str] = (), code: int = 0
) -> str:
    """Run a command that must not fail, with another program around it; returns its stderr."""
    # CI is where OpenVINO's telemetry keeps quiet of itself.
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    finished = subprocess.run(
        [*under, sys.executable, "-c", PROGRAM, *arguments],
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        umask=umask if sys.platform != "win32" else -1,
    )
    assert finished.returncode == code, finished.stderr
    return finished.stderr


def internet_calls(folder: Path, *arguments: str, code: int = 0) -> list[str]:
    """What a command asks of the system that has to do with the internet, by whatever library."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed, by which the system's sockets are watched")
    log = folder.parent / "calls.txt"
    watch = ["strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", str(log)]
    livematte(folder, *arguments, under=watch, code=code)
    return [line for line in log.read_text().splitlines() if "AF_INET" in line]


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
    assert internet_calls(folder, *COMMANDS[name]) == []


def test_going_online_would_be_seen(folder: Path) -> None:
    assert internet_calls(folder, "weights", "pull", "webcam", code=1)


ADDRESSES: Final = (
    "http:127.0.0.1:7099",
    "udp:x.mp4",
    "concat:talk.avi",
    "a%d.avi",
    "rtsp:a b.mkv",
)
"""To FFmpeg places on the internet, or more than one file; here each is a file that is there."""


@pytest.mark.skipif(sys.platform == "win32", reason="no file can be called so")
def test_a_file_whose_name_is_an_address_is_a_file(folder: Path) -> None:
    for name in ADDRESSES:
        shutil.copy(folder / "talk.avi", folder / name)
    shutil.copy(folder / "photo.png", folder / "https:photo.png")
    first, *others = ADDRESSES
    live = ["--no-realtime", "--no-preview", "--frames", "3", "--input", first]
    live += [each for name in others for each in ("--background", name)]
    outputs = ("tcp:a.mp4", "http:b.mkv", "c%d.mov", "file:d.webm")
    live += [each for name in outputs for each in ("--output", name)]
    assert internet_calls(folder, *live) == []
    assert all((folder / name).stat().st_size > 500 for name in outputs)
    video = ["video", "udp:x.mp4", "--background", "https:photo.png", "--output", "udp:made.mp4"]
    assert internet_calls(folder, *video) == []
    assert (folder / "udp:made.mp4").exists()
    image = ["image", "https:photo.png", "--background", first, "--save", "composite"]
    assert internet_calls(folder, *image, "--output", "ftp:photos", "--zip", "http:a.zip") == []
    assert (folder / "http:a.zip").exists()


LISTS: Final = {
    "list.m3u8": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:7099/a.ts\n#EXT-X-ENDLIST\n",
    "list.mp4": "ffconcat version 1.0\nfile http://127.0.0.1:7099/a.avi\n",
    "files.mp4": "ffconcat version 1.0\nfile talk.avi\n",
    "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 7098 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_addresses_leads_nowhere(folder: Path, name: str) -> None:
    """In this process, where a connection would be refused with another error."""
    (folder / name).write_text(LISTS[name])
    with pytest.raises(SourceError, match=r"list of other files|Invalid data|not permitted"):
        open_video(folder / name)


def test_a_name_with_a_pattern_means_one_picture(folder: Path) -> None:
    for name in ("a%d.png", "a1.png", "a2.png", "b*.png", "b1.png", "b2.png"):
        shutil.copy(folder / "photo.png", folder / name)
    for name in ("a%d.png", "a1.png", "b*.png"):
        container, stream = open_video(folder / name)
        with container:
            assert len(list(container.decode(stream))) == 1, name


def test_an_address_of_a_camera_that_is_a_file_is_no_stream(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path("rtsp:").mkdir()
    shutil.copy("talk.avi", "rtsp:/talk.avi")
    if sys.platform == "linux":
        with pytest.raises(UsageError, match="is not a camera"), Camera("rtsp://talk.avi"):
            pass
    with pytest.raises(SourceError, match="cannot be opened"), Camera("rtsp://[::1]:1/"):
        pass


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
