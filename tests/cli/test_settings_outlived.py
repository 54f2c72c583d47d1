"""A settings file that is wrong in any way stops only what needs it, and is explained."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from livematte import __version__
from livematte.errors import UsageError
from livematte.options.settings_file import read
from tests.cli.runs import livematte, parsed

WRONG = {
    "an unknown key": ("frames = 1\nfames = 3", "fames is not an option", "line 2"),
    "a key of a command": ("start = 3", "start is not an option", "start under [video]"),
    "a key with an underscore": ("no_preview = true", "no_preview is", "Did you mean no-preview?"),
    "a key with dashes": ("'--quality' = 'best'", "--quality is", "Did you mean quality?"),
    "a key in a table": ("[video]\n\n[image]\nrecursiv = true", "image.recursiv", "line 4"),
    "a key of a profile": ("frames = 5\n[profiles.talk]\nfames = 3", "fames", "line 3"),
    "a value of a profile": (
        "quality = 'best'\n[profiles.talk]\nquality = 'bset'",
        "quality: Quality 'bset' is not known. Did you mean best?",
        "line 3",
    ),
    "a table unknown": ("[vidoe]\nstart = 1", "vidoe", "Did you mean video?"),
    "a key after a dot": ("video.strat = 1", "video.strat", "Did you mean start?"),
    "a word": ("\n\nquality = 'goo'", "quality: Quality 'goo' is not known", "line 3"),
    "a number": ("fps = 5000", "fps: 5000 is not a number from 1 to 1000", "line 1"),
    "a fraction": ("frames = 1.5", "frames: 1.5 is not a whole number of at least 1", "line 1"),
    "a text for a number": ("fps = 'fast'", "fps: 'fast' is not a number", "line 1"),
    "a text for a switch": ("demo = 'yes'", "demo takes true or false", "It is 'yes' now"),
    "a switch for a text": ("quality = true", "quality takes a value", "It is true now"),
    "a time": ("[video]\nstart = '1:99'", "'1:99' is not a time", "line 2"),
    "a size": ("size = 'large'", "Size 'large'", "line 1"),
    "a config in it": ("config = 'a.toml'", "config cannot be set here", "on the command line"),
    "a colour without quotes": ("background = #1e90ff", "not valid TOML", "# begins a comment"),
    "a text without quotes": ("quality = best", "not valid TOML", "Put texts in quotes"),
    "True": ("demo = True", "not valid TOML", "true or false, in small letters"),
    "a colon": ("quality: 'best'", "not valid TOML", "Write = between"),
    "an option as typed": ("--demo", "not valid TOML", "without the dashes"),
    "a path of Windows": ('background = "C:\\Users\\me.png"', "not valid TOML", "single quotes"),
    "UTF-16": ("demo = true".encode("utf-16"), "it seems to be UTF-16", "Save it as UTF-8"),
    "UTF-16 unmarked": ("demo = true".encode("utf-16-le"), "seems to be UTF-16", "UTF-8"),
    "UTF-32": ("demo = true".encode("utf-32"), "it seems to be UTF-32", "Save it as UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "not text in UTF-8", "Save it as UTF-8"),
    "Latin-1": ("background = 'é'".encode("latin-1"), "not text in UTF-8", "Save it as UTF-8"),
    "a folder": (None, "it is a folder", "--config none"),
}

THOROUGHLY = [WRONG[each][0] for each in ("an unknown key", "a word", "True", "UTF-16", "a folder")]
"""With these everything is tried that must work all the same."""


def write(path: Path, content: str | bytes | None) -> None:
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(("content", "wrong", "remedy"), WRONG.values(), ids=WRONG)
def test_what_needs_it_is_stopped_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | bytes | None,
    wrong: str,
    remedy: str,
) -> None:
    monkeypatch.setattr("livematte.doctor.examination.CHECKS", ())
    monkeypatch.setattr("livematte.sources.list_cameras", list)
    path = tmp_path / "config.toml"
    write(path, content)
    file: tuple[str, ...] = ("--config", str(path))
    if isinstance(content, str) and "profiles" in content:
        file += ("--profile", "talk")
    for needing in ((), ("video", "a.mp4"), ("video", "a.mp4", "-o", "b.mp4")):
        ended = livematte(*file, *needing)
        assert ended.code == 2, (needing, ended.said)
        assert wrong in ended.said, (needing, ended.said)
        assert remedy in ended.said, (needing, ended.said)
        assert str(path) in ended.said
        assert len(ended.said.splitlines()) == 2
    if content not in THOROUGHLY:
        assert livematte(*file, "--version").code == 0
        assert wrong in livematte(*file, "doctor").said
        return
    assert livematte(*file, "--version") == (0, f"livematte {__version__}\n")
    for asking in (("--help",), ("video", "--help"), ("bench", "quality", "-h")):
        ended = livematte(*file, *asking)
        assert ended.code == 0
        assert "Usage: livematte" in ended.said
        assert wrong not in ended.said
    ended = livematte(*file, "cameras")
    assert ended.code == 1
    assert wrong in ended.said
    assert "No camera was found" in ended.said
    ended = livematte(*file, "doctor", "--json")
    assert ended.code == 0
    (finding,) = json.loads(ended.said)["findings"]
    assert finding["check"] == "settings"
    assert finding["status"] == "problem"
    assert wrong in finding["text"]
    assert remedy in finding["text"] + finding["fix"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n# nothing\n",
        b"\xef\xbb\xbf\tdemo = true\r\n\r\n[video]\r\n\tstart\t=\t1.5\r\n",
        b"\xef\xbb\xbf",
        b"demo=true\n[video]\nstart = 00:01:05\n",
        b"[profiles]\n",
        b"demo = true # \xc3\xa9\n",
    ],
)
def test_what_is_fine_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr("livematte.doctor.examination.CHECKS", ())
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    assert parsed("--config", str(path))["demo"] is (b"demo" in content)
    start = parsed("--config", str(path), "video", "a.mp4", "-o", "b.mp4")["start"]
    assert start in (None, "1.5", "00:01:05")
    assert "ok" in livematte("--config", str(path), "doctor").said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_one_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("demo = true")
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        with pytest.raises(UsageError) as raised:
            read(path, None)
    finally:
        if is_root:
            os.seteuid(0)
    assert raised.value.problem == f"{path} cannot be read: Permission denied."
    assert "Allow yourself to read it" in raised.value.remedy


def test_a_name_of_both_an_option_and_a_command(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("weights = 'webcam'\n")
    assert parsed("--config", str(path))["weights"] == "webcam"
    assert "pull" in livematte("--config", str(path), "weights", "--help").said
    assert "no weights called x" in livematte("--config", str(path), "weights", "pull", "x").said
