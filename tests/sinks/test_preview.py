"""The preview in a real window: keys by xdotool, and screenshots, under Xvfb.

A process can be lost to HighGUI, so every window has one of its own.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte.frame import Image
from livematte.linux import x11
from livematte.sinks import display_problem
from livematte.sinks.preview import view as preview_view
from tests.sinks.pictures import GREEN, picture
from tests.sinks.show import GREY, SIZE, TITLE

PERSON = (30, 60, 200)
REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 10.0

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="only X11 displays can be missing"
)


class Window:
    """A preview window in a process of its own, with a person before it."""

    def __init__(self, display: str, folder: Path, scene: str) -> None:
        self.environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(REPOSITORY)}
        # What a desktop may say, and what makes Qt talk or fail if it is believed.
        self.environment |= {"XDG_SESSION_TYPE": "wayland", "QT_QPA_PLATFORM": "wayland"}
        self.environment["XDG_CURRENT_DESKTOP"] = "GNOME"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.sinks.show", scene],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # or select would not see what readline has read ahead
        )
        self.expect("shown")
        self.id = self.run("xdotool", "search", "--name", f"^{TITLE}$").decode().split()[-1]
        self.run("xdotool", "windowfocus", self.id)

    def run(self, *command: str) -> bytes:
        return subprocess.run(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        ).stdout

    def press(self, *keys: str) -> None:
        self.run("xdotool", "key", *keys)

    def click_close(self) -> None:
        """What a window manager sends when the cross in the corner is clicked."""
        close_window(self.environment["DISPLAY"], int(self.id))

    def screenshot(self) -> Image:
        """uint8 BGR of the window's size."""
        encoded = self.run("import", "-window", self.id, "png:-")
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return image.astype(np.uint8, copy=False)

    def shows(self, condition: Callable[[Image], bool]) -> Image:
        """Wait for a screenshot of which `condition` holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(image := self.screenshot()):
            assert time.monotonic() < deadline, "the window does not show what is expected"
            time.sleep(0.03)
        return image

    def expect(self, line: str) -> None:
        """The next line that the process prints, which comes soon."""
        assert self.process.stdout is not None
        soon, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
        assert soon, f"the window never said {line!r}"
        said = self.process.stdout.readline().decode().strip()
        assert said == line, self.process.communicate()[1].decode()

    def lines_until(self, last: str) -> list[str]:
        """What the process prints before it prints that."""
        assert self.process.stdout is not None
        lines: list[str] = []
        while (line := self.process.stdout.readline().decode().strip()) != last:
            assert line, self.process.communicate()[1].decode()
            lines.append(line)
        return lines

    def end(self) -> str:
        """Wait for the process to end in good order; the rest of what it printed."""
        said, complaints = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert complaints == b"", "nothing of Qt's or OpenCV's belongs on the terminal"
        assert self.process.returncode == 0
        return bytes(said).decode().strip()


@pytest.fixture
def show(display: str, tmp_path: Path) -> Iterator[Callable[[str], Window]]:
    windows: list[Window] = []

    def start(scene: str) -> Window:
        windows.append(Window(display, tmp_path, scene))
        return windows[-1]

    yield start
    for window in windows:
        window.process.kill()
        window.process.communicate()


def is_colour(image: Image, x: int, y: int, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(image[y, x].astype(int) - colour).max() <= 1)


def is_plain(image: Image) -> bool:
    return np.array_equal(image, picture(SIZE).image)


@pytest.mark.display
def test_keys_change_the_view(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    window.shows(is_plain)

    window.press("m")
    mirrored = window.shows(lambda image: is_colour(image, 5, 200, GREEN))
    np.testing.assert_array_equal(mirrored, picture(SIZE).image[:, ::-1])

    window.press("v")
    matte = window.shows(lambda image: is_colour(image, 5, 200, (0, 0, 0)))
    assert is_colour(matte, 600, 200, (255, 255, 255))

    window.press("m")
    window.shows(lambda image: is_colour(image, 5, 200, (255, 255, 255)))

    window.press("v")
    window.shows(is_plain)

    window.press("q")
    window.expect("Quit()")
    window.expect("still there")
    assert window.end() == "snapshots"


@pytest.mark.display
def test_overlays_are_written_and_taken_away(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    plain = window.shows(is_plain)

    window.press("i")
    statistics = window.shows(lambda image: not is_plain(image))
    changed_rows = np.flatnonzero((statistics != plain).any(axis=(1, 2)))
    window.press("h")
    both = window.shows(lambda image: not np.array_equal(image, statistics))
    assert (both != plain).any(axis=(1, 2)).sum() > 2 * len(changed_rows), "fifteen lines more"

    # Readable: white letters on a box that is much darker than the picture was.
    box = both[: int(changed_rows.max())]
    assert box.min(axis=2).max() > 180
    assert is_colour(both, 2, 2, tuple(value // 4 for value in PERSON))  # type: ignore[arg-type]

    window.press("h")
    window.shows(lambda image: np.array_equal(image, statistics))
    window.press("i")
    window.shows(is_plain)
    window.press("b")
    window.expect("NextBackground()")
    window.press("Escape")
    window.expect("Quit()")


KEYS = {
    "1": "SetBackground(background=0)",
    "2": "SetBackground(background=1)",
    "KP_3": "SetBackground(background=2)",
    "KP_End": "SetBackground(background=0)",  # 1 without Num Lock
    "b": "NextBackground()",
    "B": "PreviousBackground()",
    "plus": "SetBlur(sigma_pixels=30.0)",
    "equal": "SetBlur(sigma_pixels=35.0)",
    "KP_Add": "SetBlur(sigma_pixels=40.0)",
    "minus": "SetBlur(sigma_pixels=35.0)",
    "KP_Subtract": "SetBlur(sigma_pixels=30.0)",
    "bracketleft": "SetRefinement(quality=None, without=None, edge=-1, light_wrap=None)",
    "bracketright": "SetRefinement(quality=None, without=None, edge=0, light_wrap=None)",
    "R": "StartRecording(path=None)",
    "r": "StopRecording()",
    "p": "Pause(on=True)",
    "P": "Pause(on=False)",
    "z": "Freeze(on=True)",
    "Z": "Freeze(on=False)",
}


@pytest.mark.display
def test_keys_ask_for_changes_and_others_for_nothing(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    for key, change in KEYS.items():
        window.press(key)
        window.expect(change)
    # Arrows and the like end in a letter's byte, Ctrl and Alt are for others.
    window.press("Left", "Up", "Right", "Page_Down", "Delete", "Shift_L", "F5", "x", "0")
    window.press("ctrl+q", "alt+q", "ctrl+b")
    window.press("b", "b", "b", "b")  # at once: none is lost
    for _ in range(4):
        window.expect("NextBackground()")
    window.press("Caps_Lock", "b", "Q", "Caps_Lock")
    window.expect("NextBackground()")
    window.expect("Quit()")


@pytest.mark.display
def test_a_key_that_is_held_toggles_once(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    for key in ("p", "bracketright"):
        window.run("xdotool", "keydown", key)
        time.sleep(1)  # it repeats after 0.66 s
        window.run("xdotool", "keyup", key)
    window.press("q")
    said = window.lines_until("Quit()")
    assert said.count("Pause(on=True)") == 1
    assert "Pause(on=False)" not in said
    edges = [line for line in said if "edge=" in line]
    assert len(edges) > 3
    first = edges[:8]
    assert len(set(first)) == len(first), "each goes on from the one before"


@pytest.mark.display
def test_changes_are_said_for_a_moment_and_a_recording_all_the_time(
    show: Callable[[str], Window],
) -> None:
    window = show("mirrored")
    mirrored = picture(SIZE).image[:, ::-1]
    window.shows(lambda image: np.array_equal(image, mirrored))
    window.press("b")
    said = window.shows(lambda image: bool((image != mirrored).any()))
    changed = np.argwhere((said != mirrored).any(axis=2))
    assert changed[:, 0].min() > SIZE.height * 0.85, "at the bottom"
    assert changed[:, 1].max() < SIZE.width * 0.6
    assert said.min(axis=2).max() > 200, "letters"
    window.press("r")
    window.shows(is_marked)
    window.shows(lambda image: np.array_equal(image[100:], mirrored[100:]))
    assert is_marked(window.screenshot())
    window.press("9")
    window.shows(lambda image: not np.array_equal(image[100:], mirrored[100:]))
    window.press("r")
    window.shows(lambda image: np.array_equal(image, mirrored))
    window.press("Escape")
    window.expect("NextBackground()")


def is_marked(image: Image) -> bool:
    """Whether there is red in the right upper corner."""
    corner = image[:40, -100:].astype(int)
    return bool(((corner[:, :, 2] > 200) & (corner[:, :, :2].max(axis=2) < 90)).sum() > 20)


@pytest.mark.display
def test_the_whole_screen_is_filled_and_left_again(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    window.shows(is_plain)
    for enter, leave in (("f", "f"), ("F11", "Escape")):
        window.press(enter)
        full = window.shows(lambda image: image.shape == (800, 1280, 3) and image[400, 100].any())
        assert not full[:35].any(), "black above the picture"
        assert is_colour(full, 100, 400, PERSON)
        assert is_colour(full, 1200, 400, GREEN)
        window.press(leave)
        window.shows(lambda image: image.shape == (360, 640, 3) and is_plain(image))
    window.press("Escape")
    window.expect("Quit()")


@pytest.mark.display
def test_help_is_readable_in_a_window_of_any_size(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    window.shows(is_plain)
    window.press("h")
    for width, height in ((320, 180), (200, 500), (1000, 300)):
        window.run("xdotool", "windowsize", window.id, str(width), str(height))
        window.shows(lambda image, shape=(height, width, 3): image.shape == shape)  # type: ignore[misc]
        time.sleep(0.3)  # until it is drawn for this size
        letters = window.screenshot().min(axis=2) > 200
        rows, columns = np.nonzero(letters)
        assert columns.max() < width - 1, "nothing is cut at the right"
        assert rows.max() < height - 1, "nor at the bottom"
        assert letters.any(axis=1).sum() > 60, "letters of a size to read"


@pytest.mark.display
def test_snapshots_never_overwrite(show: Callable[[str], Window], tmp_path: Path) -> None:
    window = show("opaque")
    window.press("m")
    window.shows(lambda image: is_colour(image, 5, 200, GREEN))
    for count in (1, 2, 3):
        window.press("s")
        window.shows(lambda _, count=count: len(list(tmp_path.glob("*.png"))) == count)  # type: ignore[misc]
    said = window.screenshot()
    assert not is_colour(said, 2, SIZE.height - 2, GREEN), "a message at the bottom"
    window.shows(lambda image: is_colour(image, 2, SIZE.height - 2, GREEN))
    window.press("q")
    window.expect("Quit()")
    window.expect("still there")

    names = window.end().split()[1:]
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert all(re.fullmatch(r"livematte-\d{8}-\d{6}(-\d)?\.png", name) for name in names)
    for name in names:
        saved = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        # As it is sent: neither mirrored nor written on.
        np.testing.assert_array_equal(saved, picture(SIZE).image)


@pytest.mark.display
def test_transparency_is_seen_and_saved(show: Callable[[str], Window], tmp_path: Path) -> None:
    window = show("transparent")
    image = window.shows(lambda image: is_colour(image, 5, 200, PERSON))
    behind = image[:, SIZE.width // 2 :]
    assert np.unique(behind).tolist() == list(preview_view.CHECKER_GRAYS)
    assert not np.array_equal(behind[0], behind[preview_view.CHECKER_PIXELS])

    window.press("s")
    window.shows(lambda _: bool(list(tmp_path.glob("*.png"))))
    window.press("q")
    window.expect("Quit()")
    (saved,) = tmp_path.iterdir()
    sent = picture(SIZE, transparent=True)
    np.testing.assert_array_equal(
        cv2.imread(str(saved), cv2.IMREAD_UNCHANGED), np.dstack([sent.image, sent.alpha])
    )


@pytest.mark.display
def test_a_slate_makes_no_snapshot_neither_now_nor_later(
    show: Callable[[str], Window], tmp_path: Path
) -> None:
    window = show("late")
    window.shows(lambda image: is_colour(image, 5, 200, GREY))
    window.press("s")
    window.shows(lambda image: not is_colour(image, 2, SIZE.height - 2, GREY))  # it says why
    window.shows(is_plain)
    assert list(tmp_path.iterdir()) == []
    window.press("s")
    window.shows(lambda _: len(list(tmp_path.iterdir())) == 1)


@pytest.mark.display
def test_slates_are_not_mirrored_since_they_have_words(show: Callable[[str], Window]) -> None:
    window = show("mirrored slate")
    window.shows(is_plain)
    window.shows(lambda image: is_colour(image, 5, 200, GREEN))


@pytest.mark.display
def test_what_everyone_sees_mirrored_is_not_mirrored_again(show: Callable[[str], Window]) -> None:
    window = show("mirrored for all")
    window.shows(is_plain)
    window.press("m")
    window.shows(lambda image: is_colour(image, 5, 200, GREEN))


@pytest.mark.display
def test_closing_the_window_quits(show: Callable[[str], Window]) -> None:
    window = show("opaque")
    window.shows(is_plain)
    window.click_close()
    window.expect("Quit()")
    window.expect("gone")
    assert window.end() == "snapshots"
    assert window.run("xdotool", "search", "--name", f"^{TITLE}$") == b""


@pytest.mark.display
@pytest.mark.skipif(not x11.load_event_library(), reason=f"{x11.EVENT_LIBRARY} is not installed")
def test_qt_leaves_no_event_to_xlib(display: str, tmp_path: Path) -> None:
    # The C library's own account of whose function is called; windows that stay blank are rare.
    environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(REPOSITORY)}
    environment |= {"LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "bindings")}
    script = (
        "from fractions import Fraction; from livematte.frame import Size;"
        "from livematte.sinks import PreviewWindow;"
        "PreviewWindow('events', None).open(Size(64, 64), Fraction(30))"
    )
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    bound = [
        line
        for path in tmp_path.glob("bindings.*")
        for line in path.read_text(errors="replace").splitlines()
        if "XSetEventQueueOwner" in line and "libQt5XcbQpa" in line
    ]
    assert bound
    assert all(f"/{x11.EVENT_LIBRARY} [" in line for line in bound), bound


@pytest.mark.display
def test_a_display_that_is_there_is_no_problem(
    display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert display_problem() is None


@pytest.mark.parametrize(
    ("display_name", "problem"),
    [
        (None, "DISPLAY is not set"),
        ("", "DISPLAY is not set"),
        (":4711", "The display :4711 cannot be reached"),
        ("nonsense", "The display nonsense cannot be reached"),
    ],
)
def test_a_missing_display_is_an_error_with_another_way(
    display_name: str | None, problem: str
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    environment |= {} if display_name is None else {"DISPLAY": display_name}
    command = [sys.executable, "-m", "tests.sinks.show", "opaque"]
    run = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert run.returncode == 1, "Qt would have aborted"
    assert run.stderr == ""
    assert problem in run.stdout
    assert "--no-preview" in run.stdout


def test_a_display_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/tmp/.X11-unix").is_dir():
        pytest.skip("there is no folder for X11 sockets")
    number = 4000 + os.getpid() % 1000
    path = Path(f"/tmp/.X11-unix/X{number}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        try:
            server.listen()
            monkeypatch.setenv("DISPLAY", f":{number}")
            monkeypatch.setattr(x11, "DISPLAY_TIMEOUT_SECONDS", 0.2)
            began = time.monotonic()
            assert display_problem() == f"The display :{number} does not answer."
            assert time.monotonic() - began < 1
        finally:
            path.unlink()


class Started:
    """In place of a window's process: ends as nothing else does."""

    CODE = 7

    def _bootstrap(self, parent_sentinel: int) -> int:
        return self.CODE


