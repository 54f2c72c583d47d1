"""The interface of a source, and the memory for its frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Protocol

import numpy as np

from livematte.frame import Frame, Image, Size


class Source(Protocol):
    """Yields frames. Creating a source touches no hardware; entering it with `with` opens it."""

    @property
    def live(self) -> bool:
        """True: only the newest frame matters. False: every frame matters."""
        ...

    @property
    def size(self) -> Size:
        """The size of every frame; known once the source is open."""
        ...

    @property
    def frames_per_second(self) -> Fraction:
        """The exact nominal rate, such as 30000/1001; known once the source is open."""
        ...

    @property
    def description(self) -> str:
        """For the user, once it is open: 'camera 0 "Webcam", 1280x720 at 30 frames/s'."""
        ...

    @property
    def trouble(self) -> str:
        """Why no frame comes now, in a few words for the slate; "" if frames come."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """Problems that did not end the run, to report at its end."""
        ...

    def __enter__(self) -> Source:
        """Open it. Raises `SourceError` if that fails, and `UsageError` if it can never work."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the hardware or file. Safe to call twice, and after a failed opening."""
        ...

    def frames(self) -> Iterator[Frame]:
        """The frames, in order, for one thread; ends at the end of a file.

        A frame stays unchanged until it is recycled. Raises `SourceError` if the source fails.
        """
        ...

    def recycle(self, frame: Frame) -> None:
        """Take back a frame that nobody reads any more; from any thread.

        Its memory is reused for another frame. A frame that is not recycled costs one allocation.
        The frame may come from a source that this one replaced, even before this one is open.
        """
        ...

    def interrupt(self) -> None:
        """Make `frames` end soon, even while it waits or before it begins; from any thread.

        If a library is waiting on the network, `frames` may end only after that library's timeout.
        """
        ...


class FrameBuffers:
    """Reusable memory for frames of one size; safe to use from several threads."""

    def __init__(self, size: Size = Size(0, 0)) -> None:  # noqa: B008 - it cannot be changed
        """size: of the frames; leave it out until it is known."""
        self._shape = (size.height, size.width, 3)
        self._free: deque[Image] = deque()

    def take(self) -> Image:
        """A uint8 array (H, W, 3) with undefined content: a recycled one, or else a new one."""
        try:
            return self._free.pop()
        except IndexError:
            return np.empty(self._shape, np.uint8)

    def give_back(self, image: Image) -> None:
        """Keep `image` for `take`; arrays of another size are dropped."""
        if image.shape == self._shape:
            self._free.append(image)
