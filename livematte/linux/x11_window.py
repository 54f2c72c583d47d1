"""The window of this process on X11, for what OpenCV does not report: above all, its keys.

OpenCV's Qt reports one key per call, letters always in lower case, and nothing for the letters of a
Cyrillic or Greek layout. So this asks the X server on its own connection: any number of connections
can receive a window's keys.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from livematte.frame import Size

KEY_PRESS, KEY_RELEASE, FOCUS_OUT = 2, 3, 10
EVENT_MASK: Final = 1 << 0 | 1 << 1 | 1 << 21
"""Keys pressed, keys released, changes of the focus."""

SHIFT, CAPS_LOCK = 1 << 0, 1 << 1
SHORTCUTS: Final = 1 << 2 | 1 << 3 | 1 << 6
"""Ctrl, Alt and the logo key: shortcuts with them are not for livematte."""

GROUPS: Final = 4
"""How many keyboard layouts a person can switch between."""

MODIFIER_KEYSYMS: Final = (range(0xFE01, 0xFE10), range(0xFF7E, 0xFF80), range(0xFFE1, 0xFFEF))
FUNCTION_KEYSYMS: Final = {0xFFBE - 1 + number: f"F{number}" for number in range(1, 13)}


class Press(NamedTuple):
    """A key that was pressed.

    characters: its meanings: first what was typed, then the same key with and without Shift, then
        on the person's other layouts; all in ASCII, or "F1" to "F12".
    is_repeated: the key is held down.
    """

    characters: tuple[str, ...]
    is_repeated: bool


class KeyEvent(ctypes.Structure):
    """Xlib's XKeyEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("root", ctypes.c_ulong),
        ("subwindow", ctypes.c_ulong),
        ("time", ctypes.c_ulong),
        ("x", ctypes.c_int),
        ("y", ctypes.c_int),
        ("x_root", ctypes.c_int),
        ("y_root", ctypes.c_int),
        ("state", ctypes.c_uint),
        ("keycode", ctypes.c_uint),
        ("same_screen", ctypes.c_int),
    )


class Event(ctypes.Union):
    """Xlib's XEvent."""

    _fields_ = (("type", ctypes.c_int), ("key", KeyEvent), ("padding", ctypes.c_long * 24))


