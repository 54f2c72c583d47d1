"""Checks Python, and the versions of the packages that livematte requires."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Final

from livematte.doctor.finding import Finding, note, ok, pip, problem

_LIVEMATTE: Final = "livematte"

OTHER_OPENCV: Final = (
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
"""They install files of the same names as opencv-python does; the one installed last wins."""


LOADED: Final = {
    "numpy": "numpy",
    "opencv-python": "cv2",
    "av": "av",
    "onnx": "onnx",
    "pillow-heif": "pillow_heif",
    "platformdirs": "platformdirs",
    "pyvirtualcam": "pyvirtualcam",
    "rich": "rich",
    "safetensors": "safetensors",
    "torch": "torch",
    "typer": "typer",
}
"""The module of each package that the command imports when it starts, or that has machine code,
which may not run on this computer. OpenVINO has its own check."""

LOAD_SECONDS: Final = 60.0


def check_python(python: str = platform.python_version()) -> Iterator[Finding]:
    try:
        from packaging.specifiers import SpecifierSet

        needed = metadata.metadata(_LIVEMATTE)["Requires-Python"]
    except ImportError:  # also if livematte's own metadata is missing
        yield note(f"{python}; the version that livematte needs is unknown, see the packages.")
        return
    if SpecifierSet(needed).contains(python, prereleases=True):
        yield ok(f"{python}, {platform.platform()}")
    else:
        yield problem(
            f"Python {python} is not supported: livematte needs {needed}.",
            "Get a supported one from https://python.org, and reinstall livematte with it.",
        )


def reinstall(package: str, *, alone: bool = True) -> str:
    """The command that reinstalls a package, in a version that livematte supports.

    alone: do not touch the packages that it needs.
    """
    from packaging.requirements import Requirement

    requirements = map(Requirement, metadata.requires(_LIVEMATTE) or [])
    wanted = next(
        (f"{each.name}{each.specifier}" for each in requirements if each.name == package), package
    )
    return pip("install", "--force-reinstall", *(["--no-deps"] if alone else []), wanted)


def check_packages(version: Callable[[str], str] = metadata.version) -> Iterator[Finding]:
    """version: gives a package's version; raises `PackageNotFoundError` if it is not installed."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires(_LIVEMATTE) or []
    except metadata.PackageNotFoundError:
        yield problem(
            "livematte is not installed; only its files are here.",
            "Install it from its folder:",
            pip("install", "."),
        )
        return
    requirements = [Requirement(line) for line in lines]
    unmet, found, reasons = [], [], []
    for each in requirements:
        # The packages of an extra have a marker with its name; "" asks for no extra.
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(each.name)
        except metadata.PackageNotFoundError:
            reasons.append(f"{each.name} is not installed")
        else:
            found.append(f"{each.name} {installed}")
            if each.specifier.contains(installed, prereleases=True):
                continue
            reasons.append(f"{each.name} is {installed} instead of {each.specifier}")
        unmet.append(f"{each.name}{each.specifier}")
    if unmet:
        yield problem(f"{'; '.join(reasons)}.", "Install these versions:", pip("install", *unmet))
    else:
        yield ok(", ".join(found))
    yield from _overwritten(version)


def _overwritten(version: Callable[[str], str]) -> Iterator[Finding]:
    others = [each for each in OTHER_OPENCV if _is_installed(each, version)]
    if others:
        yield problem(
            f"{' and '.join(others)} and opencv-python overwrite each other's files.",
            "Keep only opencv-python, which livematte's windows need:",
            f"{pip('uninstall', '--yes', *others)} && {reinstall('opencv-python')}",
        )


def check_loading(modules: Mapping[str, str] = LOADED) -> Iterator[Finding]:
    """Load each module in its own process, because loading it may crash.

    modules: package name to module name; packages that are not installed are skipped.
    """
    loaded = []
    for package, module in modules.items():
        if not _is_installed(package, metadata.version):
            continue
        reason = _loading_problem(module)
        if reason:
            yield _cannot_be_loaded(package, reason)
        else:
            loaded.append(package)
    yield ok(f"{', '.join(loaded)} can be loaded")


def _loading_problem(module: str) -> str:
    """Why it cannot be loaded; "" if it can."""
    code = (
        f"try:\n    import {module}\nexcept Exception as error:\n"
        "    print(type(error).__name__, error)\n    raise SystemExit(1)"
    )
    try:
        loading = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=LOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it takes longer than {LOAD_SECONDS:g} seconds"
    if loading.returncode == 0:
        return ""
    return " ".join(loading.stdout.split()) or f"Python exited with code {loading.returncode}"


def _cannot_be_loaded(package: str, reason: str) -> Finding:
    text = f"{package} is installed but cannot be loaded: {reason}."
    if package == "opencv-python" and "cannot open shared object file" in reason:
        return problem(
            text,
            "On Debian and Ubuntu (elsewhere, install the package that has the library):",
            "sudo apt install libgl1 libglib2.0-0 libxcb1",
        )
    if package == "torch" and "DLL" in reason:
        return problem(
            text,
            "Install Microsoft's Visual C++ runtime:",
            "winget install --id Microsoft.VCRedist.2015+.x64",
        )
    return problem(text, "Reinstall it:", reinstall(package))


def _is_installed(package: str, version: Callable[[str], str]) -> bool:
    try:
        version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
