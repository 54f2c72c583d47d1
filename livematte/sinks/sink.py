"""What a sink promises."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Protocol, runtime_checkable

from livematte.frame import Rendered, Size

MOST_WAITING: Final = 8
"""Of pictures, for a recording: a quarter of a second for the encoder or the disk to catch up."""


class Sink(Protocol):
    """Takes pictures: a window, a virtual camera or a file.

    Making one touches nothing: no device, no file, no window. `open`, `send` and `close` or `abort`
    are called from one thread, which is the sink's own: it may take its time, and no other waits.
    """

    @property
    def description(self) -> str:
        """What the user is told: "preview", "virtual camera /dev/video10", "demo.mp4 (H.264)"."""
        ...

    @property
    def takes_alpha(self) -> bool:
        """Whether a transparent background can be seen as such here."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What people must be told in the end, each in a sentence: where something was kept."""
        ...

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        """Get ready for pictures of `size` that come about `frames_per_second` times a second.

        Raises `SinkError` if that fails; nothing is left behind then.
        """
        ...

    def send(self, picture: Rendered) -> None:
        """Show or write one picture. Its arrays are read, never written, and not kept.

        Raises `SinkError` if it could not be shown or written, `TypeError` for anything but a
        `Rendered`, such as a raw frame, and `ValueError` for one of another size than `open` got.
        """
        ...

    def close(self) -> None:
        """Finish: a file appears under its name only now. Closing twice is fine, and so is closing
        what was not opened or has failed to open.

        Raises `SinkError` if the file could not be finished; what there is of it is kept as `abort`
        does.
        """
        ...

    def abort(self) -> None:
        """End after an error, its own or another's: an error is not a wish to throw away.

        What was recorded is kept, under a name that tells that it is not whole, which `remarks`
        says. A file that nothing is in yet is removed. Raises nothing, and may follow `close`.
        """
        ...


def require_picture(picture: object, size: Size) -> None:
    """What every sink does first with what it is sent: a type checker does not run at a call.

    Raises `TypeError` for what no renderer or slate has made, `ValueError` if it is not of `size`.
    """
    if not isinstance(picture, Rendered):
        raise TypeError(f"a sink takes only Rendered pictures, not {type(picture).__name__}")
    if picture.size != size:
        raise ValueError(f"a picture of {picture.size} was sent where {size} was announced")


@runtime_checkable
class KeepsPictures(Protocol):
    """A sink that should lose none because it is busy for a moment: a recording.

    It is sent no slates.
    """

    @property
    def most_waiting(self) -> int:
        """How many pictures may wait for it; of other sinks the newest one does."""
        ...


@runtime_checkable
class View(Protocol):
    """A sink that only lets somebody watch: where others write files, it may miss pictures."""

    only_shows: bool


@runtime_checkable
class Interruptible(Protocol):
    """A sink that waits for something."""

    def interrupt(self) -> None:
        """Make `open` and `send` return soon, without error; from any thread."""
        ...
