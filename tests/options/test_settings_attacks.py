"""Settings files that are no such thing: each is refused at once, in a sentence."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import typer

from livematte.backgrounds.parse import parse
from livematte.cli.app import app
from livematte.cli.config import defaults
from livematte.errors import UsageError

COMMAND = typer.main.get_command(app)
SOON_SECONDS = 2.0

REFUSED = {
    "20,000 dots": (b"a" + b".a" * 20_000 + b" = 1", "nested too deeply"),
    "20,000 dots in a header": (b"[a" + b".a" * 20_000 + b"]", "nested too deeply"),
    "keys in tables in keys": (b"video." + b"a." * 300 + b"a = 1", "nested too deeply"),
    "open brackets": (b"background = " + b"[" * 30_000, "nested too deeply"),
    "brackets": (b"background = " + b"[" * 900 + b"]" * 900, "nested too deeply"),
    "inline tables": (b"a = " + b"{a = " * 5_000 + b"1" + b"}" * 5_000, "nested too deeply"),
    "a number of many digits": (b"frames = " + b"9" * 5_000, "too many digits"),
    "the same in hexadecimal": (b"frames = 0x" + b"f" * 5_000, "too many digits"),
    "a number that is none": (b"fps = nan", "fps: "),
    "a number without end": (b"stall-after = inf", "stall-after: "),
    "NUL": (b"frames\0 = 1", "not text in UTF-8"),
    "UTF-16": ("frames = 1".encode("utf-16"), "not text in UTF-8"),
    "Latin-1": ("background = 'café.png'".encode("latin-1"), "not text in UTF-8"),
    "a key twice": (b"frames = 1\nframes = 2", "not valid TOML"),
    "a table for a text": (b"background = [{ a = 1 }]", "takes texts or numbers"),
    "a list in a list": (b"output = [['a.mp4']]", "takes texts or numbers"),
    "true in a list": (b"background = ['navy', true]", "not true or false"),
    "a value for a table": (b"video = 3", "Begin it with [video]"),
    "tables for a table": (b"[[video]]\nstart = 1", "Begin it with [video]"),
    "megabytes": (b"#" * (1 << 21), "larger than 64 KiB"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_person_writes_is_refused_at_once(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    refuse(path, said)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path, said = tmp_path / "config.toml", "not a regular file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
        said = "folder"
    else:
        path.symlink_to(path)
        said = "symbolic links"
    refuse(path, said)


def refuse(path: Path, said: str) -> None:
    began_seconds = time.monotonic()
    with pytest.raises(UsageError) as caught:
        defaults(COMMAND, path, None)
    assert time.monotonic() - began_seconds < SOON_SECONDS
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffbackground = 'navy'",
        "background = 'navy'\r\n",
        "background = '~nobody-of-this-name/a.png'",
        f"background = '{'x' * 5000}'",
        'background = "a\\u0000b"',
        "background = 1979-05-27",
        "frames = 18446744073709551616",
    ],
)
def test_what_is_unusual_is_read(tmp_path: Path, text: str) -> None:
    """And judged like the same on the command line."""
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    assert defaults(COMMAND, path, None)


def test_a_home_that_nobody_can_have_is_part_of_a_name(tmp_path: Path) -> None:
    """Of a user whose name has a NUL the system cannot even be asked."""
    path = tmp_path / "config.toml"
    path.write_text('background = "~\\u0000x.jpg"\n')
    assert defaults(COMMAND, path, None)["background"] == ["~\0x.jpg"]
    with pytest.raises(UsageError, match="neither a colour nor a file"):
        parse("~\0x.jpg")
