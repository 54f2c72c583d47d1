"""All checks, in order. A check that fails or hangs does not stop the others."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from livematte.doctor import (
    cameras,
    devices,
    display,
    packages,
    recordings,
    trial,
    virtual_camera,
    weights,
)
from livematte.doctor.finding import Check, Finding, Report, pip, problem

PATIENCE_SECONDS: Final = 90.0
"""No check takes this long unless a driver hangs; loading PyTorch for the first time is slowest."""

INSTALLATION: Final = (
    Check("Python", packages.check_python, essential=True),
    Check("packages", packages.check_packages),
    Check("loading", packages.check_loading),
)
"""These need no package except `packaging`."""

CHECKS: Final = (
    *INSTALLATION,
    Check("weights", weights.check_shipped, essential=True),
    Check("other weights", weights.check_others),
    Check("stored networks", weights.check_stored),
    # macOS asks for permission only in the main thread.
    Check("cameras", cameras.check, in_main_thread=sys.platform == "darwin"),
    Check("virtual camera", virtual_camera.check),
    Check("display", display.check),
    Check("CUDA", devices.check_cuda),
    Check("OpenVINO", devices.check_openvino),
    Check("recordings", recordings.check),
    Check("run", trial.check, essential=True),
)


def examine(
    checks: Sequence[Check] = CHECKS, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[Report]:
    """Run the checks in turn, and yield what each finds. An exception in a check is a finding."""
    for check in checks:
        yield Report(check, _findings(check, patience_seconds))


def _findings(check: Check, patience_seconds: float) -> list[Finding]:
    found: list[Finding] = []

    def work() -> None:
        try:
            found.extend(check.find())
        except Exception as error:
            found.append(_unexpected(error))

    if check.in_main_thread:
        work()
        return found
    # A thread that hangs in a driver cannot be ended, only abandoned.
    thread = threading.Thread(target=work, name=check.name, daemon=True)
    thread.start()
    thread.join(patience_seconds)
    if thread.is_alive():
        return [
            *found,
            problem(
                f"No answer within {patience_seconds:g} seconds: a driver may be stuck.",
                "Restart the computer and try again.",
            ),
        ]
    return found


def _unexpected(error: Exception) -> Finding:
    if isinstance(error, ImportError):
        return problem(
            f"This cannot be checked: {error}.",
            "If the packages check finds no problem, reinstall livematte from its folder:",
            pip("install", "."),
        )
    place = traceback.extract_tb(error.__traceback__)[-1]
    return problem(
        f"This check failed with an unexpected {type(error).__name__} in "
        f"{Path(place.filename).name}, line {place.lineno}: {error}",
        "Please report this line.",
    )
