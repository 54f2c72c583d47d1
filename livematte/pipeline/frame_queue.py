"""Frames on their way from the thread that captures to the one that renders."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from livematte.frame import Frame
    from livematte.sources import Source

FILE_QUEUE_FRAMES: Final = 2
"""Frames of a file that wait for the renderer: one to take next while another is decoded."""


class FrameQueue:
    """Few frames wait: of a live source the newest only, of a file a small number.

    Of a live source an older one is recycled and counted as dropped. Of a file none is, and `put`
    blocks while there is no room.
    """

    def __init__(self, source: Source) -> None:
        self.dropped = 0
        self._source = source
        self._frames: deque[Frame] = deque()
        self._ended = self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> bool:
        """Add a frame; False if the queue is closed and nobody will want it."""
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
        """No frame will follow; those that wait are still taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more is put or taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, wanted: Callable[[], bool]) -> Frame | None:
        """The next frame, waiting for it; None if none will come.

        wanted: asked after each `wake`; False ends the wait.
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
        """Make whoever waits to take a frame ask again whether it is wanted."""
        with self._changed:
            self._changed.notify_all()

    def let_go(self, frame: Frame) -> None:
        """A frame that was taken is not to be rendered; it does not count as dropped."""
        self._source.recycle(frame)

    def newer_than(self, frame: Frame) -> Frame:
        """A live source's newest frame in place of `frame`, which is dropped; else `frame`."""
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
