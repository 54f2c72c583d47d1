"""Threads where the system may give none: it limits processes and memory, often for a moment."""

from __future__ import annotations

import threading
import time
from typing import Final

from livematte.errors import RenderError

RETRY_SECONDS: Final = 0.05

PATIENCE_SECONDS: Final = 2.0
"""For how long a thread is tried to be started where nothing else can go on without it."""


class NoThreadError(RenderError):
    """The system starts no further thread."""

    def __init__(self) -> None:
        super().__init__(
            "The system starts no further thread.",
            "Close other programs, or raise the limit on processes (`ulimit -u`, TasksMax).",
        )


def start(thread: threading.Thread, patience_seconds: float = 0.0) -> None:
    """Start `thread`, trying again for so long. A thread that was not started may be started later.

    Raises `NoThreadError` if the system does not.
    """
    deadline_seconds = time.monotonic() + patience_seconds
    while True:
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if thread.ident is not None:
                raise  # it was started before
            if time.monotonic() >= deadline_seconds:
                raise NoThreadError from error
            time.sleep(RETRY_SECONDS)
        else:
            return
