"""Something that one thread asks of another, and waits for."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from livematte.errors import UsageError

Wanted = TypeVar("Wanted")


class RunEndedError(UsageError):
    """What was asked of a run cannot be, because the run has ended."""

    def __init__(self) -> None:
        super().__init__("The run has ended.", "Start it again.")


class Request(Generic[Wanted]):
    """A request for `wanted`. Who asked waits for `ended`.

    error: why it could not be had; None if it could.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.ended = threading.Event()
        self.error: BaseException | None = None

    def end(self, error: BaseException | None = None) -> None:
        """Report the result."""
        self.error = error
        self.ended.set()
