"""A background that moves: a video or an animation."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livematte.background import Picture
from livematte.backgrounds.loop import Loop, Shown
from livematte.backgrounds.looped_video import LoopedVideo
from livematte.errors import BackgroundError
from livematte.frame import Image, Size
from livematte.media.cover import cover

PAUSE_SECONDS: Final = 2.0
"""A moving background that was hidden for longer continues where it was, and decodes nothing."""

AHEAD_PICTURES: Final = 3
"""How many pictures are ready before they are shown, in a live run."""

LATE_SECONDS: Final = 0.25
"""Late pictures are dropped, but one is shown at least this often."""

STALL_SECONDS: Final = 5.0
"""A disk or a decoder that has worked on one picture for longer is reported."""

RETRY_SECONDS: Final = 2.0
"""How often a file that cannot be read any more is tried again."""


@dataclass
class Fitted:
    """A picture of the video in the frame's size, and its start and end."""

    from_seconds: float
    until_seconds: float
    image: Image


class VideoBackground(Picture):
    """A video or animation, looped, at its own speed.

    It is decoded while it is shown, because a long video does not fit into memory. In a live run a
    thread decodes a few pictures ahead, and frames take the newest one that is ready, so that
    neither a slow disk nor a large video delays a frame. Otherwise each frame waits for exactly the
    picture of its time. If the file cannot be read any more, the last picture stays, and the file
    is opened again when possible.
    """

    def __init__(
        self, path: Path, open_looped: Callable[[Path], Loop[Shown]] = LoopedVideo
    ) -> None:
        """Raises `BackgroundError` if no frame of `path` can be decoded."""
        self._path = path
        self._video = open_looped(path)
        self._shot = self._video.next()
        image = self._shot.pixels()
        self._shown = Fitted(self._shot.from_seconds, self._shot.until_seconds, image)
        self._is_fitted = False
        self._offset_seconds = 0.0
        """Media time minus the video's time: how long it was hidden."""
        self._on_trouble: Callable[[str], None] | None = None
        self._in_trouble = False
        self._retry_seconds = 0.0

        self._lock = threading.Lock()  # frames and slates are made in different threads
        self._changed = threading.Condition(self._lock)
        self._ahead: deque[Fitted] = deque()
        self._live = self._stopped = False
        self._thread: threading.Thread | None = None
        self._wanted_seconds = 0.0
        self._working_since_seconds: float | None = None

    @property
    def description(self) -> str:
        return self._path.name

    @property
    def files(self) -> Sequence[Path]:
        return [self._path]

    def play(self, *, live: bool, on_trouble: Callable[[str], None]) -> None:
        with self._lock:
            self._live = live
            self._on_trouble = on_trouble
            self._stopped = False

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(RETRY_SECONDS / 10)  # a thread that waits for a disk is left behind

    def picture_at(self, size: Size, seconds: float) -> Image:
        with self._lock:
            if not self._live:
                return self._at(size, seconds)
            image = self._newest(size, seconds)
        self._report_stall()
        return image

    # --- each frame its own picture

    def _at(self, size: Size, seconds: float) -> Image:
        at = self._media_to_video(seconds)
        shot = self._shot
        try:
            if self._in_trouble and time.monotonic() >= self._retry_seconds:
                self._video.reopen(at)
                self._advance()
            while not self._in_trouble and self._shot.until_seconds <= at:
                self._advance()
            if self._shot is not shot:
                self._shown = self._fit(self._shot, size)
        except BackgroundError as error:
            if self._on_trouble is None:
                raise
            self._freeze(error)
        return self._refitted(size)

    def _advance(self) -> None:
        self._shot = self._video.next()
        self._recover()

    # --- the newest picture that is ready

    def _newest(self, size: Size, seconds: float) -> Image:
        at = self._media_to_video(seconds)
        while self._ahead and self._ahead[0].from_seconds <= at:
            self._shown = self._ahead.popleft()
        image = self._refitted(size)
        self._wanted_seconds = at
        self._changed.notify_all()
        if self._thread is None and not self._stopped:
            self._thread = threading.Thread(target=self._work, name="background", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # the system has no more threads now
                self._thread = None
                self._freeze(error)
        return image

    def _work(self) -> None:
        shown_seconds = time.monotonic()
        while self._wait_until_wanted():
            try:
                if self._in_trouble:
                    self._video.reopen(self._wanted_seconds)
                shot = self._video.next()
                self._recover()
                is_late = shot.until_seconds <= self._wanted_seconds
                if is_late and time.monotonic() - shown_seconds < LATE_SECONDS:
                    continue
                fitted = self._fit(shot, Size.of(self._shown.image))
            # A background must never end a call, whatever a decoder does with foreign bytes.
            except Exception as error:
                self._freeze(error)
                self._wait_to_retry()
                continue
            shown_seconds = time.monotonic()
            with self._lock:
                self._ahead.append(fitted)

    def _wait_until_wanted(self) -> bool:
        """Wait until a picture is wanted; False if the run has ended."""
        with self._changed:
            self._working_since_seconds = None
            self._changed.wait_for(
                lambda: self._stopped or (self._is_fitted and len(self._ahead) < AHEAD_PICTURES)
            )
            self._working_since_seconds = time.monotonic()
            if self._stopped:
                self._thread = None
            return not self._stopped

    def _wait_to_retry(self) -> None:
        with self._changed:
            self._working_since_seconds = None
            self._changed.wait_for(lambda: self._stopped, RETRY_SECONDS)

    def _report_stall(self) -> None:
        since = self._working_since_seconds
        if since is not None and time.monotonic() - since > STALL_SECONDS:
            self._freeze(BackgroundError(f"It has given no picture for {STALL_SECONDS:g} s.", ""))

    # --- both

    def _media_to_video(self, seconds: float) -> float:
        """The time in the video for a media time; after a pause it continues where it was."""
        at = seconds - self._offset_seconds
        last = self._ahead[-1] if self._ahead else self._shown
        if not self._shown.from_seconds <= at < last.until_seconds + PAUSE_SECONDS:
            at = self._shown.from_seconds
            self._offset_seconds = seconds - at
        return at

    def _fit(self, shot: Shown, size: Size) -> Fitted:
        return Fitted(shot.from_seconds, shot.until_seconds, cover(shot.pixels(), size))

    def _refitted(self, size: Size) -> Image:
        """The current picture at `size`; the same array until something changes."""
        if not self._is_fitted or Size.of(self._shown.image) != size:
            self._shown.image = cover(self._shown.image, size)
            self._is_fitted = True
        return self._shown.image

    def _freeze(self, error: Exception) -> None:
        """Keep the last picture, and report that once."""
        self._retry_seconds = time.monotonic() + RETRY_SECONDS
        if not self._in_trouble:
            self._in_trouble = True
            why = error.problem if isinstance(error, BackgroundError) else str(error) or repr(error)
            self._tell(
                f"Background {self._path} cannot be shown any more: {why.rstrip('.')}. Its last "
                "picture stays until it can."
            )

    def _recover(self) -> None:
        if self._in_trouble:
            self._in_trouble = False
            self._tell(f"Background {self._path} is back.")

    def _tell(self, sentence: str) -> None:
        if self._on_trouble is not None:
            with suppress(Exception):
                self._on_trouble(sentence)
