"""What Ctrl-C, SIGTERM, SIGHUP and Windows' Ctrl-Break do.

The first signal stops the run cleanly, however long it takes to finish a file. Signals within a
second of it count as the same one: wrappers and terminals often send two, and services send SIGTERM
and SIGHUP. The next one says what livematte is waiting for, and the one after that ends at once.

A closed terminal counts as such a signal. Any other SIGHUP asks for a reload, if the run has one.

Python's handlers run in the main thread, between two steps of Python: not while a driver blocks it,
and perhaps while it holds the very lock that the handler needs. So a thread listens and acts.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from livematte.linux.controlling_terminal import ControllingTerminal

TOGETHER_SECONDS: Final = 1.0
"""Signals that come within this time are one."""

END_SECONDS: Final = 1.0
"""A command that has nothing to lose ends within this time, even if a driver blocks it."""

LOOK_SECONDS: Final = 2.0
"""How long after a SIGHUP the terminal can still close: some terminals send it first."""

LOOK_EVERY_SECONDS: Final = 0.1

SIGNALLED: Final = 128
"""Shells add the signal's number to it."""

_HANGUP: Final = getattr(signal, "SIGHUP", None)
_NUMBERS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)


class Stoppable(Protocol):
    """What a signal can stop cleanly."""

    def stop(self) -> None: ...


class Signals:
    """Listens for signals; the process has one of these."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()
        """Set when a signal has stopped the run."""
        self.reload: Callable[[], None] | None = None
        """Called in the listening thread for each SIGHUP; it must not take long."""
        self.on_wait: Callable[[], None] = lambda: None
        """Called when a second signal comes while the run is stopping."""
        self._running: Stoppable | None = None
        self._terminal: ControllingTerminal | None = None
        self._listener: threading.Thread | None = None
        self._ended = threading.Event()
        self._asked_reload = False
        self._count = 0
        self._last_seconds = self._raised_seconds = float("-inf")
        self._look_until_seconds = float("-inf")
        self._raised = 0

    def catch(self) -> None:
        """Take over the signals; call it in the main thread."""
        if self._terminal is not None:
            return
        if _HANGUP is not None:
            self._terminal = ControllingTerminal()
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        for number in _NUMBERS:
            # `nohup` ignores it. Programs that a script starts with & ignore SIGINT as well, but
            # they can be sent one anyway.
            if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._in_main_thread)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        listener = threading.Thread(target=self._listen, name="signals", daemon=True)
        try:
            listener.start()
        except (RuntimeError, MemoryError):
            return  # the handlers then do everything
        self._listener = listener

    def run(self, running: Stoppable) -> None:
        """From now on, signals stop `running`."""
        self._running = running
        if self._raised or self.interrupted.is_set():
            self.interrupted.set()
            running.stop()
        if self._asked_reload:
            self._asked_reload = False
            self._hung_up(running)

    def has_run(self) -> None:
        """The run has ended."""
        self._running = None

    def end(self, code: int) -> int:
        """Ignore signals from now on; returns the exit code: `code` unless a signal was obeyed."""
        self._ended.set()
        if self._terminal is None and self._listener is None:
            return code
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        if self._listener is not None:
            self._writing.send(b"\0")
            self._listener.join(1)
        return SIGNALLED + self._raised if self._raised else code

    # --- the main thread

    def _in_main_thread(self, number: int, _frame: object) -> None:
        if self._listener is None:
            self._obey(number)
        if self._running is not None or self._ended.is_set() or self.interrupted.is_set():
            return
        if number == _HANGUP and not self._is_terminal_gone():
            return
        now = time.monotonic()
        if now - self._raised_seconds > TOGETHER_SECONDS:
            self._raised_seconds = now
            self._raised = number
            raise KeyboardInterrupt

    # --- the listening thread

    def _listen(self) -> None:
        while True:
            is_looking = time.monotonic() < self._look_until_seconds
            self._reading.settimeout(LOOK_EVERY_SECONDS if is_looking else None)
            try:
                received = self._reading.recv(64)
            except TimeoutError:
                received = b""
            for number in received:
                if number == 0:
                    return
                if number in _NUMBERS:
                    self._obey(number)
            if is_looking and _HANGUP is not None and self._is_terminal_gone():
                self._look_until_seconds = float("-inf")
                self._obey(_HANGUP)

    def _obey(self, number: int) -> None:
        now, running = time.monotonic(), self._running
        if number == _HANGUP and not self._is_terminal_gone():
            self._look_until_seconds = now + LOOK_SECONDS
            self._hung_up(running)
            return
        self._stop(number, running)

    def _hung_up(self, running: Stoppable | None) -> None:
        """A program has sent a SIGHUP."""
        if self.reload is not None:
            self.reload()
        elif running is None:
            self._asked_reload = True
        else:
            assert _HANGUP is not None
            self._stop(_HANGUP, running)

    def _stop(self, number: int, running: Stoppable | None) -> None:
        now = time.monotonic()
        if now - self._last_seconds < TOGETHER_SECONDS:
            return
        self._last_seconds = now
        self._count += 1
        if running is None:
            # The main thread is interrupted as well. If it does not end, it is stuck.
            if not self._ended.wait(END_SECONDS):
                os._exit(SIGNALLED + number)
        elif self._count == 1:
            self.interrupted.set()
            running.stop()
        elif self._count == 2:
            self.on_wait()
        else:
            os._exit(SIGNALLED + number)

    def _is_terminal_gone(self) -> bool:
        return self._terminal is not None and self._terminal.is_gone()


signals: Final = Signals()
