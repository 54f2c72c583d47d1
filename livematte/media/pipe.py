"""Pipes as outputs, named ones and the standard output: another program reads them."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

READER_SECONDS: Final = 10.0
"""How long to wait for a reader if nothing may be left out."""

POLL_SECONDS: Final = 0.05


STDOUT: Final = 1
STDERR: Final = 2


class Pipe:
    """The writing end of a named pipe; a file without a position, as PyAV takes them."""

    def __init__(
        self, path: Path, wait_seconds: float, interrupted: threading.Event | None = None
    ) -> None:
        """Open it when a program reads from it. Raises `OSError`, with ENXIO if none does.

        interrupted: ends the waiting.
        """
        self._descriptor = _open(path, wait_seconds, interrupted or threading.Event())

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data`, waiting for the reader. Raises `OSError`, with EPIPE if it ended."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
        return len(data)

    def flush(self) -> None:
        """Does nothing: every write goes out at once."""

    def close(self) -> None:
        """Signal the end to the reader. Closing twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class StandardOutput(Pipe):
    """The standard output. What others print meanwhile, for example libraries, goes to stderr."""

    def __init__(self) -> None:
        """Raises `OSError` if there is none."""
        sys.stdout.flush()
        self._descriptor = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(self._descriptor, os.O_BINARY)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.dup2(self._descriptor, STDOUT)
        super().close()


def _open(path: Path, wait_seconds: float, interrupted: threading.Event) -> int:
    if sys.platform == "win32":
        return os.open(path, os.O_WRONLY | os.O_BINARY)
    until_seconds = time.monotonic() + wait_seconds
    while True:
        try:
            # Otherwise the open itself would wait for the reader, and nothing could stop it.
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() >= until_seconds:
                raise
        if interrupted.wait(POLL_SECONDS):
            until_seconds = 0.0
    os.set_blocking(descriptor, True)
    return descriptor
