"""What is printed of a camera's address: nothing that opens the camera."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from livematte.errors import LivematteError, UsageError
from livematte.text.addresses import HIDDEN, hide_passwords, shown_address

SECRET = "hunter2"

ADDRESSES = {
    "rtsp://admin:hunter2@10.0.0.5:554/stream1": "rtsp://***@10.0.0.5:554/...",
    "rtsp://hunter2@cam.local": "rtsp://***@cam.local",
    "rtsp://admin:p@hunter2:x@cam.local/": "rtsp://***@cam.local",
    "rtsp://admin:a/b?hunter2#c@cam.local/x": "rtsp://***@cam.local/...",
    "rtsp://admin:%40hunter2%3A@cam.local/x": "rtsp://***@cam.local/...",
    "rtsp://admin:my hunter2@cam.local/x": "rtsp://***@cam.local/...",
    "rtsp://u:hunter2@[fe80::1%25eth0]:554/x": "rtsp://***@[fe80::1%25eth0]:554/...",
    "http://10.0.0.5/video?token=hunter2": "http://10.0.0.5/...",
    "http://10.0.0.5?hunter2": "http://10.0.0.5/...",
    "http://10.0.0.5/v.cgi?user=a@b.c&pwd=hunter2": "http://***@b.c/...",
    "rtsp://10.0.0.5/user=admin_password=hunter2_channel=1": "rtsp://10.0.0.5/...",
    "rtmp://10.0.0.5/live/hunter2": "rtmp://10.0.0.5/...",
    "rtsps://10.0.0.5:7441/hUnter2aBcD9xYz1": "rtsps://10.0.0.5:7441/...",
    "srt://10.0.0.5:9000;passphrase=hunter2": "srt://10.0.0.5:9000/...",
    "rtsp://admin:hunter2": "rtsp://admin/...",
    "rtsp:/admin:hunter2@cam.local": "rtsp:/***@cam.local",
    "rtsp:admin:hunter2@cam.local": "rtsp:***@cam.local",
    "admin:hunter2@cam.local/x": "admin:***@cam.local/...",
    "//admin:hunter2@cam.local": "//***@cam.local",
}

UNTOUCHED = [
    *("/dev/video2", "/dev/v4l/by-id/usb-a@b", "0", "./a@b"),
    *("rtsp://cam.local:554", "rtsp://10.0.0.5:554/stream1", "http://h/none"),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_of_an_address_scheme_host_and_port_are_shown(address: str) -> None:
    assert shown_address(address) == ADDRESSES[address]


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_has_no_password_is_shown_as_it_is(name: str) -> None:
    assert shown_address(name) == hide_passwords(name) == name


@pytest.mark.parametrize("shown", ADDRESSES.values())
def test_what_is_hidden_may_be_hidden_again(shown: str) -> None:
    assert shown_address(shown) == shown
    assert hide_passwords(f"The stream {shown}, or {shown}.") == f"The stream {shown}, or {shown}."


def test_texts_keep_all_else() -> None:
    text = "No such command 'rtsp://a:hunter2@h/x', see https://obsproject.com/help. a:hunter2@h!"
    expected = "No such command 'rtsp://***@h/...', see https://obsproject.com/help. a:***@h!"
    assert hide_passwords(text) == expected
    for plain in (r"C:\a@b.mp4 is no file.", "/home/me/a:b@c.mp4: 12:30 (x@y)", "0:00 @ 1=2"):
        assert hide_passwords(plain) == plain


def test_no_error_has_a_password_in_it() -> None:
    error = UsageError("Background 'rtsp://a:hunter2@h' is no file.", "Try rtsp://a:hunter2@h/x.")
    assert isinstance(error, LivematteError)
    assert SECRET not in repr(error) + str(error) + error.problem + error.remedy


ADDRESS = "rtsp://admin:hunter2@127.0.0.1:1/hunter2?token=hunter2"

COMMANDS = {
    "stream": ["--camera", ADDRESS],
    "stream, debugging": ["--debug", "--camera", ADDRESS],
    "scheme mistyped": ["--camera", "rtsp:admin:hunter2@127.0.0.1"],
    "scheme left out": ["--camera", "admin:hunter2@127.0.0.1/x"],
    "option left out": [ADDRESS],
    "wrong option": ["--size", ADDRESS, "--camera", ADDRESS],
    "no number": ["--fps", ADDRESS],
    "as a file": ["--debug", "--input", ADDRESS],
    "as a background": ["--demo", "--background", ADDRESS],
    "as an output": ["--demo", "--output", ADDRESS],
    "as a photo": ["image", ADDRESS],
    "as a video": ["video", ADDRESS, "--output", "a.mp4"],
    "in the settings": ["--config", "settings.toml"],
    "in wrong settings": ["--config", "wrong.toml"],
    "in broken settings": ["--config", "broken.toml"],
}

RUN_ALL = """
import sys
from livematte.cli.app import app
for arguments in {commands!r}:
    try:
        app(args=arguments, prog_name="livematte")
    except SystemExit as end:
        assert end.code, "it must fail"
"""


def test_no_command_prints_a_password(tmp_path: Path) -> None:
    """All in one process without its descriptor 2 closed, so that libraries are heard too."""
    (tmp_path / "settings.toml").write_text(f'camera = "{ADDRESS}"\nno-preview = true\n')
    (tmp_path / "wrong.toml").write_text(f'size = "{ADDRESS}"\n')
    (tmp_path / "broken.toml").write_text(f'camera = "{ADDRESS}\n')
    script = RUN_ALL.format(
        commands=[
            ["--no-preview", "--output", "x.mp4", *each] if each[0].startswith("-") else each
            for each in COMMANDS.values()
        ]
    )
    finished = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "COLUMNS": "300",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    printed = finished.stdout + finished.stderr
    assert SECRET not in printed, printed
    assert printed.count(HIDDEN) >= 8
