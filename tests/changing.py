"""A run that is changed while it goes on, and a look at what is sent meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType
from typing import Final

import numpy as np

from livematte.background import Background
from livematte.backgrounds.named import parse_named
from livematte.controller import Controller, Controls
from livematte.errors import DeviceError, MatteError, SourceError
from livematte.frame import Frame, Rendered, Size
from livematte.options.changes import Change
from livematte.options.refinement import Refinement
from livematte.options.rendering import CUDA, RenderOptions
from livematte.options.settings import LiveSettings
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.slate import SLATE_INDEX
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import Sink
from livematte.sinks.null import NullSink
from livematte.sources import Source
from livematte.sources.switchable import SwitchableSource
from tests.sources.fakes import ROOM

SIZE: Final = Size(64, 32)
BACKGROUNDS: Final = ("navy", "maroon", "teal")
"""The room's colour is none of theirs."""

SECONDS_APART: Final = 0.005


class Walker:
    """Someone who walks through a marked room, one pixel a frame: no matte fits another frame."""

    live = True
    frames_per_second = Fraction(200)
    remarks: Sequence[str] = ()
    trouble = ""

    def __init__(self, name: str = "walker", size: Size = SIZE) -> None:
        self.name = name
        self.size = size
        self.is_stalled = False
        self._interrupted = threading.Event()

    def __enter__(self) -> Walker:
        time.sleep(0.02)
        if self.name == "broken":
            raise SourceError("Camera broken cannot be opened.", "Mend it.")
        self.description = self.name  # not known before
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
        while not self._interrupted.wait(SECONDS_APART):
            if self.is_stalled:
                continue
            image = np.full((self.size.height, self.size.width, 3), ROOM, np.uint8)
            width = self.size.width // 4
            left = index % (self.size.width - width)
            image[self.size.height // 4 :, left : left + width] = 150 + index % 100
            yield Frame(image, index, time.monotonic(), index * SECONDS_APART)
            index += 1

    def recycle(self, frame: Frame) -> None:
        frame.image[:] = 255  # whoever still reads it shows it

    def interrupt(self) -> None:
        self._interrupted.set()


@dataclass
class Seen(NullSink):
    """Looks at every picture that is sent; `faults` says what should not be there."""

    pictures: list[tuple[float, int, float]] = field(default_factory=list)
    """When, its index, and where the person is: 0 to 1 from the left."""
    faults: list[str] = field(default_factory=list)
    description: str = "seen"
    blurs: bool = False
    """Whether the room may be seen, as it is in this one that is of one colour."""

    def __post_init__(self) -> None:
        super().__init__(description=self.description)

    def send(self, picture: Rendered) -> None:
        inside = picture.alpha == 255
        person, behind = picture.image[inside], picture.image[~inside]
        place = float(np.argwhere(inside)[:, 1].mean()) / SIZE.width if inside.any() else -1.0
        self.pictures.append((time.monotonic(), picture.index, place))
        if (picture.image == ROOM).all(axis=2).any() and not self.blurs:
            self.faults.append(f"{picture.index}: the room")
        if picture.index == SLATE_INDEX:
            return
        if not inside.any() or person.min() < 150:  # the light that wraps around only adds
            self.faults.append(f"{picture.index}: another person")
        if len(np.unique(behind, axis=0)) != 1 and not self.blurs:
            self.faults.append(f"{picture.index}: another background")

    def since(self, seconds: float) -> list[tuple[float, int, float]]:
        return [each for each in list(self.pictures) if each[0] >= seconds]

    def longest_gap(self, since_seconds: float, *, of_person: bool = False) -> float:
        """Between two pictures, slates counted or not."""
        times = [each[0] for each in self.since(since_seconds) if each[1] >= 0 or not of_person]
        return float(np.diff(times).max()) if len(times) > 1 else float("inf")


class NotingRenderer(FakeRenderer):
    """Notes how it is asked to refine, and fails or is wrong when it is told to."""

    asked: Refinement | None = None
    is_broken = is_wrong = False

    def collect(self, timeout_seconds: float) -> Rendered | None:
        picture = super().collect(timeout_seconds)
        if picture is not None and self.is_wrong:
            raise MatteError("Nobody can be seen")
        return picture

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if self.is_broken:
            raise DeviceError("The device is lost.", "Start again.")
        self.asked = refinement
        return super().submit(frame, background, refinement)


class LiveRun:
    """A controller in a thread, with a sink that looks at what is sent."""

    def __init__(
        self,
        *sinks: Sink,
        controls: Sequence[Controls] = (),
        backgrounds: Sequence[str] = BACKGROUNDS,
        make: Callable[[], Source] = Walker,
    ) -> None:
        self.seen = Seen()
        self.sentences: list[str] = []
        self.changed: list[Change] = []
        self.renderers: list[NotingRenderer] = []
        self.error: BaseException | None = None
        self.source = make()
        switchable = SwitchableSource(self.source, make) if self.source.live else self.source
        self.controller = Controller(
            LiveSettings(tuple(backgrounds), camera="walker"),
            parse_named(backgrounds),
            switchable,
            [self.seen, *sinks],
            RenderOptions(),
            open_renderer=self._open,
            make_camera=lambda name: Walker(
                name.strip("/"), Size(96, 72) if "large" in name else SIZE
            ),
            controls=controls,
            events=PipelineEvents(trouble=self.sentences.append),
            on_change=lambda change, _settings: self.changed.append(change),
        )
        self.apply = self.controller.apply
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _open(self, options: RenderOptions, size: Size) -> OpenedRenderer:
        if options.device == CUDA:
            raise DeviceError("There is no CUDA device.", "Use the CPU.")
        self.renderers.append(NotingRenderer(size))
        return OpenedRenderer(self.renderers[-1], "")

    def _run(self) -> None:
        try:
            self.controller.run()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> LiveRun:
        self._thread.start()
        self.wait_for_pictures()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()
        self._thread.join(10)
        assert not self._thread.is_alive(), "the run does not end"
        assert self.seen.faults == []

    def wait_for_pictures(self, count: int = 3) -> None:
        """Until so many more were sent, with nothing else between them."""
        start = len(self.seen.pictures)
        wait_until(
            lambda: (
                len(self.seen.pictures) >= start + count
                and all(index >= 0 for _, index, _ in self.seen.pictures[-count:])
            )
        )


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
