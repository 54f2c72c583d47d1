"""Memory for pictures on their way to sinks: one copy for all sinks, reused."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from livematte.frame import Rendered


class Taken(NamedTuple):
    """A picture that a sink has accepted.

    captured_seconds, taken_seconds: by `time.monotonic()`; `taken_seconds` is that of the last sink
        that shows pictures.
    is_shown: whether such a sink has it, or there is no such sink.
    """

    captured_seconds: float
    taken_seconds: float
    is_shown: bool


class Buffer:
    """A picture that several sinks read.

    holders: how many queues, sinks and others hold it.
    taken_seconds, is_shown: see `Taken`; None until a sink has it.
    is_counted: whether it was already counted as taken or dropped.
    is_mirrored: whether it is the mirror image of the rendered picture.
    """

    def __init__(self, picture: Rendered, mirrored: bool) -> None:
        self._image = np.empty_like(picture.image)
        self._alpha = np.empty_like(picture.alpha)
        self.fill(picture, mirrored)

    def fits(self, picture: Rendered) -> bool:
        return self._image.shape == picture.image.shape

    def fill(self, picture: Rendered, mirrored: bool) -> None:
        if mirrored:
            cv2.flip(picture.image, 1, dst=self._image)
            cv2.flip(picture.alpha, 1, dst=self._alpha)
        else:
            np.copyto(self._image, picture.image)
            np.copyto(self._alpha, picture.alpha)
        self.picture = replace(picture, image=self._image, alpha=self._alpha)
        self.is_mirrored = mirrored
        self.holders = 1
        self.taken_seconds: float | None = None
        self.is_shown = self.is_counted = False


class Buffers:
    """Reusable buffers. All methods but `filled` are called under the lock of the outputs.

    dropped: how many pictures no sink accepted.
    most_spare: how many free buffers to keep for reuse.
    """

    def __init__(self, most_spare: int) -> None:
        self.taken: deque[Taken] = deque()
        self.dropped = 0
        self.most_spare = most_spare
        self._spare: deque[Buffer] = deque()
        self._last: Buffer | None = None

    @property
    def last(self) -> Buffer | None:
        """The last picture that was sent, kept until the next one; None before the first."""
        return self._last

    def filled(self, picture: Rendered, mirrored: bool = False) -> Buffer:
        """A copy of `picture`, held by the caller; main thread only."""
        with suppress(IndexError):
            buffer = self._spare.pop()
            if buffer.fits(picture):
                buffer.fill(picture, mirrored)
                return buffer
        return Buffer(picture, mirrored)

    def hold(self, buffer: Buffer) -> Buffer:
        buffer.holders += 1
        return buffer

    def keep(self, buffer: Buffer | None) -> None:
        """Keep it as the last one, and release the one before."""
        before, self._last = self._last, None if buffer is None else self.hold(buffer)
        if before is not None:
            self.release(before)

    def release(self, buffer: Buffer) -> None:
        buffer.holders -= 1
        if buffer.holders == (buffer is self._last):
            self._count(buffer)
        if not buffer.holders and len(self._spare) < self.most_spare:
            self._spare.append(buffer)

    def _count(self, buffer: Buffer) -> None:
        """Once no sink holds it, count it as taken or dropped. Pictures sent again count once."""
        picture = buffer.picture
        if buffer.is_counted or picture.index < 0:
            return
        buffer.is_counted = True
        if buffer.taken_seconds is None:
            self.dropped += 1
        else:
            taken = Taken(picture.captured_seconds, buffer.taken_seconds, buffer.is_shown)
            self.taken.append(taken)