def test_a_program_in_one_file_can_become_the_windows_process() -> None:
    """Bundled programs start themselves again, with what `multiprocessing` tells them."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pickle.dump({}, pipe)
        pickle.dump(Started(), pipe)
    script = "import sys; sys.frozen = True; from livematte.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", script, "--multiprocessing-fork", f"pipe_handle={reading}"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        pass_fds=[reading],
    )
    os.close(reading)
    assert run.returncode == Started.CODE


class ClientMessage(ctypes.Structure):
    """xcb_client_message_event_t."""

    _fields_ = (
        ("response_type", ctypes.c_uint8),
        ("format", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("window", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("data", ctypes.c_uint32 * 5),
    )


class Atom(ctypes.Structure):
    """xcb_intern_atom_reply_t."""

    _fields_ = (("header", ctypes.c_uint8 * 8), ("atom", ctypes.c_uint32))


def close_window(display: str, window: int) -> None:
    """Send WM_DELETE_WINDOW, as xdotool of before 2021 cannot."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_intern_atom_reply.restype = ctypes.POINTER(Atom)
    connection = ctypes.c_void_p(xcb.xcb_connect(display.encode(), None))

    def atom(name: bytes) -> int:
        cookie = xcb.xcb_intern_atom(connection, 0, len(name), name)
        reply = xcb.xcb_intern_atom_reply(connection, cookie, None)
        return int(reply.contents.atom)

    data = (ctypes.c_uint32 * 5)(atom(b"WM_DELETE_WINDOW"))
    client_message = 33
    event = ClientMessage(client_message, 32, 0, window, atom(b"WM_PROTOCOLS"), data)
    xcb.xcb_send_event(connection, 0, window, 0, ctypes.byref(event))
    atom(b"WM_PROTOCOLS")  # an answer, so that the message before it has arrived
    xcb.xcb_disconnect(connection)
