"""What windows need on X11: a server that answers, and OpenCV's Qt set up for it."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Final

DISPLAY_TIMEOUT_SECONDS: Final = 2.0
"""How long to wait for the X server; a local one answers within a millisecond."""

EVENT_LIBRARY: Final = "libX11-xcb.so.1"
"""Qt uses it to make Xlib leave the events to Qt."""


def display_problem() -> str | None:
    """Why no window can be opened here, as a sentence; None if one can.

    On Linux, Qt ends the whole process if it cannot reach the X server. So this tries first, with
    the library that Qt uses, which knows every form of DISPLAY and the server's passwords.
    """
    if sys.platform in ("win32", "darwin"):
        return None
    display = os.environ.get("DISPLAY")
    if not display:
        return "There is no display to open a window on: DISPLAY is not set."
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return "No window can be opened: the library libxcb.so.1 is not installed."
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    refused = False
    answered = threading.Event()

    def connect() -> None:
        nonlocal refused
        # Stays connected, because a bare X server restarts when its last client leaves, and Qt
        # would connect during the restart.
        refused = xcb.xcb_connection_has_error(xcb.xcb_connect(None, None)) != 0
        answered.set()

    # In a thread, because a server that hangs would block the caller forever.
    threading.Thread(target=connect, name="display", daemon=True).start()
    if not answered.wait(DISPLAY_TIMEOUT_SECONDS):
        return f"The display {display} does not answer."
    return f"The display {display} cannot be reached." if refused else None


def prepare_qt() -> None:
    """Make windows work with OpenCV's Qt; call it before opening the first window."""
    # Qt's notes about fonts and plugins do not belong on the terminal.
    os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;*.info=false;*.warning=false")
    if sys.platform == "linux":
        # This Qt supports only X11; if the environment asked for Wayland, it would end the process.
        os.environ["QT_QPA_PLATFORM"] = "xcb"
        load_event_library()


def load_event_library() -> bool:
    """Load the system's `EVENT_LIBRARY`, and return whether there is one.

    OpenCV's packages contain a copy from an older libX11 than most systems have. Its
    `XSetEventQueueOwner` writes the owner into libX11's private structure at an offset that now
    belongs to another field (0x40; it is 0x48 in libX11 1.8), so Xlib keeps taking events. If it
    takes those of a window's first appearance, the window stays blank: one in three on a busy
    machine. Global symbols take precedence over a library's own copy, so Qt calls the system's.
    """
    try:
        ctypes.CDLL(EVENT_LIBRARY, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
