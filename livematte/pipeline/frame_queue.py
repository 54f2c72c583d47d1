"""The queue of frames from the capture thread to the render thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from livematte.frame import Frame
    from livematte.sources import Source

FILE_QUEUE_FRAMES: Final = 2
"""Frames of a file in the queue: the next one, and one that is being decoded."""


class FrameQueue:
    """A short queue: the newest frame of a live source, or a few frames of a file.

    Older frames of a live source are recycled and counted as dropped. Frames of a file are never
    dropped; `put` blocks until there is room.
    """

    def __init__(self, source: Source) -> None:
        self.dropped = 0
        self._source = source
        self._frames: deque[Frame] = deque()
        self._ended = self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> bool:
        """Add a frame; False if the queue is closed."""
        with self._changed:
            if self._source.live:
                self._drop()
            else:
                self._changed.wait_for(
                    lambda: self._closed or len(self._frames) < FILE_QUEUE_FRAMES
                )
            self._frames.append(frame)
            self._changed.notify_all()
            return not self._closed

    def end(self) -> None:
        """Mark the end: no frame will follow; queued frames can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the queue: nothing more is put or taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, wanted: Callable[[], bool]) -> Frame | None:
        """Wait for the next frame; None if none will come.

        wanted: called after each `wake`; False ends the wait.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._frames or self._ended or self._closed or not wanted()
            )
            if self._closed or not self._frames or not wanted():
                return None
            frame = self._frames.popleft()
            self._changed.notify_all()
            return frame

    def wake(self) -> None:
        """Make a waiting `take` check again whether a frame is wanted."""
        with self._changed:
            self._changed.notify_all()

    def let_go(self, frame: Frame) -> None:
        """Recycle a frame that will not be rendered, without counting it as dropped."""
        self._source.recycle(frame)

    def newer_than(self, frame: Frame) -> Frame:
        """A newer frame of a live source, if there is one, and drop `frame`; else `frame`."""
        with self._changed:
            if not self._source.live or not self._frames:
                return frame
            newest = self._frames.popleft()
            self._frames.append(frame)
            self._drop()
            return newest

    def _drop(self) -> None:
        while self._frames:
            self._source.recycle(self._frames.popleft())
            self.dropped += 1
