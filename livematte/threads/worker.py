"""A thread for work that takes too long for the loop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from livematte.threads.start import start

END_SECONDS: Final = 1.0
"""How long to wait for it to end; work that hangs is abandoned."""


class Worker:
    """Does work in its own thread, in order. The first work starts the thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Add work, to be done soon; it must not raise. Call it from any thread.

        Raises `NoThreadError` if the system cannot start a thread; then the work is not done.
        """
        with self._changed:
            if self._ended:
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                start(thread)
                self._thread = thread
            self._work.append(work)
            self._changed.notify_all()

    def end(self) -> None:
        """Start no more work, and wait briefly for the work in progress."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._work or self._ended)
                if self._ended:
                    return
                work = self._work.popleft()
            work()
