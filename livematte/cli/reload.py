"""SIGHUP: look at the backgrounds again, as services do with their files. Not on Windows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from livematte.cli.signals import signals
from livematte.cli.terminal import say
from livematte.errors import LivematteError
from livematte.threads.start import NoThreadError, start


@contextmanager
def reloading_on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call `reload` after each SIGHUP, in a thread of its own; its errors are said, not raised."""
    reloader = Reloader(reload)
    signals.reload = reloader.ask
    try:
        yield
    finally:
        signals.reload = None
        reloader.end()


class Reloader:
    """Reloads in a thread: reading a picture takes longer than the loop has time for."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self._reload = reload
        self._asked, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have it done soon; by one thread."""
        self._asked.set()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="reload", daemon=True)
            try:
                start(thread)
            except NoThreadError as error:
                say(f"{error.problem} {_AS_THEY_WERE} {error.remedy}")
                return
            self._thread = thread

    def end(self) -> None:
        self._ended.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join(1)

    def _run(self) -> None:
        while self._asked.wait() and not self._ended.is_set():
            self._asked.clear()
            try:
                self._reload()
            except LivematteError as error:
                say(f"{error} {_AS_THEY_WERE}")
            except Exception as error:
                # Whatever is in the file: a call goes on, and the next SIGHUP finds a thread.
                kind = type(error).__name__
                say(f"The settings cannot be used, unexpected {kind}: {error}. {_AS_THEY_WERE}")


_AS_THEY_WERE = "The backgrounds stay as they were."
