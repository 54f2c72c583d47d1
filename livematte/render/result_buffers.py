"""From the thread that renders to the thread that collects, over a fixed set of buffers."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from livematte.background import Background, Transparent
from livematte.errors import MatteError
from livematte.frame import Frame, Image, Rendered, Size

if TYPE_CHECKING:
    from collections.abc import Iterator


class ResultBuffers:
    """A queue of at most `depth` finished pictures, for renderers that finish within `submit`.

    The pictures live in `depth + 1` pairs of buffers that are allocated once and reused in turn:
    up to `depth` wait or are being rendered, and one is held by the last caller of `collect`.
    """

    def __init__(self, depth: int, size: Size) -> None:
        self._free = deque(
            (np.zeros((size.height, size.width, 3), np.uint8), np.zeros(size[::-1], np.uint8))
            for _ in range(depth + 1)
        )
        self._finished: deque[Rendered | MatteError] = deque()
        self._leased: Rendered | None = None
        self._changed = threading.Condition()

    def has_room(self) -> bool:
        """Whether a picture can be rendered now; only the rendering thread can make this False."""
        with self._changed:
            return self._has_room()

    def wait_for_room(self, timeout_seconds: float) -> bool:
        """Wait for room; returns whether there is some."""
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout_seconds)

    def _has_room(self) -> bool:
        return len(self._free) > (self._leased is None)

    @contextmanager
    def render(self, frame: Frame, background: Background) -> Iterator[tuple[Image, Image]]:
        """Buffers to render `frame` into: image (H, W, 3) and alpha (H, W). Queued on success.

        A `MatteError` is queued too; `collect` raises it in the picture's place.
        """
        with self._changed:
            image, alpha = buffers = self._free.popleft()
        try:
            yield buffers
        except MatteError as error:
            with self._changed:
                self._free.append(buffers)
                self._finished.append(error)
                self._changed.notify_all()
            return
        except BaseException:
            with self._changed:
                self._free.append(buffers)
            raise
        picture = Rendered(
            image,
            alpha,
            frame.index,
            frame.captured_seconds,
            frame.media_seconds,
            transparent=isinstance(background, Transparent),
        )
        with self._changed:
            self._finished.append(picture)
            self._changed.notify_all()

    def collect(self, timeout_seconds: float) -> Rendered | None:
        """As `Renderer.collect`: the picture it returned last can be overwritten from now on."""
        with self._changed:
            if self._leased is not None:
                self._free.append((self._leased.image, self._leased.alpha))
                self._leased = None
                self._changed.notify_all()
            if not self._changed.wait_for(lambda: bool(self._finished), timeout_seconds):
                return None
            finished = self._finished.popleft()
            if isinstance(finished, MatteError):
                raise finished
            self._leased = finished
            return finished