class X11Window:
    """The only window of this process; for use in one thread."""

    def __init__(self) -> None:
        """Raises `OSError` if there is no Xlib or no display."""
        self._x = x = ctypes.CDLL("libX11.so.6")
        x.XOpenDisplay.restype = ctypes.c_void_p
        for function in (x.XDefaultRootWindow, x.XInternAtom, x.XkbKeycodeToKeysym):
            function.restype = ctypes.c_ulong
        self._on_error = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
            lambda _display, _error: 0  # another program's window has just closed
        )
        # By itself, Xlib would write to the terminal before it ends the process.
        self._on_end = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: os._exit(1))
        x.XSetErrorHandler(self._on_error)
        x.XSetIOErrorHandler(self._on_end)
        opened = x.XOpenDisplay(None)
        if not opened:
            raise OSError("there is no display")
        self._display = ctypes.c_void_p(opened)
        x.XkbSetDetectableAutoRepeat(self._display, 1, None)
        self._window: int | None = None
        self._held: set[int] = set()

    def find(self) -> bool:
        """Whether this process has a window; from then on, `pressed` reports its keys."""
        if self._window is None:
            pid_atom = self._x.XInternAtom(self._display, b"_NET_WM_PID", 0)
            root = self._x.XDefaultRootWindow(self._display)
            self._window = next(
                (each for each in self._below(root) if self._number(each, pid_atom) == os.getpid()),
                None,
            )
            if self._window is not None:
                self._x.XSelectInput(self._display, ctypes.c_ulong(self._window), EVENT_MASK)
        return self._window is not None

    def _below(self, window: int) -> Iterator[int]:
        """All windows inside it, level by level."""
        level = [window]
        while level:
            level = [child for each in level for child in self._children(each)]
            yield from level

    def _children(self, window: int) -> list[int]:
        other, count = ctypes.c_ulong(), ctypes.c_uint()
        found = ctypes.POINTER(ctypes.c_ulong)()
        self._x.XQueryTree(
            self._display,
            ctypes.c_ulong(window),
            *(ctypes.byref(each) for each in (other, other, found, count)),
        )
        children = found[: count.value] if found else []
        if found:
            self._x.XFree(found)
        return list(children)

    def unmanaged_screen(self) -> Size | None:
        """The size of the screen, if there is no window manager to make a window fill it."""
        root = self._x.XDefaultRootWindow(self._display)
        manager = self._x.XInternAtom(self._display, b"_NET_SUPPORTING_WM_CHECK", 0)
        if self._number(root, manager) is not None:
            return None
        return Size(
            self._x.XDisplayWidth(self._display, self._x.XDefaultScreen(self._display)),
            self._x.XDisplayHeight(self._display, self._x.XDefaultScreen(self._display)),
        )

    def _number(self, window: int, atom: int) -> int | None:
        """The first number of a property; None if the window has none."""
        kind, after, count = (ctypes.c_ulong() for _ in range(3))
        bits, value = ctypes.c_int(), ctypes.POINTER(ctypes.c_ulong)()
        self._x.XGetWindowProperty(
            *(self._display, ctypes.c_ulong(window), ctypes.c_ulong(atom)),
            *(ctypes.c_long(0), ctypes.c_long(1), 0, ctypes.c_ulong(0)),
            *(ctypes.byref(each) for each in (kind, bits, count, after, value)),
        )
        if not value:
            return None
        number = int(value[0]) if count.value and bits.value == 32 else None
        self._x.XFree(value)
        return number

    def pressed(self) -> Iterator[Press]:
        """The keys that were pressed since the last call; never waits."""
        event = Event()
        while self._x.XPending(self._display):
            self._x.XNextEvent(self._display, ctypes.byref(event))
            if event.type == FOCUS_OUT:
                self._held.clear()
            elif event.type == KEY_RELEASE:
                self._held.discard(event.key.keycode)
            elif event.type == KEY_PRESS:
                is_repeated = event.key.keycode in self._held
                self._held.add(event.key.keycode)
                if (characters := self._characters(event.key)) is not None:
                    yield Press(characters, is_repeated)

    def _characters(self, event: Any) -> tuple[str, ...] | None:
        """The key's characters; None for a modifier or a shortcut."""
        if event.state & SHORTCUTS:
            return None
        event.state &= ~CAPS_LOCK
        keysym = ctypes.c_ulong()
        self._x.XLookupString(ctypes.byref(event), None, 0, ctypes.byref(keysym), None)
        if any(keysym.value in each for each in MODIFIER_KEYSYMS):
            return None
        present, shift = event.state >> 13 & 3, event.state & SHIFT
        groups = (present, *(each for each in range(GROUPS) if each != present))
        keysyms = (
            self._x.XkbKeycodeToKeysym(self._display, ctypes.c_ubyte(event.keycode), group, level)
            for group in groups
            for level in (shift, 1 - shift)
        )
        characters = (character_of(each) for each in (keysym.value, *keysyms))
        return tuple(dict.fromkeys(each for each in characters if each))


def character_of(keysym: int) -> str:
    """The ASCII character of a keysym, including the keypad's; "" if it has none."""
    if keysym in FUNCTION_KEYSYMS:
        return FUNCTION_KEYSYMS[keysym]
    if 0x20 <= keysym <= 0x7E:
        return chr(keysym)
    # The keypad's digits and signs, Tab, Return and Escape are ASCII plus an offset.
    if 0xFFAA <= keysym <= 0xFFB9 or keysym in (0xFF09, 0xFF0D, 0xFF1B, 0xFF8D):
        return chr(keysym & 0x7F)
    if keysym in (0x09, 0x0D, 0x1B):
        return chr(keysym)  # as OpenCV reports them
    return ""
