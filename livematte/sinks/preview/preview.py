"""The preview: a window on this machine, and the keys that are pressed in it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from livematte.errors import LivematteError, SinkError
from livematte.frame import Rendered, Size
from livematte.options.changes import Change
from livematte.options.settings import LiveSettings, LiveSnapshot
from livematte.sinks.preview import view as preview_view
from livematte.sinks.preview.keys import AT_ONCE, change_for
from livematte.sinks.preview.messages import Notes, Pressed, Saved, StatusWanted
from livematte.sinks.preview.text import announcement, statistics
from livematte.sinks.sink import require_picture
from livematte.sinks.window.process import Show, WindowProcess, folder

REMEDY: Final = "Run with --no-preview and give --output FILE or --virtual-camera instead."

LOOK_SECONDS: Final = 0.1
"""How often the settings are compared with what they were, and how soon after a key."""

STATISTICS_SECONDS: Final = 0.25
"""The statistics change this often; faster they could not be read."""

ANSWER_SECONDS: Final = 1.0
"""How long the next key waits until the one before it has changed something."""

MOST_WAITING: Final = 3
"""Of one key, when it is held and changes take long: it is not to go on long after that."""

SAID_SECONDS: Final = 2.0
"""How long a change is announced."""


class PreviewWindow:
    """Shows the pictures in a window that can be resized, and says what has changed.

    Mirroring, the view of the matte and what is written are seen here only. The window lives in a
    process of its own, which takes it with it if it dies, and nothing else; see `window_process`.

    It is a source of changes: whoever applies what `poll` returns calls `tell` if it fails.
    """

    description = "preview"
    takes_alpha = True
    only_shows = True
    remarks: tuple[str, ...] = ()

    def __init__(
        self, title: str, snapshot: Callable[[], LiveSnapshot], mirrored: bool = False
    ) -> None:
        """snapshot: the settings and the state of the run now; called by the thread that polls.

        mirrored: whether people are seen in the mirror, as they know themselves. What everyone sees
            in the mirror is not mirrored again.
        """
        self.snapshots: list[Path] = []
        """The files that the key for snapshots has made."""
        self._title = title
        self._snapshot = snapshot
        self._mirrored = mirrored
        self._notes = Notes()
        self._statistics_wanted = False
        self._statistics_seconds = 0.0
        self._keys: deque[str] = deque()
        self._waiting: list[str] = []
        """The keys that `poll` has seen."""
        self._asked: Change | None = None
        self._asked_of: LiveSettings | None = None
        """The settings that the last key was to change, until they have changed."""
        self._asked_seconds = 0.0
        self._settings: LiveSettings | None = None
        self._looked_seconds = self._said_until_seconds = 0.0
        self._process: WindowProcess | None = None
        self._interrupted = False

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._size = size
        self._process = WindowProcess(
            preview_view.run,
            self._title,
            size,
            self._mirrored,
            folder(),
            capacity_bytes=4 * size.width * size.height,
            on_message=self._hear,
        )
        if self._interrupted:
            return
        try:
            self._process.open()
        except SinkError as error:
            raise SinkError(error.problem, REMEDY) from error

    def send(self, picture: Rendered) -> None:
        assert self._process is not None, "open() comes first"
        require_picture(picture, self._size)
        if self._interrupted:
            return
        show = Show(picture.size, True, picture.index, picture.transparent, self._notes)
        try:
            self._process.show(show, picture.image, picture.alpha)
        except SinkError as error:
            raise SinkError(error.problem.replace("window", "preview", 1), REMEDY) from error

    def poll(self) -> list[Change]:
        """What the keys ask for. From any one thread, several times a second.

        At most one change at a time: what the next key means depends on what this one has changed.
        """
        now = time.monotonic()
        while self._keys:
            key = self._keys.popleft()
            if self._waiting.count(key) < MOST_WAITING:
                self._waiting.append(key)
        is_due = now - self._looked_seconds > LOOK_SECONDS
        if not (self._waiting or is_due):
            return []
        snapshot = self._snapshot()
        if is_due:
            self._looked_seconds = now
            self._announce(snapshot.settings)
            self._note_statistics(snapshot, now)
        key = self._next_key(snapshot.settings, now)
        return self._obey(key, snapshot.settings) if key else []

    def tell(self, sentence: str) -> None:
        """Say it in the window for a moment; from the thread that polls."""
        self._asked = self._asked_of = None  # this is the answer
        self._said_until_seconds = time.monotonic() + SAID_SECONDS
        self._notes = self._notes._replace(said=sentence)

    def _next_key(self, settings: LiveSettings, now: float) -> str:
        """The key to obey now; "" for none. Those that hide or end wait for no others."""
        if settings != self._asked_of or now - self._asked_seconds > ANSWER_SECONDS:
            self._asked_of = None
        for key in self._waiting:
            if key in AT_ONCE or self._asked_of is None:
                self._waiting.remove(key)
                return key
        return ""

    def _obey(self, key: str, settings: LiveSettings) -> list[Change]:
        try:
            change = change_for(key, settings)
        except LivematteError as error:
            self.tell(str(error))
            return []
        if change is None:
            return []
        # What it has changed is announced at the next look, when it has had time to.
        self._asked, self._asked_of = change, settings
        self._asked_seconds = self._looked_seconds = time.monotonic()
        return [change]

    def _announce(self, settings: LiveSettings) -> None:
        """Say what has changed since the last call, whoever has changed it."""
        before, self._settings = self._settings, settings
        asked, self._asked = self._asked, None
        if before is not None and (said := announcement(before, settings, asked)):
            self.tell(said)
        elif time.monotonic() > self._said_until_seconds:
            self._notes = self._notes._replace(said="")
        self._notes = self._notes._replace(
            is_recording=settings.recording is not None, is_mirrored=settings.mirrored
        )

    def _note_statistics(self, snapshot: LiveSnapshot, now: float) -> None:
        if not self._statistics_wanted:
            self._notes = self._notes._replace(statistics=())
        elif not self._notes.statistics or now - self._statistics_seconds >= STATISTICS_SECONDS:
            self._notes = self._notes._replace(statistics=statistics(snapshot))
            self._statistics_seconds = now

    def interrupt(self) -> None:
        self._interrupted = True
        if self._process is not None:
            self._process.interrupt()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()

    abort = close

    def _hear(self, message: Any) -> None:
        if isinstance(message, Pressed):
            self._keys.append(message.key)
        elif isinstance(message, Saved):
            self.snapshots.append(message.path)
        elif isinstance(message, StatusWanted):
            self._statistics_wanted = message.wanted
