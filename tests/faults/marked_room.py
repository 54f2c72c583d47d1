"""Someone in a room of a colour that no background has, and a sink that looks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import islice
from types import TracebackType
from typing import Final, NamedTuple

import cv2
import numpy as np

from livematte.backgrounds.parse import parse
from livematte.frame import Frame, Image, Rendered, Size
from livematte.options.refinement import PLAIN
from livematte.options.rendering import CPU, RenderOptions
from livematte.pipeline.slate import SLATE_INDEX
from livematte.render.opening import open_renderer
from livematte.sinks.null import NullSink
from livematte.sources import Demo

SIZE: Final = Size(640, 360)
MARK: Final = (255, 0, 255)
"""The room's colour, in BGR."""

NEAR: Final = 60
"""A pixel whose every channel is this close to the mark shows the room. At the person's edge room
and background are mixed, less than half of it room."""

RATE: Final = Fraction(25)


@cache
def people() -> list[Image]:
    """The demo's portrait in the marked room, uint8 BGR (H, W, 3), some frames of it.

    In the room is only what the network surely took for one, so that no other room is around.
    """
    renderer = open_renderer(
        RenderOptions(CPU, "fp32", matte_short_side=288, refinement=PLAIN), SIZE
    ).renderer
    pictures = []
    with Demo(SIZE, realtime=False) as demo:
        for frame in islice(demo.frames(), 0, 40, 4):
            assert renderer.submit(frame, parse("magenta"))
            picture = renderer.collect(20)
            assert picture is not None
            pictures.append(picture.image.copy())
    renderer.close()
    return pictures


class MarkedRoom:
    """A live source of someone in the marked room."""

    live = True
    size = SIZE
    frames_per_second = RATE
    description = "marked room"
    remarks = ()
    trouble = ""

    def __init__(self) -> None:
        self._stopped = False

    def __enter__(self) -> MarkedRoom:
        self._people = people()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    def frames(self) -> Iterator[Frame]:
        index = 0
        while not self._stopped:
            image = self._people[index % len(self._people)].copy()
            yield Frame(image, index, time.monotonic(), float(index / RATE))
            index += 1
            time.sleep(float(1 / RATE))

    def recycle(self, frame: Frame) -> None:
        frame.image[:] = MARK  # whoever still reads it shows it

    def interrupt(self) -> None:
        self._stopped = True


class Seen(NamedTuple):
    """A picture that was sent: when, whether it was the slate, how many pixels show the room."""

    seconds: float
    is_slate: bool
    marked: int


class Watcher(NullSink):
    """Looks for the room in every picture."""

    def __init__(self, on_seen: Callable[[Seen], None] = lambda _seen: None) -> None:
        super().__init__(self._look, description="watcher")
        self.seen: list[Seen] = []
        self._on_seen = on_seen

    def _look(self, picture: Rendered) -> None:
        seen = Seen(time.monotonic(), picture.index == SLATE_INDEX, count_marked(picture.image))
        self.seen.append(seen)
        self._on_seen(seen)


def count_marked(image: Image) -> int:
    """How many pixels show the marked room."""
    low = tuple(max(0, each - NEAR) for each in MARK)
    high = tuple(min(255, each + NEAR) for each in MARK)
    return int(np.count_nonzero(cv2.inRange(image, low, high)))
