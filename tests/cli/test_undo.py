"""Every option of the settings file can be undone on the command line, and the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from livematte.cli.app import app
from livematte.cli.config import NEVER_SET
from livematte.cli.undo import can_be_undone
from tests.cli.runs import livematte, parsed

NEEDED = {"video": ("a.mp4", "-o", "b.mp4"), "image": ("a.jpg",), "quality": (".",)}
"""Arguments without which a command does not start."""

VALUES = {
    "size": "640x480", "fps": "25", "frames": "7", "threads": "2", "start": "1:05", "end": "70",
    "encode_quality": "80", "without": "edges", "save": "cutout", "quality": "best",
    "matte_quality": "best", "device": "torch:cpu", "precision": "int8", "matte_size": "512",
    "input_path": "/a.mp4", "zip_path": "/a.zip", "output": "/out", "weights": "webcam",
    "on_bad_matte": "fail", "image_format": "webp", "virtual_camera": "/dev/video9",
}  # fmt: skip


def options() -> list[Any]:
    """(command, its words, option) of each option that the settings file takes."""
    root: Any = typer.main.get_command(app)
    commands = [("", (), root)] + [
        (name, (name, *NEEDED[name]), root.commands[name]) for name in ("video", "image")
    ]
    return [
        pytest.param(name, words, option, id=f"{name} {option.opts[0]}".strip())
        for name, words, command in commands
        for option in command.params
        if option.param_type_name == "option" and option.opts[0].removeprefix("--") not in NEVER_SET
    ]


def settings(tmp_path: Path, command: str, line: str) -> tuple[str, str]:
    path = tmp_path / "settings.toml"
    path.write_text(f"[{command}]\n{line}\n" if command else f"{line}\n")
    return "--config", str(path)


@pytest.mark.parametrize(("command", "words", "option"), options())
def test_either_goes_over_the_other(
    tmp_path: Path, command: str, words: tuple[str, ...], option: Any
) -> None:
    name = option.opts[0].removeprefix("--")
    key = next((each[2:] for each in option.opts if each.startswith("--")), name)
    if option.is_flag:
        yes, no = f"--{key}", str(option.secondary_opts[0])
        for key_set, is_set, flag in ((key, True, no), (key, False, yes), (no[2:], True, yes)):
            file = settings(tmp_path, command, f"{key_set} = {str(is_set).lower()}")
            is_yes = is_set == (key_set == key)
            assert parsed(*file, *words)[option.name] is is_yes
            into = words[:1] if command else ()
            assert parsed(*file, *into, flag, *words[1:])[option.name] is not is_yes
        return
    value = VALUES.get(option.name, "1")
    file = settings(tmp_path, command, f"{key} = {value!r}")
    found = parsed(*file, *words)[option.name]
    assert found not in (None, [], option.default)
    if not can_be_undone(option):
        return  # its default is a value, to be given
    without = words[:1] if command else ()
    if option.name != "output" or not command:
        for undoing in ((f"--{key}", "none"), (f"--{key}=none",), (f"--no-{key}",)):
            undone = parsed(*file, *without, *undoing, *words[1:])[option.name]
            assert not undone, undoing
    again = parsed(*file, *without, f"--{key}", "none", f"--{key}", value, *words[1:])
    assert again[option.name] == found
    for nothing in ("'none'", "[]") if option.multiple else ("'none'",):
        file = settings(tmp_path, command, f"{key} = {nothing}")
        assert parsed(*file, *words)[option.name] in (None, [], ())


def test_a_profile_goes_over_the_settings_for_all(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        "no-preview = true\nframes = 5\nvirtual-camera = true\noutput = 'a.mp4'\n"
        "[profiles.window]\npreview = true\nframes = 'none'\nvirtual-camera = false\noutput = []\n"
    )
    for_all = parsed("--config", str(path))
    assert (for_all["preview"], for_all["frames"]) == (False, 5)
    assert for_all["virtual_camera"] == "auto"
    assert list(for_all["output"]) == [str(tmp_path / "a.mp4")]
    window = parsed("--config", str(path), "--profile", "window")
    assert (window["preview"], window["frames"], window["virtual_camera"]) == (True, None, None)
    assert not window["output"]
    off = parsed("--config", str(path), "--no-virtual-camera", "--output", "none")
    assert (off["virtual_camera"], off["output"] or []) == (None, [])
    assert parsed("--config", str(path), "--virtual-camera")["virtual_camera"] == "auto"


def test_all_settings_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text("frames = 5\n")
    monkeypatch.setattr("livematte.options.settings_file.usual_path", lambda: path)
    assert parsed()["frames"] == 5
    assert parsed("--config", "none")["frames"] is None
    assert parsed("--no-config")["frames"] is None


def test_the_same_thing_twice_is_refused(tmp_path: Path) -> None:
    file = settings(tmp_path, "", "preview = true\nno-preview = true")
    ended = livematte(*file)
    assert ended.code == 2
    assert "no-preview and preview say the same thing twice" in ended.said
    assert "line 2" in ended.said
