"""Retries threads that the system could not start yet."""

from __future__ import annotations

from collections.abc import Callable

from livematte.pipeline.stall_timing import AwakeClock
from livematte.threads.start import PATIENCE_SECONDS, NoThreadError


class PendingThreads:
    """Starts threads, now or as soon as the system can; main thread only."""

    def __init__(self, clock: AwakeClock, on_trouble: Callable[[str], None], *, live: bool) -> None:
        """live: retry without limit; otherwise raise after `PATIENCE_SECONDS`."""
        self._clock = clock
        self._on_trouble = on_trouble
        self._live = live
        self._unstarted: list[Callable[[], None]] = []
        self._since_seconds: float | None = None

    def start(self, start_thread: Callable[[], None]) -> None:
        """Start a thread, in order. start_thread: raises `NoThreadError` if that is impossible."""
        self._unstarted.append(start_thread)
        self.try_again()

    def try_again(self) -> None:
        """Start as many of the pending threads as possible."""
        try:
            while self._unstarted:
                self._unstarted[0]()
                del self._unstarted[0]
            self._since_seconds = None
        except NoThreadError as error:
            now = self._clock.seconds
            if self._since_seconds is None:
                self._since_seconds = now
                self._on_trouble(f"{error.problem} Trying again. {error.remedy}")
            elif not self._live and now - self._since_seconds > PATIENCE_SECONDS:
                raise
