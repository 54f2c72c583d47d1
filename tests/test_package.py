"""What an installation holds, tried from another folder than the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from livematte import __version__

ROOT: Final = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from the source distribution as `python -m build` does it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    assert len(list(folder.glob("*.tar.gz"))) == 1
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_all_that_a_run_needs_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "livematte/weights/modnet_photographic.safetensors",
        "livematte/weights/modnet_photographic_int8.xml",
        "livematte/weights/modnet_photographic_int8.bin",
        "livematte/weights/LICENSE",
        "livematte/assets/portrait.webp",
        "livematte/py.typed",
    ):
        assert needed in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    packages = {name.split("/")[0] for name in names}
    assert packages == {"livematte", f"livematte-{__version__}.dist-info"}
    assert not any("make_" in name for name in names)  # programs for those who work on it


def test_installed_it_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--target", str(installed), str(wheel)),
        ],
        check=True,
    )
    # The dependencies are those of this environment; livematte is the installed one.
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    code = "import livematte.cli; print(livematte.__file__); livematte.cli.main()"
    finished = subprocess.run(
        [
            *(sys.executable, "-c", code, "--demo", "--no-realtime", "--size", "320x180"),
            *("--matte-size", "224", "--no-preview", "--output", "demo.mp4", "--frames", "3"),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(str(installed))
    assert (tmp_path / "demo.mp4").stat().st_size > 0
