from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from livematte.doctor import packages
from livematte.doctor.finding import Status

REQUIRES = [
    "opencv-python>=4.12",
    "numpy>=1.26",
    "torch<2.14,>=2.6",
    "cv2-enumerate-cameras>=1.1; sys_platform == 'no such system'",
    "pytest>=8; extra == 'test'",
]


def versions(**installed: str) -> Callable[[str], str]:
    def version(package: str) -> str:
        try:
            return installed[package.replace("-", "_")]
        except KeyError:
            raise metadata.PackageNotFoundError(package) from None

    return version


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are quoted otherwise")


@pytest.fixture(autouse=True)
def _requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: REQUIRES)


def test_what_is_met_is_ok_and_other_systems_and_extras_are_not_asked_for() -> None:
    (finding,) = packages.check_packages(
        versions(opencv_python="5.0", numpy="2.0", torch="2.13.0+cpu")
    )
    assert (finding.status, finding.text) == (
        Status.OK,
        "opencv-python 5.0, numpy 2.0, torch 2.13.0+cpu",
    )


def test_all_that_is_unmet_is_mended_by_one_command() -> None:
    (finding,) = packages.check_packages(versions(opencv_python="5.0", torch="2.14.1"))
    assert finding.status is Status.PROBLEM
    assert "numpy is not installed" in finding.text
    assert "torch is 2.14.1 instead of <2.14,>=2.6" in finding.text
    assert finding.command == f"{sys.executable} -m pip install 'numpy>=1.26' 'torch<2.14,>=2.6'"


def test_two_opencvs_that_overwrite_each_other() -> None:
    good, bad = packages.check_packages(
        versions(opencv_python="5.0", numpy="2.0", torch="2.6", opencv_python_headless="5.0")
    )
    assert (good.status, bad.status) == (Status.OK, Status.PROBLEM)
    assert "opencv-python-headless and opencv-python overwrite" in bad.text
    removing, installing = bad.command.split(" && ")
    assert removing.endswith("pip uninstall --yes opencv-python-headless")
    assert installing.endswith("pip install --force-reinstall --no-deps 'opencv-python>=4.12'")


def test_what_can_be_loaded() -> None:
    (finding,) = packages.check_loading({"numpy": "numpy", "not-installed": "nothing"})
    assert (finding.status, finding.text) == (Status.OK, "numpy can be loaded")


@pytest.mark.parametrize(
    ("package", "module", "reason", "command"),
    [
        (
            "opencv-python",
            "raise ImportError('libGL.so.1: cannot open shared object file: No such file')",
            "libGL.so.1",
            "sudo apt install libgl1",
        ),
        (
            "opencv-python",
            "raise AttributeError('no such name')",
            "no such name",
            "pip install --force-reinstall --no-deps 'opencv-python>=4.12'",
        ),
        ("numpy", "import os; os.abort()", "Python exited with code -6", "--no-deps 'numpy>=1.26'"),
        ("torch", "raise OSError('DLL load failed')", "DLL", "Microsoft.VCRedist.2015+.x64"),
    ],
)
def test_what_is_there_and_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    package: str,
    module: str,
    reason: str,
    command: str,
) -> None:
    (tmp_path / "broken_module.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding, rest = packages.check_loading({package: "broken_module", "rich": "rich"})
    assert rest.text == "rich can be loaded"
    assert finding.status is Status.PROBLEM
    assert reason in finding.text
    assert command in finding.command


def test_livematte_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(package: str) -> None:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "requires", fail)
    monkeypatch.setattr(metadata, "metadata", fail)
    (finding,) = packages.check_packages()
    assert finding.command.endswith("-m pip install .")
    (finding,) = packages.check_python()
    assert finding.status is Status.NOTE


@pytest.mark.parametrize(("python", "status"), [("3.9.18", Status.PROBLEM), ("3.13.0", Status.OK)])
def test_python(python: str, status: Status) -> None:
    (finding,) = packages.check_python(python)
    assert finding.status is status
