"""Work that may hang in a driver, done in its own thread, so that it can be abandoned."""

from __future__ import annotations

import threading
from collections.abc import Callable

from livematte.threads.start import PATIENCE_SECONDS, start


class Attempt:
    """Does `work` in a thread. Keeps its exception for `raise_error`."""

    def __init__(self, work: Callable[[], object], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._undo: Callable[[], object] | None = None

    def start(self) -> None:
        """Raises `NoThreadError` if the system cannot start a thread."""
        start(threading.Thread(target=self._run, name=self._name, daemon=True), PATIENCE_SECONDS)

    def has_ended(self, timeout_seconds: float) -> bool:
        """Whether the work is done or has failed; waits up to `timeout_seconds` for it."""
        return self._ended.wait(timeout_seconds)

    def raise_error(self) -> None:
        """Raise the exception that the work raised, if any."""
        if self._error is not None:
            raise self._error

    def leave(self, undo: Callable[[], object]) -> None:
        """Abandon the work: if it still succeeds later, `undo` is called."""
        with self._lock:
            if not self._ended.is_set():
                self._undo = undo
                return
        if self._error is None:
            undo()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
        with self._lock:
            self._ended.set()
        if self._undo is not None and self._error is None:
            self._undo()
