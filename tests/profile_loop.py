"""What the loop costs beyond the network, with nothing decoded and nothing encoded.

    python -m tests.profile_loop [WIDTHxHEIGHT]

Frames of the demo that are made beforehand go through the whole pipeline into a sink that throws
them away. Per background: medians of the time from picture to picture, of the network alone, and
of their difference, in milliseconds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from livematte.background import parse
from livematte.frame import Frame, Rendered, Size
from livematte.pipeline import Pipeline
from livematte.render.renderer import Choice, open_renderer
from livematte.sources import Demo
from tests.golden.make_golden import BACKGROUNDS

if TYPE_CHECKING:
    from torch import Tensor

FRAMES: Final = 100
DIFFERENT_FRAMES: Final = 30
WARM_UP_FRAMES: Final = 5


class MadeBeforehand:
    """A source whose frames cost nothing."""

    live = False
    frames_per_second = Fraction(30)
    description = "frames made beforehand"
    remarks = ()

    def __init__(self, size: Size) -> None:
        self.size = size
        with Demo(size, realtime=False) as demo:
            self._images = [frame.image for frame in islice(demo.frames(), DIFFERENT_FRAMES)]

    def __enter__(self) -> MadeBeforehand:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def frames(self) -> Iterator[Frame]:
        for index in range(FRAMES):
            image = self._images[index % DIFFERENT_FRAMES]
            yield Frame(image, index, time.monotonic(), index / 30)

    def recycle(self, frame: Frame) -> None:
        pass

    def interrupt(self) -> None:
        pass


class Nowhere:
    """A sink that only notes when pictures come."""

    description = "nowhere"
    takes_alpha = True

    def __init__(self) -> None:
        self.times: list[float] = []

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        pass

    def send(self, picture: Rendered) -> None:
        if picture.index >= 0:
            self.times.append(time.perf_counter())

    def close(self) -> None:
        pass

    abort = close


def profile(source: MadeBeforehand, background: str) -> tuple[float, float]:
    """Median milliseconds from picture to picture, and of the network alone."""
    network_seconds: list[float] = []

    def open_watched(size: Size) -> Choice:
        choice = open_renderer(
            "cpu", frame_size=size, matte_short_side=288, weights_name="photographic"
        )
        renderer: Any = choice.renderer
        network = renderer._network

        def timed(image: Tensor) -> Tensor:
            started = time.perf_counter()
            matte: Tensor = network(image)
            network_seconds.append(time.perf_counter() - started)
            return matte

        renderer._network = timed
        return choice

    sink = Nowhere()
    Pipeline(source, open_watched, [parse(background)], [sink]).run()
    periods = [after - before for before, after in zip(sink.times, sink.times[1:], strict=False)]
    return (
        1000 * statistics.median(periods[WARM_UP_FRAMES:]),
        1000 * statistics.median(network_seconds[WARM_UP_FRAMES:]),
    )


def main() -> None:
    width, height = (sys.argv[1] if len(sys.argv) > 1 else "1280x720").split("x")
    source = MadeBeforehand(Size(int(width), int(height)))
    print(f"{'':12} {'period':>7} {'network':>7} {'beyond':>7}  ms")
    for name, background in BACKGROUNDS.items():
        period, network = profile(source, background)
        print(f"{name:12} {period:7.1f} {network:7.1f} {period - network:7.1f}")


if __name__ == "__main__":
    main()
