"""A sink for tests: what it was sent, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from livematte.frame import Rendered
from livematte.pipeline.slate import SLATE_INDEX
from livematte.sinks.null import NullSink


class RecordingSink(NullSink):
    """Keeps copies of what it was sent, and notes when and in which memory it came.

    Tests override `open`, `send` and `close` to be slow, to hang or to fail.
    """

    def __init__(
        self, on_send: Callable[[int], None] = lambda _index: None, *, name: str = "recording"
    ) -> None:
        """on_send: called with the index of each picture, before it is kept."""
        super().__init__(lambda picture: on_send(picture.index), description=name)
        self.pictures: list[Rendered] = []
        self.seconds: list[float] = []
        self.memory: set[int] = set()
        self.ended = ""

    def send(self, picture: Rendered) -> None:
        assert not self.ended
        super().send(picture)
        self.seconds.append(time.monotonic())
        self.memory.add(picture.image.ctypes.data)
        self.pictures.append(
            replace(picture, image=picture.image.copy(), alpha=picture.alpha.copy())
        )

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"

    @property
    def indices(self) -> list[int]:
        return [each.index for each in self.pictures]

    @property
    def matted(self) -> list[Rendered]:
        """The pictures without the slates."""
        return [each for each in self.pictures if each.index != SLATE_INDEX]

    @property
    def longest_gap(self) -> float:
        return max(after - before for before, after in pairwise(self.seconds))
