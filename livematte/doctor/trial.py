"""A short run of everything: the demo, the renderer that livematte picks, and a counting sink."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from livematte.doctor.finding import Finding, note, ok, problem
from livematte.text.counted import counted

if TYPE_CHECKING:
    from livematte.frame import Rendered, Size
    from livematte.pipeline.statistics import Summary
    from livematte.render.renderer import OpenedRenderer

SECONDS: Final = 2.0
"""Counted from the first picture."""

START_SECONDS: Final = 60.0
"""How long the first picture may take: PyTorch and its first use of CUDA take half a minute."""

SLOW_FRAMES_PER_SECOND: Final = 15.0
"""Below this, a video call looks like a slide show."""

PERSON_SHARE: Final = (0.1, 0.4)
"""The least and the most of the demo's picture that the person may cover; it is about 0.21."""


class Tally:
    """Counts pictures, and measures how much of the last one is the person."""

    def __init__(self) -> None:
        self.pictures = 0
        self.person_share = 0.0
        self._made_seconds = self._first_seconds = time.monotonic()

    @property
    def seconds_to_first(self) -> float:
        return self._first_seconds - self._made_seconds

    @property
    def seconds_since_first(self) -> float:
        return time.monotonic() - self._first_seconds if self.pictures else 0.0

    def count(self, picture: Rendered) -> None:
        if picture.index < 0:  # a slate
            return
        if not self.pictures:
            self._first_seconds = time.monotonic()
        self.pictures += 1
        self.person_share = float(picture.alpha.mean()) / 255


def check() -> Iterator[Finding]:
    from livematte.options.rendering import RenderOptions
    from livematte.render.opening import open_renderer

    yield run(lambda size: open_renderer(RenderOptions(), size))


def run(
    open_renderer: Callable[[Size], OpenedRenderer],
    seconds: float = SECONDS,
    start_seconds: float = START_SECONDS,
) -> Finding:
    """Run the demo through a renderer, in the pipeline that `livematte` uses."""
    from livematte.backgrounds.parse import parse
    from livematte.errors import LivematteError
    from livematte.pipeline.events import PipelineEvents
    from livematte.pipeline.pipeline import Pipeline
    from livematte.pipeline.scene import Scene
    from livematte.sinks.null import NullSink
    from livematte.sources import Demo

    tally = Tally()

    def stop_in_time(_: Rendered) -> None:
        if tally.seconds_since_first >= seconds:
            pipeline.stop()

    pipeline = Pipeline(
        Demo(),
        open_renderer,
        Scene((parse("green"),)),
        [NullSink(tally.count)],
        events=PipelineEvents(sent=stop_in_time),
    )
    limit = threading.Timer(start_seconds + seconds, pipeline.stop)
    limit.daemon = True
    limit.start()
    try:
        pipeline.run()
    except LivematteError as error:
        return problem(f"The demo failed: {error.problem}", error.remedy)
    finally:
        limit.cancel()
    if pipeline.choice is None or not tally.pictures:
        return problem(
            f"The demo gave no matted picture within {start_seconds + seconds:g} seconds.",
            "Try the slowest and most reliable device:",
            "livematte --demo --device torch:cpu",
        )
    return _judge(tally, pipeline.statistics.summary(), pipeline.choice)


def _judge(tally: Tally, summary: Summary, choice: OpenedRenderer) -> Finding:
    from livematte.network.size import SHORT_SIDES

    reason = f" ({choice.reason})" if choice.reason else ""
    by = f"{choice.renderer.description}{reason}"
    if not PERSON_SHARE[0] <= tally.person_share <= PERSON_SHARE[1]:
        return problem(
            f"The mattes are wrong: they show {tally.person_share:.0%} of the demo's picture as "
            f"the person. {by}",
            "Try the slowest and most reliable device:",
            "livematte --demo --device torch:cpu",
        )
    latencies = summary.median_latency_seconds, summary.p95_latency_seconds
    median, p95 = (f"{1000 * each:.0f} ms" for each in latencies if each is not None)
    text = (
        f"{counted(tally.pictures, 'picture')} of 1280x720 at "
        f"{summary.frames_per_second:.1f} frames/s, "
        f"latency {median} median, {p95} 95th percentile, the first after "
        f"{tally.seconds_to_first:.1f} s. {by}"
    )
    if summary.frames_per_second < SLOW_FRAMES_PER_SECOND:
        return note(
            f"{text}. That is slow.",
            "Close other programs, or use smaller mattes:",
            f"livematte --quality fast --matte-size {SHORT_SIDES.start}",
        )
    return ok(text)
