"""What a sink promises."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from livematte.frame import Rendered, Size


class Sink(Protocol):
    """Takes pictures: a window, a virtual camera or a file.

    Making one touches nothing: no device, no file, no window. `open`, `send` and `close` or `abort`
    are called from one thread, the main one, because windows belong to it.
    """

    @property
    def description(self) -> str:
        """What the user is told: "preview", "virtual camera /dev/video10", "demo.mp4 (H.264)"."""
        ...

    @property
    def takes_alpha(self) -> bool:
        """Whether a transparent background can be seen as such here."""
        ...

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        """Get ready for pictures of `size` that come about `frames_per_second` times a second.

        Raises `SinkError` if that fails; nothing is left behind then.
        """
        ...

    def send(self, picture: Rendered) -> None:
        """Show or write one picture. Its arrays are read, never written, and not kept.

        Raises `SinkError` if it could not be shown or written.
        """
        ...

    def close(self) -> None:
        """Finish: a file appears under its name only now. Closing twice is fine.

        Raises `SinkError` if the file could not be finished; nothing is left behind then.
        """
        ...

    def abort(self) -> None:
        """Give up: nothing unfinished stays, neither under the file's name nor beside it."""
        ...
