"""SIGHUP: look at the backgrounds again, as services do with their files. Not on Windows."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from livematte.cli.terminal import say
from livematte.errors import LivematteError


@contextmanager
def reloading_on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call `reload` after each SIGHUP, in a thread of its own; its errors are said, not raised."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None:
        yield
        return
    asked, ended = threading.Event(), threading.Event()

    def wait_and_reload() -> None:
        while asked.wait() and not ended.is_set():
            asked.clear()
            try:
                reload()
            except LivematteError as error:
                say(f"{error} The backgrounds stay as they were.")

    # Reading a picture takes longer than a signal handler, or the loop, has time for.
    thread = threading.Thread(target=wait_and_reload, name="reload", daemon=True)
    thread.start()
    before = signal.signal(hangup, lambda _number, _frame: asked.set())
    try:
        yield
    finally:
        signal.signal(hangup, before)
        ended.set()
        asked.set()
        thread.join(1)
