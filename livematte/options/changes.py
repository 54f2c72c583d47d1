"""What can be changed while a run goes on.

A change is a value. Whoever asks for one, a key, a signal or another program, hands it to
`Controller.apply`, which checks it against the settings of the run, and either applies it or raises
`UsageError` and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SetBackground:
    """Show another background: one of the run's by its index from 0, or any by its name.

    background: an index, or a text as `--background` takes it, which joins the run's backgrounds.
    """

    background: int | str


@dataclass(frozen=True, slots=True)
class NextBackground:
    """Show the background after the present one; the first after the last."""


@dataclass(frozen=True, slots=True)
class PreviousBackground:
    """Show the background before the present one; the last before the first."""


@dataclass(frozen=True, slots=True)
class ReplaceBackgrounds:
    """Show others than until now: at least one text as `--background` takes it."""

    backgrounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetRefinement:
    """Change what is done to mattes; None leaves a setting as it is.

    quality: one of `refinement.QUALITIES`.
    without: of `refinement.PARTS` those that are off.
    edge: pixels in a frame 720 rows high, of `refinement.MARGINS`; negative is inwards.
    light_wrap: from 0 to 1.
    """

    quality: str | None = None
    without: frozenset[str] | None = None
    edge: int | None = None
    light_wrap: float | None = None


@dataclass(frozen=True, slots=True)
class SetBlur:
    """Show the room out of focus, this much: a Gaussian's sigma in a frame 720 rows high."""

    sigma_pixels: float


@dataclass(frozen=True, slots=True)
class SetCamera:
    """Capture from another camera: a text as `--camera` takes it."""

    camera: str


@dataclass(frozen=True, slots=True)
class SetDevice:
    """Compute on another device: texts as `--device` and `--precision` take them."""

    device: str
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class Mirror:
    """Whether everyone sees the picture in the mirror. The preview may show it mirrored anyway."""

    on: bool


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whether the last picture stands still while the camera goes on."""

    on: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether the background and "Be right back" are shown instead of the person."""

    on: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Save the next picture as a PNG.

    path: its file, which must not exist; None for a new name in the working folder.
    """

    path: Path | None = None


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record what is sent, from now on.

    path: a video file, which must not exist; None for a new name with the date, in the working
        folder.
    """

    path: Path | None = None


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording that `StartRecording` began."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the run in good order."""


Change = (
    SetBackground
    | NextBackground
    | PreviousBackground
    | ReplaceBackgrounds
    | SetRefinement
    | SetBlur
    | SetCamera
    | SetDevice
    | Mirror
    | Freeze
    | Pause
    | Snapshot
    | StartRecording
    | StopRecording
    | Quit
)
