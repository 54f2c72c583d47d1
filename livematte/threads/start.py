"""Starts threads on systems that may refuse them: limits are often reached only for a moment."""

from __future__ import annotations

import threading
import time
from typing import Final

from livematte.errors import RenderError

RETRY_SECONDS: Final = 0.05

PATIENCE_SECONDS: Final = 2.0
"""How long to keep trying to start a thread that the program cannot go on without."""


class NoThreadError(RenderError):
    """The system cannot start another thread."""

    def __init__(self) -> None:
        super().__init__(
            "The system cannot start another thread.",
            "Close other programs, or raise the limit on processes (`ulimit -u`, TasksMax).",
        )


def start(thread: threading.Thread, patience_seconds: float = 0.0) -> None:
    """Start `thread`, trying again for `patience_seconds`. After a failure it may be tried again.

    Raises `NoThreadError` if the system cannot start it.
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
