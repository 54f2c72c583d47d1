"""The pictures of a background's file, one after the other, in a loop."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from livematte.errors import BackgroundError
from livematte.frame import Image
from livematte.media.kept_file import keep_file


class Shown(Protocol):
    """A picture of a moving background, and its start and end."""

    @property
    def from_seconds(self) -> float: ...

    @property
    def until_seconds(self) -> float: ...

    def pixels(self) -> Image:
        """The picture as it is shown, uint8 BGR (H, W, 3); do not write to it."""
        ...


ShownT_co = TypeVar("ShownT_co", bound=Shown, covariant=True)


class Loop(ABC, Generic[ShownT_co]):
    """An endless sequence of pictures; subclasses decode them.

    The file is opened once. Small files are kept in memory and larger ones stay open, so that a
    file that is deleted, moved or replaced goes on unchanged. If a later part is damaged, the part
    before it is looped.
    """

    def __init__(self, path: Path) -> None:
        """Raises `BackgroundError` if it is not a file or none of its pictures can be decoded."""
        self._path = path
        self._close: Callable[[], object] = lambda: None
        self.reopen(0.0)

    def reopen(self, seconds: float) -> None:
        """Open the file now at the path; its first picture is shown from `seconds` on.

        Raises `BackgroundError` as the constructor does.
        """
        file = keep_file(self._path)
        self._close()
        self._file, self._close = file, weakref.finalize(self, file.close)
        self._until_seconds = seconds
        self._following: ShownT_co | None = self._first()

    def next(self) -> ShownT_co:
        """The next picture, which is shown when the last one ends; waits for disk and decoder.

        Raises `BackgroundError` if nothing can be decoded any more.
        """
        shown, self._following = self._following, None
        if shown is None:
            shown = next(self._decoded, None)
        if shown is None:
            shown = self._first()
        self._until_seconds = shown.until_seconds
        return shown

    def _first(self) -> ShownT_co:
        """The file's first picture, for the start of the loop."""
        self._decoded = self._decode(self._until_seconds)
        shown = next(self._decoded, None)
        if shown is None:
            raise self._undecodable()
        return shown

    @abstractmethod
    def _decode(self, from_seconds: float) -> Iterator[ShownT_co]:
        """Each picture of `self._file` once, from `from_seconds` on; ends early at damage.

        May raise `BackgroundError` instead of the first picture.
        """

    @abstractmethod
    def _undecodable(self) -> BackgroundError:
        """The error for a file of which no picture can be decoded."""
