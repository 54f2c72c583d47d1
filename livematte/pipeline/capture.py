"""The source of a run, opened, and the thread that takes its frames."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from livematte.pipeline.frame_queue import FrameQueue
from livematte.threads.attempt import Attempt
from livematte.threads.start import start

if TYPE_CHECKING:
    from livematte.sources import Source

POLL_SECONDS: Final = 0.02

JOIN_SECONDS: Final = 0.4
"""How long a thread is given to end; one that is stuck in a driver is left behind."""


class Capture:
    """Opens a source and puts its frames into `waiting`. All methods are the main thread's."""

    def __init__(self, source: Source, stopping: threading.Event) -> None:
        """stopping: set when the run is to end."""
        self._error: BaseException | None = None
        self.waiting = FrameQueue(source)
        self._source = source
        self._stopping = stopping
        self._closing = ExitStack()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def open(self) -> bool:
        """Open the source; False if the run is to end before it is open.

        It may take seconds in a driver or wait for an answer from afar, which nothing can end.
        """
        source = self._source
        if sys.platform == "darwin":
            # There the first camera must be opened by the main thread, which asks for permission.
            self._closing.enter_context(source)
            return not self._stopping.is_set()
        opening = Attempt(source.__enter__, "open")
        opening.start()
        while not opening.has_ended(POLL_SECONDS):
            if self._stopping.is_set():
                source.interrupt()
                opening.has_ended(JOIN_SECONDS)
                break
        if self._stopping.is_set():
            opening.leave(lambda: source.__exit__(None, None, None))
            return False
        opening.raise_error()
        self._closing.push(source.__exit__)
        return True

    def start(self) -> None:
        """Raises `NoThreadError` if the system starts no thread; it may be tried again."""
        start(self._thread)

    def check(self) -> None:
        """Raises what ended the thread, if it was not told to end."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Take no more frames, and wait shortly for the thread."""
        self._source.interrupt()
        self.waiting.close()
        if self._thread.ident is not None:
            self._thread.join(JOIN_SECONDS)

    def close(self) -> None:
        """Close the source.

        Not one that a stuck thread still reads from: that could hang or crash.
        """
        if not self._thread.is_alive():
            self._closing.close()

    def _run(self) -> None:
        try:
            for frame in self._source.frames():
                if not self.waiting.put(frame):
                    return
            self.waiting.end()
        except BaseException as error:
            self._error = error
            self.waiting.close()
