"""What a source promises, and the memory that its frames live in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Protocol

import numpy as np

from livematte.frame import Frame, Image, Size


class Source(Protocol):
    """Yields frames. Making one touches no hardware; entering it with `with` opens it."""

    @property
    def live(self) -> bool:
        """True: only the newest frame matters. False: no frame may be left out."""
        ...

    @property
    def size(self) -> Size:
        """Of every frame; known once it is open."""
        ...

    @property
    def frames_per_second(self) -> Fraction:
        """The nominal rate, known once it is open; 30000/1001 stays that."""
        ...

    @property
    def description(self) -> str:
        """What the user is told, once it is open: 'camera 0 "Webcam", 1280x720 at 30 frames/s'."""
        ...

    @property
    def trouble(self) -> str:
        """Why no frame comes now, in a few words for the slate; "" if none is missing."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What went wrong without ending the run, for people to be told at its end."""
        ...

    def __enter__(self) -> Source:
        """Open it. Raises `SourceError` if that fails, and `UsageError` if it never could."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the hardware or file back. Twice is fine, and so is after opening has failed."""
        ...

    def frames(self) -> Iterator[Frame]:
        """The frames, in order, to be taken by one thread; ends where a file does.

        A frame stays as it is until it is recycled. Raises `SourceError` if no more can be had.
        """
        ...

    def recycle(self, frame: Frame) -> None:
        """Take back a frame that nobody reads any more; from any thread.

        Its memory is used for another frame. To forget it costs an allocation and nothing else.
        It may come from a source that this one has replaced, and before this one is open.
        """
        ...

    def interrupt(self) -> None:
        """Make `frames` end soon, even while it waits or before it begins; from any thread.

        Only where a library waits on the network, `frames` may take as long as its own patience.
        """
        ...


class FrameBuffers:
    """Memory for frames of one size, used again and again; safe to use from several threads."""

    def __init__(self, size: Size = Size(0, 0)) -> None:  # noqa: B008 - it cannot be changed
        """size: of the frames; none before it is known."""
        self._shape = (size.height, size.width, 3)
        self._free: deque[Image] = deque()

    def take(self) -> Image:
        """An array uint8 (H, W, 3) of unknown content: a recycled one, or else a new one."""
        try:
            return self._free.pop()
        except IndexError:
            return np.empty(self._shape, np.uint8)

    def give_back(self, image: Image) -> None:
        """`image` may be taken again; arrays of another size are let go."""
        if image.shape == self._shape:
            self._free.append(image)
