"""SIGHUP reloads the backgrounds, as services reload their files. Not on Windows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from livematte.cli.signals import signals
from livematte.cli.terminal import say
from livematte.errors import LivematteError
from livematte.options.changes import Change, ReplaceBackgrounds


class Hangup:
    """A source of changes: each SIGHUP reloads the backgrounds."""

    def __init__(self, backgrounds: Callable[[], tuple[str, ...]]) -> None:
        """backgrounds: texts as `--background` takes them; raises `LivematteError`."""
        self._backgrounds = backgrounds
        self._asked = threading.Event()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Listen for SIGHUP until the end of the block."""
        signals.reload = self._asked.set
        try:
            yield
        finally:
            signals.reload = None

    def poll(self) -> list[Change]:
        if not self._asked.is_set():
            return []
        self._asked.clear()
        try:
            return [ReplaceBackgrounds(self._backgrounds())]
        except LivematteError as error:
            self.tell(str(error))
        except Exception as error:
            # Whatever the file contains, the call goes on.
            kind = type(error).__name__
            self.tell(f"The settings cannot be used, unexpected {kind}: {error}.")
        return []

    def tell(self, sentence: str) -> None:
        say(f"{sentence} The backgrounds stay as they were.")
