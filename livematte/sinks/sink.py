"""The interface of a sink."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Protocol, runtime_checkable

from livematte.frame import Rendered, Size

MOST_WAITING: Final = 8
"""Pictures queued for a recording: a quarter of a second for the encoder or disk to catch up."""


class Sink(Protocol):
    """Takes pictures: a window, a virtual camera or a file.

    Creating a sink touches nothing: no device, no file, no window. `open`, `send` and `close` or
    `abort` are called from the sink's own thread: they may be slow, no other thread waits for them.
    """

    @property
    def description(self) -> str:
        """Shown to the user: "preview", "virtual camera /dev/video10", "demo.mp4 (H.264)"."""
        ...

    @property
    def takes_alpha(self) -> bool:
        """Whether this sink can show or store transparency."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences to show the user at the end, such as where a file was kept."""
        ...

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        """Prepare for pictures of `size` at about `frames_per_second`.

        Raises `SinkError` if that fails; nothing is left behind then.
        """
        ...

    def send(self, picture: Rendered) -> None:
        """Show or write one picture. Its arrays are only read, and not kept.

        Raises `SinkError` if it could not be shown or written, `TypeError` for anything but a
        `Rendered`, such as a raw frame, and `ValueError` for a size other than `open` got.
        """
        ...

    def close(self) -> None:
        """Finish: a file appears under its name only now. Closing twice is fine, and so is closing
        a sink that was not opened or failed to open.

        Raises `SinkError` if the file could not be finished; it is then kept as `abort` does.
        """
        ...

    def abort(self) -> None:
        """End after an error, the sink's own or another one, without losing the recording.

        The recording is kept under a name that marks it as incomplete; `remarks` reports the name.
        A file without any content is removed. Raises nothing, and may be called after `close`.
        """
        ...


def require_picture(picture: object, size: Size) -> None:
    """The first check of every `send`, because type checkers do not run at run time.

    Raises `TypeError` for anything but a `Rendered`, `ValueError` if it does not have `size`.
    """
    if not isinstance(picture, Rendered):
        raise TypeError(f"a sink takes only Rendered pictures, not {type(picture).__name__}")
    if picture.size != size:
        raise ValueError(f"expected a picture of {size}, got {picture.size}")


@runtime_checkable
class KeepsPictures(Protocol):
    """A sink that should not lose pictures while it is briefly busy: a recording.

    It gets no slates.
    """

    @property
    def most_waiting(self) -> int:
        """How many pictures can wait for it; for other sinks, only the newest one waits."""
        ...


@runtime_checkable
class View(Protocol):
    """A sink that only shows pictures: it may miss some while other sinks write files."""

    only_shows: bool


@runtime_checkable
class Interruptible(Protocol):
    """A sink that waits for something."""

    def interrupt(self) -> None:
        """Make `open` and `send` return soon, without an error; from any thread."""
        ...
