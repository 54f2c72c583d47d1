"""The settings of a live run, and how it is going."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livematte.options.refinement import Refinement, choose_refinement


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What can be changed during a run. Texts are as the command line takes them.

    backgrounds: at least one; `background_index` is the index of the one that is shown. The last
        can be one that was added during the run: it is dropped when another is shown.
    quality, without, edge, light_wrap: see `refinement.choose_refinement`.
    camera: None for an input that is not a camera.
    mirrored: everyone sees the picture mirrored.
    frozen: the last picture stands still.
    paused: the background is shown with "Be right back".
    recording: the file of the recording that was started during the run; None if there is none.
    """

    backgrounds: tuple[str, ...]
    background_index: int = 0
    quality: str = "balanced"
    without: frozenset[str] = frozenset()
    edge: int = 0
    light_wrap: float = 0.0
    camera: str | None = None
    device: str = "auto"
    precision: str = "auto"
    mirrored: bool = False
    frozen: bool = False
    paused: bool = False
    recording: Path | None = None

    @property
    def background(self) -> str:
        """The background that is shown."""
        return self.backgrounds[self.background_index]

    @property
    def refinement(self) -> Refinement:
        """How mattes are refined. Raises `UsageError` if a value is not valid."""
        return choose_refinement(self.quality, self.without, self.edge, self.light_wrap)


@dataclass(frozen=True, slots=True)
class LiveState:
    """How a run is going, at one moment.

    frames_per_second: of the last second or two.
    latency_seconds: from capture to display, the median of the last pictures; None before any.
    cpu_share: livematte's recent share of all cores, from 0 to 1; None before it is known.
    dropped, frames: counted since the start.
    device: the renderer's description; "" before it is open.
    camera: the source's description.
    notice: the text of the slate; "" while pictures are sent.
    is_idle: the camera is off because nobody is watching.
    """

    frames_per_second: float
    latency_seconds: float | None
    cpu_share: float | None
    frames: int
    dropped: int
    device: str
    camera: str
    notice: str
    is_idle: bool


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """The settings and the state of a run at one moment."""

    settings: LiveSettings
    state: LiveState
