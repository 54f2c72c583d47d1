"""Interlaced video: pictures whose lines were taken at two times, every other one later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

COLUMNS: Final = 480
"""So many columns are looked at, at most."""

COMB_LEVELS: Final = 10
"""A line that stands out by more from both lines beside it may be of another time."""

MOVING_PART: Final = 0.001
"""Where less than this part of a picture combs, nothing has moved that would tell anything."""

SURE_FRAMES: Final = 4
"""So many frames that were taken at one time, and none that was not, prove the flag wrong."""

IDLE_FRAMES: Final = 50
"""After so many frames that are not marked as interlaced nothing is prepared for the next one."""


class TimedFrame(NamedTuple):
    """A decoded frame and when it is shown, in seconds."""

    seconds: Fraction
    frame: av.VideoFrame


class Deinterlacer:
    """Makes whole pictures of frames that are marked as interlaced, as many as there were.

    What is not marked is left as it is, whatever it looks like: many things comb, and a mark is
    rarely missing. Frames that are marked although they were taken at one time, as films on
    television are, keep all of their lines.
    """

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._pending: deque[TimedFrame] = deque()
        self._unmarked = 0
        self._flag = _FlagCheck()

    def take(self, timed: TimedFrame) -> Iterator[TimedFrame]:
        """The pictures that are known now, in order: each needs the frame after it."""
        frame = timed.frame
        self._unmarked = 0 if frame.interlaced_frame else self._unmarked + 1
        if self._graph is not None and (_kind(frame) != self._kind or self._unmarked > IDLE_FRAMES):
            yield from self.rest()
        if self._graph is None and (not frame.interlaced_frame or not self._begin(frame)):
            yield timed
            return
        assert self._graph is not None
        self._pending.append(timed)
        self._graph.vpush(frame)
        yield from self._pull()

    def rest(self) -> Iterator[TimedFrame]:
        """What is still held back."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull()
            yield from self._pending  # none, unless the filter has failed
            self._pending.clear()
            self._graph = None

    def _begin(self, frame: av.VideoFrame) -> bool:
        import av
        import av.filter

        graph = av.filter.Graph()
        try:
            graph.link_nodes(
                graph.add_buffer(
                    width=frame.width,
                    height=frame.height,
                    format=frame.format,
                    time_base=frame.time_base or Fraction(1, 1000),
                ),
                graph.add("bwdif", mode="send_frame", parity="auto", deint="all"),
                graph.add("buffersink"),
            )
            graph.configure()
        except av.FFmpegError:  # a few pixels only, or a format that it does not know
            return False
        self._graph, self._kind = graph, _kind(frame)
        return True

    def _pull(self) -> Iterator[TimedFrame]:
        import av

        assert self._graph is not None
        while self._pending:
            try:
                whole = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            seconds, frame = self._pending.popleft()
            if frame.interlaced_frame and self._flag.is_right(frame):
                yield TimedFrame(seconds, whole)
            else:
                yield TimedFrame(seconds, frame)


class _FlagCheck:
    """Whether frames that are marked as interlaced are so.

    Of one that is, every other line fits the lines of the frame before as well as its own; of one
    that was taken at once they fit nothing else.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.int16] | None = None
        self._whole_frames = 0

    def is_right(self, frame: av.VideoFrame) -> bool:
        luma = _luma(frame)
        before, self._before = self._before, luma
        if before is not None and before.shape == luma.shape:
            own, mixed = _combing(luma, luma), min(_combing(luma, before), _combing(before, luma))
            if own < mixed / 2 and mixed > MOVING_PART:
                self._whole_frames += 1
            elif own > MOVING_PART:
                self._whole_frames = 0
        return self._whole_frames < SURE_FRAMES


def _luma(frame: av.VideoFrame) -> NDArray[np.int16]:
    gray = frame.reformat(format="gray")
    plane = gray.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    step = max(1, gray.width // COLUMNS)
    return rows[: gray.height // 2 * 2, : gray.width : step].astype(np.int16)


def _combing(even: NDArray[np.int16], odd: NDArray[np.int16]) -> float:
    """The part of the lines of `odd` that stand out between the lines of `even`."""
    above, line, below = even[:-2:2], odd[1:-1:2], even[2::2]
    if not line.size:
        return 0.0
    higher, lower = line - np.maximum(above, below), np.minimum(above, below) - line
    return float(np.mean(np.maximum(higher, lower) > COMB_LEVELS))


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
