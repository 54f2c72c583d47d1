"""What `import livematte` gives, to people, to type checkers, and how soon."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, get_args

import pytest

import livematte
from livematte import errors
from livematte.options import changes

ROOT: Final = Path(__file__).resolve().parents[1]


def run(*command: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_name_is_there_and_told_of() -> None:
    for name in livematte.__all__:
        assert getattr(livematte, name) is not None
    assert set(livematte.__all__) <= set(dir(livematte))
    assert "TYPE_CHECKING" not in dir(livematte)
    assert sorted(livematte.__all__) == livematte.__all__


def test_all_changes_and_errors_are_among_them() -> None:
    names = set(livematte.__all__)
    assert {each.__name__ for each in get_args(changes.Change)} <= names
    public = {name for name in dir(errors) if name.endswith("Error")}
    assert public - names == {"NoReaderError", "SharedError"}, "those are the command's own"
    assert livematte.UsageError is errors.UsageError


def test_names_for_type_checkers_are_those_for_people() -> None:
    tree = ast.parse(Path(str(livematte.__file__)).read_text())
    imported = {
        each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("livematte.")
        for each in node.names
    }
    assert imported == set(livematte.__all__)


def test_help_shows_them() -> None:
    shown = run("-c", "import livematte; help(livematte)").stdout
    for part in ("class Live(", "process(self", "class Matter(", "cutout(image", "class SetBlur("):
        assert part in shown
    assert "class UsageError(" in shown


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Mater'"):
        _ = livematte.Mater  # type: ignore[attr-defined]


def test_importing_loads_neither_opencv_nor_numpy() -> None:
    script = (
        "import sys, livematte; livematte.SetBlur(30); livematte.UsageError('', '');"
        "livematte.LiveSettings(('blur',));"
        "print(sorted({'cv2', 'numpy', 'openvino', 'torch', 'PIL'} & set(sys.modules)))"
    )
    assert run("-c", script).stdout == "[]\n"


def test_mypy_finds_names_that_are_not_there_and_wrong_options(tmp_path: Path) -> None:
    example = (ROOT / "examples" / "live_frames.py").read_text()
    typos = {
        'background="blur"': 'backgruond="blur"',
        "live.process(frame)": "live.proces(frame)",
        "picture.image": "picture.imagen",
        "import Live, MatteError": "import Live, MateError as MatteError",
    }
    script = "import livematte\n\nlivematte.Mater()\nlivematte.Live(size='1280x720')\n"
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "right.py").write_text(example)
    for number, (right, wrong) in enumerate(typos.items()):
        assert right in example
        (tmp_path / f"typo_{number}.py").write_text(example.replace(right, wrong))
    checked = run("-m", "mypy", "--strict", *sorted(tmp_path.glob("*.py"))).stdout
    found = [line for line in checked.splitlines() if ": error: " in line]
    assert not [line for line in found if "right.py" in line], checked
    for number in range(len(typos)):
        assert [line for line in found if f"typo_{number}.py" in line], checked
    assert [line for line in found if "script.py:3" in line], checked
    assert [line for line in found if "script.py:4" in line], checked


def test_the_command_does_not_wait_for_the_library() -> None:
    script = "import sys, livematte.cli; print('cv2' in sys.modules, 'numpy' in sys.modules)"
    assert run("-c", script).stdout == "False False\n"
