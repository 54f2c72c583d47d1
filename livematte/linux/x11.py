"""What windows need on X11: a server that answers, and OpenCV's Qt prepared for it."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Final

DISPLAY_TIMEOUT_SECONDS: Final = 2.0
"""How long the X server is given to answer; one on this machine needs a millisecond."""

EVENT_LIBRARY: Final = "libX11-xcb.so.1"
"""By which Qt tells Xlib to leave the events to it."""


def display_problem() -> str | None:
    """Why no window can be opened here, as a sentence; None if one can.

    On Linux Qt ends the whole process when it cannot reach the X server, so it is asked first,
    through the library that Qt uses: it knows every form of DISPLAY and the server's passwords.
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
        # Left connected, because a bare X server starts anew when its last client leaves, and Qt
        # would come to it while it does.
        refused = xcb.xcb_connection_has_error(xcb.xcb_connect(None, None)) != 0
        answered.set()

    # In a thread, since a server that hangs would never let go of the one that asks.
    threading.Thread(target=connect, name="display", daemon=True).start()
    if not answered.wait(DISPLAY_TIMEOUT_SECONDS):
        return f"The display {display} does not answer."
    return f"The display {display} cannot be reached." if refused else None


def prepare_qt() -> None:
    """Make windows work with OpenCV's Qt; to be called before the first is opened."""
    # Notes about fonts and plugins do not belong on the terminal.
    os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;*.info=false;*.warning=false")
    if sys.platform == "linux":
        # It knows X11 only; asked for Wayland by the environment, it would end the process.
        os.environ["QT_QPA_PLATFORM"] = "xcb"
        load_event_library()


def load_event_library() -> bool:
    """Load the system's `EVENT_LIBRARY`, and tell whether there is one.

    OpenCV's packages bring a copy of it from an older libX11 than most systems have. Its
    `XSetEventQueueOwner` writes the owner into libX11's private structure at an offset that is now
    another field's (0x40; it is 0x48 in libX11 1.8), so Xlib goes on taking events for itself. With
    those of a window's first appearance among them, it stays blank: one in three on a busy machine.
    Global symbols go before those of a library's own copy, so Qt calls the system's.
    """
    try:
        ctypes.CDLL(EVENT_LIBRARY, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
