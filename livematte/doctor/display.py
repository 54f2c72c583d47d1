"""Whether the preview can open its window."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Final

from livematte.doctor.finding import Finding, ok, problem
from livematte.doctor.packages import reinstall

WITHOUT_WINDOW: Final = "livematte --no-preview --virtual-camera"


def check() -> Iterator[Finding]:
    import cv2

    from livematte.linux.x11 import EVENT_LIBRARY, display_problem, load_event_library

    if not cv2.currentUIFramework():
        yield problem(
            "This OpenCV was built without support for windows.",
            "Install the OpenCV that has it:",
            reinstall("opencv-python"),
        )
    unreachable = display_problem()
    if unreachable is None and sys.platform == "linux" and not load_event_library():
        yield problem(
            f"Windows may stay blank: the library {EVENT_LIBRARY} is not installed.",
            "On Debian and Ubuntu:",
            "sudo apt install libx11-xcb1",
        )
    elif unreachable is None:
        yield ok(f"windows with {cv2.currentUIFramework()} {os.environ.get('DISPLAY', '')}".strip())
    elif "libxcb" in unreachable:
        yield problem(unreachable, "On Debian and Ubuntu:", "sudo apt install libxcb1")
    elif os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY"):
        yield problem(
            f"{unreachable} This is Wayland, where livematte's windows need Xwayland.",
            "On Debian and Ubuntu, run this, then log out and in again:",
            "sudo apt install xwayland",
        )
    else:
        yield problem(
            unreachable,
            "Start livematte in a terminal on the computer's own screen, or without a window:",
            WITHOUT_WINDOW,
        )
