"""Threads that the system does not start yet."""

from __future__ import annotations

from collections.abc import Callable

from livematte.pipeline.stall_timing import AwakeClock
from livematte.threads.start import PATIENCE_SECONDS, NoThreadError


class PendingThreads:
    """Starts threads, now or as soon as the system has them; the main thread's."""

    def __init__(self, clock: AwakeClock, on_trouble: Callable[[str], None], *, live: bool) -> None:
        """live: wait without end; otherwise it is an error after `PATIENCE_SECONDS`."""
        self._clock = clock
        self._on_trouble = on_trouble
        self._live = live
        self._unstarted: list[Callable[[], None]] = []
        self._since_seconds: float | None = None

    def start(self, start_thread: Callable[[], None]) -> None:
        """Start a thread, in its turn. start_thread: raises `NoThreadError` if there is none."""
        self._unstarted.append(start_thread)
        self.try_again()

    def try_again(self) -> None:
        """Start those that wait, as many as can be."""
        try:
            while self._unstarted:
                self._unstarted[0]()
                del self._unstarted[0]
            self._since_seconds = None
        except NoThreadError as error:
            now = self._clock.seconds
            if self._since_seconds is None:
                self._since_seconds = now
                self._on_trouble(f"{error.problem} It is tried again. {error.remedy}")
            elif not self._live and now - self._since_seconds > PATIENCE_SECONDS:
                raise
