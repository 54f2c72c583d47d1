"""A sink that discards pictures: for benchmarks, and for tests of the code before a sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from livematte.frame import Rendered, Size
from livematte.sinks.sink import require_picture


class NullSink:
    """Implements `Sink`, and passes the pictures only to `on_send`."""

    takes_alpha = True
    remarks: Sequence[str] = ()

    def __init__(
        self,
        on_send: Callable[[Rendered], None] = lambda _picture: None,
        *,
        description: str = "nowhere",
    ) -> None:
        """on_send: called with each picture, from the sending thread."""
        self.description = description
        self._on_send = on_send
        self._size = Size(0, 0)

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._size = size

    def send(self, picture: Rendered) -> None:
        require_picture(picture, self._size)
        self._on_send(picture)

    def close(self) -> None:
        """Nothing is held."""

    def abort(self) -> None:
        """Nothing is held."""
