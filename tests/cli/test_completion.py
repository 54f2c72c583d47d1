"""Values complete in the shells that Typer knows, at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from livematte.cli import completion

ROOT = Path(__file__).resolve().parents[2]

SLOW = ("cv2", "numpy", "openvino", "pydantic", "torch", "av", "PIL")
"""Loading any of these would be felt at each Tab."""

RUN = (
    "import sys\nfrom livematte.cli.app import app\n"
    "try:\n    app(prog_name='livematte')\n"
    f"finally:\n    print([each for each in {SLOW} if each in sys.modules], file=sys.stderr)"
)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("beach.jpg", "black.mp4", "blurb.txt", "talk.mov", "net.safetensors"):
        (tmp_path / name).touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "hills.png").touch()
    (tmp_path / "p.toml").write_text("[profiles.talk]\nfps = 25\n[profiles.game]\nfps = 60\n")


def complete(variables: Mapping[str, str]) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert finished.stderr.strip() in ("[]", ""), finished.stderr
    return finished.stdout.split("\n")[:-1] if finished.stdout else []


def in_bash(line: str) -> list[str]:
    words = line.split(" ")
    return complete(
        {
            "_LIVEMATTE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("livematte vid", ["video"]),
        ("livematte --prev", ["--preview"]),
        ("livematte --quality ", ["fast", "balanced", "best"]),
        ("livematte --quality b", ["balanced", "best"]),
        ("livematte --device op", ["openvino:GPU", "openvino:NPU"]),
        ("livematte -b b", ["blur", "black", "beige", "beach.jpg", "black.mp4"]),
        ("livematte -b pictures/", ["pictures/hills.png"]),
        ("livematte --config p.toml --profile ", ["talk", "game"]),
        ("livematte --without ", ["steady", "islands", "edges", "colours"]),
        ("livematte --weights n", ["net.safetensors"]),
        ("livematte video ta", ["talk.mov"]),
        ("livematte video talk.mov --save al", ["alpha"]),
        ("livematte video talk.mov --save alpha,c", ["alpha,composite", "alpha,cutout"]),
        ("livematte video talk.mov --on-bad-matte ", ["background", "fail"]),
        ("livematte image --format ", ["png", "webp", "jpg"]),
        ("livematte bench quality . --precision f", ["fp32", "fp16"]),
        ("livematte weights pull ", ["webcam"]),
    ],
)
def test_bash(line: str, expected: list[str]) -> None:
    assert in_bash(line) == expected


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell", "pwsh"])
def test_other_shells(shell: str) -> None:
    line = "livematte --quality b"
    variables = {"_LIVEMATTE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}
    if shell == "fish":
        variables["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    if shell in ("powershell", "pwsh"):
        variables["_TYPER_COMPLETE_WORD_TO_COMPLETE"] = "b"
    said = "\n".join(complete(variables))
    assert "balanced" in said
    assert "best" in said
    assert "fast" not in said


def test_cameras_have_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in ((0, "Webcam"), (10, "livematte"), (2, "Capture")):
        (tmp_path / "sys" / f"video{number}").mkdir(parents=True)
        (tmp_path / "sys" / f"video{number}" / "name").write_text(f"{name}\n")
    monkeypatch.setattr(completion, "CAMERAS", tmp_path / "sys")
    monkeypatch.setattr(sys, "platform", "linux")
    assert completion.cameras("") == [("0", "Webcam"), ("2", "Capture"), ("10", "livematte")]
    assert completion.cameras("/dev/video1") == [("/dev/video10", "livematte")]
    assert completion.virtual_cameras("/dev/video2") == [("/dev/video2", "Capture")]
    monkeypatch.setattr(completion, "CAMERAS", tmp_path / "none")
    assert completion.cameras("") == []


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_asking_is_quick_too(arguments: tuple[str, ...]) -> None:
    code = f"import sys\nsys.argv = ['livematte', *{arguments!r}]\n" + RUN.replace(
        "app(prog_name", "app(args=sys.argv[1:], prog_name"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert finished.stdout
    assert finished.stderr.strip() == "[]"
