"""The help of every command: it fits, is complete, and its examples work as they are."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from livematte.cli.app import app
from livematte.cli.examples import EXAMPLES
from livematte.pipeline.pipeline import Pipeline
from tests.cli.runs import livematte, parsed
from tests.photos.pictures import portrait
from tests.video.clips import write_clip

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> dict[str, Any]:
    """All commands, by what is typed."""
    found: dict[str, Any] = {}

    def add(path: str, command: Any) -> None:
        found[path] = command
        for name, inner in getattr(command, "commands", {}).items():
            add(f"{path} {name}", inner)

    add("livematte", typer.main.get_command(app))
    return found


COMMANDS = commands()


@pytest.mark.parametrize("path", COMMANDS)
def test_it_fits_80_columns_and_is_complete(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    ended = livematte(*path.split()[1:], "--help")
    assert ended.code == 0
    assert max(map(len, ended.said.splitlines())) <= 80
    assert "…" not in ended.said
    for option in COMMANDS[path].params:
        if option.param_type_name == "option" and not option.hidden:
            for name in (*option.opts, *option.secondary_opts):
                assert re.search(rf"(?<![\w-]){name}(?![\w-])", ended.said), name
            assert option.help, option.name
    for name in getattr(COMMANDS[path], "commands", {}):
        assert name in ended.said
    for line in EXAMPLES[path]:
        assert f" {line}  #" in ended.said, "an example is broken into two lines"


def test_the_help_says_how_it_ends_and_how_settings_are_undone() -> None:
    said = " ".join(livematte("--help").said.split())
    for words in ("0 done", "1 something failed", "2 a wrong option", "130 image or video"):
        assert words in said
    for words in ("--no-NAME", "the value none", "--config none", "--no-virtual-camera"):
        assert words in said


# --- examples


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the examples name is there, small."""
    folder = tmp_path_factory.mktemp("folder")
    person = np.asarray(cv2.cvtColor(portrait(128), cv2.COLOR_RGB2BGR), np.uint8)
    write_clip(folder / "talk.mp4", [person] * 9, languages=("eng",))
    for name in (
        "photos/a.jpg",
        "photos/more/b.jpg",
        "portrait.jpg",
        "beach.jpg",
        "labelled/x.jpg",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), person)
    alpha = np.full(person.shape[:2], 255, np.uint8)
    cv2.imwrite(str(folder / "labelled" / "x_alpha.png"), alpha)
    (folder / "results").mkdir()
    (folder / "config" / "livematte").mkdir(parents=True)
    (folder / "config" / "livematte" / "config.toml").write_text(
        "no-preview = true\noutput = 'settings.mp4'\n[profiles.talk]\nquality = 'best'\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DISPLAY", raising=False)
        yield


PARSED_ALONE = ("bench", "weights", "cameras", "doctor")
"""These take minutes, go online, or say what is on this computer; each has tests of its own."""

LINES = [(path, line) for path, lines in EXAMPLES.items() for line in lines]


@pytest.mark.parametrize(("path", "line"), LINES, ids=[line for _, line in LINES])
def test_examples(path: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line)
    assert path in line or path == "livematte"
    if words[0] != "livematte" or "|" in words:
        run_in_a_shell(line)
        return
    parsed(*words[1:])
    command = words[1] if len(words) > 1 else ""
    if command in PARSED_ALONE:
        return
    if command not in COMMANDS["livematte"].commands:
        run_live(words[1:], monkeypatch)
        return
    before = set(Path().rglob("*"))
    ended = livematte(*words[1:])
    assert ended.code == 0, ended.said
    made = [each for each in set(Path().rglob("*")) - before if each.is_file()]
    assert made or command == "recover"
    for each in made:
        each.unlink()


def run_live(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the run itself, with the demo for a camera: it would go on for ever."""
    started: list[Pipeline] = []
    monkeypatch.setattr(Pipeline, "run", lambda self: started.append(self))
    monkeypatch.setattr("livematte.sinks.preview.preview.PreviewWindow.open", lambda *_: None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("config").absolute()))
    has_source = {"--demo", "--input"} & {*words}
    ended = livematte(*words, *(() if has_source else ("--demo",)))
    assert ended.code == 0, ended.said
    assert len(started) == 1


def run_in_a_shell(line: str) -> None:
    for word in ("ffprobe", "bash"):
        if word in line and shutil.which(word) is None:
            pytest.skip(f"{word} is not installed")
    program = shlex.join([sys.executable, "-m", "livematte"])
    finished = subprocess.run(
        ["bash", "-c", f'livematte() {{ {program} "$@"; }}\nset -o pipefail\n{line}'],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=90,
    )
    assert finished.returncode == 0, finished.stderr


def lines_of_pages() -> list[str]:
    blocks = [
        block
        for page in PAGES
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("livematte")})


@pytest.mark.parametrize("line", lines_of_pages())
def test_the_commands_of_readme_and_docs_are_understood(line: str) -> None:
    assert parsed(*shlex.split(line)[1:]), line


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_in_the_docs(path: str) -> None:
    docs = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for option in COMMANDS[path].params:
        if option.param_type_name == "option" and not {"--help", "--version"} & {*option.opts}:
            names = (*option.opts, *option.secondary_opts)
            assert option.hidden or any(
                re.search(rf"(?<![\w-]){name}(?![\w-])", docs) for name in names
            ), names
