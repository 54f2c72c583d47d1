"""Standard streams of a program that must go on, even if nobody reads its messages.

stderr: a closed pipe, a full disk, a terminal that is gone or stopped with Ctrl-S must not end or
    hold up a call. Messages wait in a queue, and a thread writes them.
stdout: carries the requested output. If it cannot be written, that is an error like others.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
import time
from collections import deque
from typing import IO, Final

from livematte.cli.plain import ENCODING_ERRORS
from livematte.errors import SinkError
from livematte.text.counted import counted

_NAMES: Final = ("stdin", "stdout", "stderr")

MOST_BYTES: Final = 1 << 16
"""How much can wait for the reader of stderr; as much as a pipe holds."""

CLOSE_SECONDS: Final = 0.5
"""How long the last messages may take at the end."""


def open_missing_streams() -> None:
    """Open missing streams to nowhere: `livematte 2>&-`, and some services.

    Otherwise the next file that is opened, perhaps a camera, gets the descriptor that libraries
    write their messages to.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            mode = "r" if descriptor == 0 else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115 - to the end


def take_over_streams() -> QueuedText:
    """Replace `sys.stdout` and `sys.stderr` as described above; returns the latter."""
    out, err = sys.stdout, sys.stderr
    assert isinstance(out, io.TextIOWrapper)
    encoding, is_terminal = out.encoding, out.isatty()
    sys.stdout = CheckedText(out.detach(), encoding=encoding, line_buffering=is_terminal)
    sys.stderr = queued = QueuedText(err.fileno(), err.encoding)
    queued.replaced = err  # or it would be closed, and the descriptor with it
    return queued


class ReaderGoneError(BrokenPipeError):
    """The reader of stdout has ended: `livematte cameras | head -1`."""


class CheckedText(io.TextIOWrapper):
    """Text for stdout, in any encoding. Raises `SinkError` if it cannot be written."""

    def __init__(self, buffer: IO[bytes], *, encoding: str, line_buffering: bool) -> None:
        super().__init__(
            buffer, encoding=encoding, errors=ENCODING_ERRORS, line_buffering=line_buffering
        )

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _cannot_be_written(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _cannot_be_written(error) from error


def _cannot_be_written(error: OSError) -> OSError:
    if error.errno == errno.EPIPE:
        return ReaderGoneError(errno.EPIPE, error.strerror)
    return SinkError(
        f"What was asked for cannot be written to the standard output: {error.strerror}.",
        "Send it elsewhere.",
    )


class QueuedText(io.TextIOBase):
    """Text for stderr. Writing never waits, and never fails.

    Lines that come while `MOST_BYTES` wait are dropped, and their number is reported. What cannot
    be written is discarded.
    """

    def __init__(self, descriptor: int, encoding: str) -> None:
        self.replaced: object = None
        self._encoding = encoding
        # On Windows this uses the console's own functions, which a descriptor alone does not.
        self._file = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115 - to the end
        # Reentrant: collecting garbage may say something in the midst of saying something.
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._left_out = 0
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def encoding(self) -> str:  # type: ignore[override] # typeshed has an attribute
        return self._encoding

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, text: str) -> int:
        data = text.replace("\n", os.linesep).encode(self._encoding, ENCODING_ERRORS)
        with self._changed:
            if self._bytes + len(data) > MOST_BYTES:
                self._left_out += text.count("\n")
                return len(text)
            self._note_what_was_left_out()
            self._append(data)
            if not self._closing:
                self._start()
                return len(text)
        self._write_what_waits(CLOSE_SECONDS)
        return len(text)

    def close_within(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what can be written within this time."""
        deadline_seconds = time.monotonic() + seconds
        with self._changed:
            self._note_what_was_left_out()
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                return
        self._write_what_waits(deadline_seconds - time.monotonic())

    def _append(self, data: bytes) -> None:
        self._waiting.append(data)
        self._bytes += len(data)
        self._changed.notify_all()

    def _note_what_was_left_out(self) -> None:
        if self._left_out:
            line = f"livematte: {counted(self._left_out, 'line was', 'lines were')} left out here, "
            line += "for want of a reader"
            self._append((line + os.linesep).encode(self._encoding, ENCODING_ERRORS))
            self._left_out = 0

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._write_all, name="stderr", daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                return  # the next sentence tries again
            self._thread = thread

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                data = self._waiting[0]
            self._put(data)
            with self._changed:
                self._waiting.popleft()
                self._bytes -= len(data)

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                written = self._file.write(rest)
            except (OSError, ValueError):
                return
            if written is None:  # a pipe that does not block
                time.sleep(0.05)
            else:
                rest = rest[written:]

    def _write_what_waits(self, seconds: float) -> None:
        """Write without the thread, as far as that does not block."""
        deadline_seconds = time.monotonic() + seconds
        while self._waiting and self._is_writable(deadline_seconds - time.monotonic()):
            data = self._waiting.popleft()
            self._bytes -= len(data)
            self._put(data)

    def _is_writable(self, seconds: float) -> bool:
        if sys.platform == "win32":  # there, select only takes sockets
            return True
        try:
            return bool(select.select([], [self._file], [], max(0.0, seconds))[1])
        except (OSError, ValueError):
            return False
