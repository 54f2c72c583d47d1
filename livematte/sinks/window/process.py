"""A window in a process of its own, seen from the process that has the pictures.

    this process                               the window's process
    WindowProcess.show() ── shared memory ──>  Window: draws, acknowledges, obeys keys
                         <── a pipe ─────────

A toolkit may end its process, as Qt does when the X server dies, or stand still with the server: it
takes no more than the window with it then.
"""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from livematte.errors import SinkError
from livematte.frame import Image, Size
from livematte.linux.x11 import display_problem

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

START_SECONDS: Final = 30.0
"""How long the window's process is given to open it; it takes half a second."""

CLOSE_SECONDS: Final = 0.5
"""How long it is given to end, before it is killed."""

SIGNALS_OF_OTHERS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""A terminal, and who ends a service, sends them to all processes of a program. This one decides
what they mean, and the window ends with it."""


class Show(NamedTuple):
    """What lies in the shared memory: an image of `size` in BGR, and an alpha matte if `has_alpha`.

    picture_index, transparent: see `Rendered`.
    notes: what is written over it, in a form that the window knows.
    """

    size: Size
    has_alpha: bool = False
    picture_index: int = 0
    transparent: bool = False
    notes: Any = None


class Opened(NamedTuple):
    """The window is open, or why not."""

    problem: str | None


class Shown(NamedTuple):
    """The picture is on the screen, and its memory may be used again."""


class Failed(NamedTuple):
    """The process ends, and why."""

    reason: str


class WindowProcess:
    """Starts a process with a window, shows pictures in it, and knows when it has ended."""

    def __init__(
        self,
        run: Callable[..., None],
        *arguments: object,
        capacity_bytes: int,
        on_message: Callable[[Any], None],
    ) -> None:
        """Nothing is started yet.

        run: called in the process with its end of the pipe, the shared memory and `arguments`, all
            of which can be pickled.
        capacity_bytes: of the largest picture, with its alpha.
        on_message: called in a thread with what the window's process says of itself.
        """
        self._run = run
        self._arguments = arguments
        self._capacity_bytes = capacity_bytes
        self._on_message = on_message
        self._changed = threading.Condition()
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._opened: Opened | None = None
        self._failed: Failed | None = None
        self._is_shown = True
        self._has_ended = self._interrupted = False

    def open(self) -> None:
        """Start the process, and return when its window is open, or when it is interrupted.

        Raises `SinkError`, without a remedy, if it cannot be opened.
        """
        try:
            self._start()
        except (OSError, RuntimeError, MemoryError) as error:  # no process, thread or memory
            self.kill()
            raise SinkError(f"The window's process cannot be started: {error}.", "") from error
        with self._changed:
            self._changed.wait_for(
                lambda: self._opened or self._has_ended or self._interrupted, START_SECONDS
            )
            opened = self._opened
        if self._interrupted:
            return
        if opened is None and not self._has_ended:
            self.kill()
            raise SinkError(f"The window has not opened for {START_SECONDS:.0f} seconds.", "")
        if opened is None or opened.problem is not None:
            problem = f"The window could not be opened: {self._end()}." if opened is None else ""
            self.kill()
            raise SinkError(problem or str(opened and opened.problem), "")

    def _start(self) -> None:
        # Not forked: a toolkit in a copy of this process would find locks that others hold, and
        # the copy would keep every device and file open.
        context = multiprocessing.get_context("spawn")
        memory = context.RawArray(ctypes.c_uint8, self._capacity_bytes)
        self._memory: Image = np.frombuffer(memoryview(memory).cast("B"), np.uint8)
        here, there = context.Pipe()
        process = context.Process(
            target=self._run, args=(there, memory, *self._arguments), name="window", daemon=True
        )
        with there, _prepared_to_spawn():
            process.start()
        # This process has no `there` any more: each side sees the other's end.
        self._process, self._connection = process, here
        atexit.register(self.kill)
        threading.Thread(target=self._listen, name="window", daemon=True).start()

    def show(
        self,
        what: Show,
        image: Image,
        alpha: Image | None = None,
        longest_seconds: float | None = None,
    ) -> bool:
        """Show a picture, and return when it can be seen, or the wait is over; whether it can.

        While the one before it is not seen yet, it is left out.

        Raises `SinkError`, without a remedy, if the process has ended.
        """
        assert self._connection is not None, "open() comes first"
        if not self._is_shown and not self.wait_until_shown(longest_seconds):
            return False
        pixels = self._memory[: image.size].reshape(image.shape)
        np.copyto(pixels, image)
        if alpha is not None:
            np.copyto(
                self._memory[image.size : image.size + alpha.size].reshape(alpha.shape), alpha
            )
        self._is_shown = False
        with suppress(OSError):  # it has ended, which the thread that listens knows soon
            self._connection.send(what)
        return self.wait_until_shown(longest_seconds)

    def wait_until_shown(self, longest_seconds: float | None) -> bool:
        """Whether the last picture can be seen; waits for it so long, None for ever.

        Raises `SinkError`, without a remedy, if the process has ended.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_shown or self._has_ended or self._interrupted, longest_seconds
            )
        if self._has_ended:
            raise SinkError(f"The window has ended: {self._end()}.", "")
        return self._is_shown

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    def interrupt(self) -> None:
        """Wait for the window no more; from any thread."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the window and end its process; it is killed if it takes long."""
        if self._connection is not None and not self._has_ended and not self._interrupted:
            with suppress(OSError):
                self._connection.send(None)
            with self._changed:
                self._changed.wait_for(lambda: self._has_ended, CLOSE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process at once; twice is fine."""
        atexit.unregister(self.kill)
        if self._process is not None:
            self._process.kill()
            self._process.join(CLOSE_SECONDS)

    def _listen(self) -> None:
        """The thread that hears what the process says, and that it has ended."""
        assert self._connection is not None
        assert self._process is not None
        with suppress(OSError, EOFError):
            while True:
                self._hear(self._connection.recv())
        self._process.join(CLOSE_SECONDS)
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _hear(self, message: Any) -> None:
        with self._changed:
            if isinstance(message, Opened):
                self._opened = message
            elif isinstance(message, Failed):
                self._failed = message
            elif isinstance(message, Shown):
                self._is_shown = True
            else:
                self._on_message(message)
            self._changed.notify_all()

    def _end(self) -> str:
        """How the process ended, in a few words."""
        if self._failed is not None:
            return self._failed.reason
        problem = display_problem()
        if problem is not None:
            return problem.rstrip(".")
        code = None if self._process is None else self._process.exitcode
        if code is None:
            return "its process does not answer"
        if code < 0:
            with suppress(ValueError):
                return f"its process got {signal.Signals(-code).name}"
        return f"its process ended with {code}"


@contextmanager
def _prepared_to_spawn() -> Iterator[None]:
    """What this thread starts meanwhile has standard streams, and no signals of this process."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    for descriptor in range(3):
        with suppress(OSError):
            # Or the window's connection to the screen could take the place of one that is missing.
            os.set_inheritable(descriptor, True)
    # It starts a process of its own, before the first other one, and unblocks signals then.
    resource_tracker.ensure_running()
    numbers = {getattr(signal, each) for each in SIGNALS_OF_OTHERS}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def folder() -> str | None:
    """The working folder, which a new process need not share; None if it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None
