"""Opens the source of a run, and reads its frames in a thread."""

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
"""How long to wait for a thread to end; one that hangs in a driver is abandoned."""


class Capture:
    """Opens a source and puts its frames into `waiting`. Call all methods from the main thread."""

    def __init__(self, source: Source, stopping: threading.Event) -> None:
        """stopping: set to end the run."""
        self._error: BaseException | None = None
        self.waiting = FrameQueue(source)
        self._source = source
        self._stopping = stopping
        self._closing = ExitStack()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def open(self) -> bool:
        """Open the source; False if the run was stopped before it was open.

        Opening can take seconds in a driver or on the network, and cannot be interrupted there.
        """
        source = self._source
        if sys.platform == "darwin":
            # On macOS the main thread must open the first camera, to ask for permission.
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
        """Raises `NoThreadError` if the system cannot start a thread; try again later."""
        start(self._thread)

    def check(self) -> None:
        """Raises the error that ended the thread, if any."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop reading frames, and wait briefly for the thread."""
        self._source.interrupt()
        self.waiting.close()
        if self._thread.ident is not None:
            self._thread.join(JOIN_SECONDS)

    def close(self) -> None:
        """Close the source.

        Not if a hanging thread still reads from it: that could hang or crash.
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
