"""The direction of imports, and the check of it on a tree with a known fault of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).resolve().parents[1] / "scripts" / "imports"

CLEAN: Final = {
    "__init__.py": "def __getattr__(name):\n    from livematte.matter import Matter\n",
    "errors.py": "",
    "frame.py": "import numpy\nfrom livematte.errors import LivematteError\n",
    "matter.py": "import livematte.render.still as still\nfrom . import frame\n",
    "media/__init__.py": "",
    "media/names.py": "from ..frame import Frame\n",
    "render/__init__.py": "from livematte.render.still import Still\n",
    "render/still.py": "from livematte.media import names\n",
    "bench/report.py": "",
    "cli/__init__.py": "from livematte import __version__\nfrom livematte.render import Still\n",
}
NOTHING: Final = {
    "cycles of files": "0",
    "cycles of rooms": "0",
    "imports against the order": "0",
    "files in the root that belong in a room": "0",
    "rooms without a place in the order": "0",
}


def check(*arguments: str) -> tuple[int, str, dict[str, str]]:
    finished = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )
    assert not finished.stderr
    lines = [each for each in finished.stdout.splitlines() if not each.startswith(" ")]
    return finished.returncode, finished.stdout, dict(each.split(": ") for each in lines)


def test_livematte_s_imports_go_one_way() -> None:
    code, said, counts = check()
    assert (code, counts) == (0, NOTHING), said


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ("errors.py", "", {}),
        (
            "media/names.py",
            "def late():\n    from livematte.render.still import Still\n",
            {"cycles of files": "1", "cycles of rooms": "1", "imports against the order": "1"},
        ),
        (
            "media/names.py",
            "import importlib\nimportlib.import_module('livematte.render.still')\n",
            {"cycles of files": "1", "cycles of rooms": "1", "imports against the order": "1"},
        ),
        (
            "media/more.py",
            "from ..cli import app\n",
            {"cycles of rooms": "2", "imports against the order": "1"},
        ),
        (
            "errors.py",
            "import livematte.bench.report\n",
            {"imports against the order": "1"},
        ),
        (
            "errors.py",
            "import typing\nif typing.TYPE_CHECKING:\n    from livematte import frame\n",
            {
                "cycles of files": "0 and 1 (under TYPE_CHECKING)",
                "cycles of rooms": "0 and 1 (under TYPE_CHECKING)",
                "imports against the order": "0 and 1 (under TYPE_CHECKING)",
            },
        ),
        ("render/still.py", "import livematte.render\n", {"cycles of files": "1"}),
        ("helpers.py", "", {"files in the root that belong in a room": "1"}),
        ("misc/__init__.py", "", {"rooms without a place in the order": "1"}),
    ],
)
def test_each_fault_is_found(
    tmp_path: Path, path: str, code: str, expected: dict[str, str]
) -> None:
    for name, content in (*CLEAN.items(), (path, CLEAN.get(path, "") + code)):
        file = tmp_path / "livematte" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    ended, said, counts = check(str(tmp_path / "livematte"))
    assert counts == {**NOTHING, **expected}, said
    assert ended == (1 if expected else 0)
