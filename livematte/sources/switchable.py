"""A live source that can be replaced by another while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import Final, Protocol, runtime_checkable

from livematte.errors import SourceError, UsageError
from livematte.frame import Frame, Size
from livematte.sources.fitting import fitted
from livematte.sources.source import Source
from livematte.threads.request import Request, RunEndedError

RETRY_SECONDS: Final = 0.25
"""How long to wait before trying again to reopen the former source."""


_Making = Callable[[], Source]


@runtime_checkable
class _TurnedOff(Protocol):
    """A camera that can be turned off for a while."""

    def turn_off(self) -> None: ...

    def turn_on(self) -> None: ...


class SwitchableSource:
    """The frames of one source, then of another, as if they were one.

    Frames keep their size: frames of another size are scaled and cropped to the first source's.
    Their numbers and times continue.
    """

    def __init__(self, source: Source, make_again: Callable[[], Source]) -> None:
        """source: a live one, not open yet. make_again: makes it again, to return to it."""
        self.live = source.live
        self._source = source
        self._make = make_again
        self._asked: Request[_Making] | None = None
        self._is_open = self._is_off = False
        self._interrupted = threading.Event()
        self._lock = threading.Lock()
        self._trouble = ""
        self._index = -1
        self._captured_seconds = self._media_seconds = 0.0

    @property
    def size(self) -> Size:
        return self._size

    @property
    def frames_per_second(self) -> Fraction:
        return self._frames_per_second

    @property
    def description(self) -> str:
        return self._description

    @property
    def trouble(self) -> str:
        return self._trouble or self._source.trouble

    @property
    def remarks(self) -> Sequence[str]:
        return self._source.remarks

    @property
    def can_be_off(self) -> bool:
        """Whether `turn_off` does anything."""
        return isinstance(self._source, _TurnedOff)

    def switch(self, make: _Making) -> Request[_Making]:
        """Switch to another source; one switch at a time, from any thread.

        The current source is closed first, because both may use the same device. If the other one
        cannot be opened, it is used again.

        Raises `UsageError` if another switch is in progress.
        """
        asked = Request(make)
        with self._lock:
            if self._asked is not None:
                raise UsageError("The camera is being changed already.", "Wait for that to finish.")
            self._asked = asked
            if self._interrupted.is_set():
                self._end_asked(RunEndedError())
        self._source.interrupt()
        return asked

    def turn_off(self) -> None:
        """Turn the camera off, so that its light goes off, until `turn_on`; from any thread."""
        with self._lock:
            self._is_off = True
            if isinstance(self._source, _TurnedOff):
                self._source.turn_off()

    def turn_on(self) -> None:
        with self._lock:
            self._is_off = False
            if isinstance(self._source, _TurnedOff):
                self._source.turn_on()

    def __enter__(self) -> SwitchableSource:
        self._source.__enter__()
        self._description = self._source.description
        self._is_open = True
        self._size = self._source.size
        self._frames_per_second = self._source.frames_per_second
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def frames(self) -> Iterator[Frame]:
        try:
            while not self._interrupted.is_set():
                if self._is_open:
                    yield from self._numbered()
                elif self._asked is None:
                    self._open_again()
                    continue
                if self._asked is None:
                    return
                self._change(self._asked)
        finally:
            with self._lock:
                self._end_asked(SourceError("The camera gives no more frames.", "Start again."))

    def recycle(self, frame: Frame) -> None:
        self._source.recycle(frame)

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted.set()
        self._source.interrupt()

    def _numbered(self) -> Iterator[Frame]:
        """The frames of the current source, numbered and timed after those of the one before."""
        first_index = self._index + 1
        shift_seconds: float | None = None
        for frame in self._source.frames():
            if shift_seconds is None:
                passed_seconds = frame.captured_seconds - self._captured_seconds
                is_first = first_index == 0
                shift_seconds = (
                    0.0 if is_first else self._media_seconds + passed_seconds - frame.media_seconds
                )
                self._trouble = ""
            self._index = first_index + frame.index
            self._captured_seconds = frame.captured_seconds
            self._media_seconds = frame.media_seconds + shift_seconds
            yield Frame(
                fitted(frame, self._size, self._source),
                self._index,
                self._captured_seconds,
                self._media_seconds,
            )
            if self._asked is not None:
                return

    def _change(self, asked: Request[_Making]) -> None:
        """Switch to the requested source; if it cannot be opened, reopen the current one."""
        error: Exception | None = None
        self._close()
        try:
            self._open(asked.wanted)
            self._make = asked.wanted
        except Exception as failure:
            error = failure
            self._open_again()
        with self._lock:
            self._end_asked(error)

    def _open(self, make: Callable[[], Source]) -> None:
        source = make()
        with self._lock:
            self._source = source
            if self._interrupted.is_set():
                source.interrupt()  # the request reached only the source before
        source.__enter__()
        self._description = source.description
        self._is_open = True
        with self._lock:
            if self._is_off and isinstance(source, _TurnedOff):
                source.turn_off()

    def _open_again(self) -> None:
        """Open the former source again, or try again later."""
        try:
            self._open(self._make)
        except Exception:
            self._trouble = "Waiting for the camera"
            self._interrupted.wait(RETRY_SECONDS)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            with suppress(Exception):  # it may have failed already
                self._source.__exit__(None, None, None)

    def _end_asked(self, error: Exception | None) -> None:
        """Report the result of the switch to its caller; call it under the lock."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.end(error)
