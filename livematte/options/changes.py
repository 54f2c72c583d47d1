"""What can be changed during a run.

A change is a value. A key, a signal or another program passes it to `Controller.apply`, which
checks it against the settings of the run, and either applies it or raises `UsageError` and changes
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from livematte.errors import UsageError


@dataclass(frozen=True, slots=True)
class SetBackground:
    """Show another background: one of the run's by its index from 0, or any other by its name.

    background: an index, or a text as `--background` takes it, which joins the run's backgrounds
        until another is shown.
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
    """Replace all backgrounds by these: at least one text as `--background` takes it."""

    backgrounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetRefinement:
    """Change how mattes are refined; None keeps a setting.

    quality: one of `refinement.QUALITIES`.
    without: those of `refinement.PARTS` that are off.
    edge: pixels in a frame 720 rows high, of `refinement.MARGINS`; negative is inwards.
    light_wrap: from 0 to 1.
    """

    quality: str | None = None
    without: frozenset[str] | None = None
    edge: int | None = None
    light_wrap: float | None = None


@dataclass(frozen=True, slots=True)
class SetBlur:
    """Blur the room this much: a Gaussian's sigma, in pixels of a frame 720 rows high."""

    sigma_pixels: float


@dataclass(frozen=True, slots=True)
class SetCamera:
    """Capture from another camera: a text as `--camera` takes it.

    The slate is shown meanwhile. If this camera cannot be opened, the former one is used again.
    """

    camera: str


@dataclass(frozen=True, slots=True)
class SetDevice:
    """Compute on another device: texts as `--device` and `--precision` take them.

    The slate is shown meanwhile. If this device cannot be used, the former one is used again.
    """

    device: str
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class Mirror:
    """Whether everyone sees the picture mirrored. The preview can show it mirrored anyway."""

    on: bool


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whether the last picture stands still while the camera goes on.

    If the camera or the network fails meanwhile, the slate is shown as usual.
    """

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
    """Start to record what is sent.

    path: a video file, which must not exist; None for a new name with the date, in the working
        folder.
    """

    path: Path | None = None


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording that `StartRecording` started."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the run cleanly."""


_KINDS: Final = {
    "bool": (bool,),
    "str": (str,),
    "int | str": (int, str),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "Path | None": (Path, type(None)),
    "tuple[str, ...]": (tuple,),
    "frozenset[str] | None": (frozenset, type(None)),
}
"""The types that fields of changes can have, by their annotations."""


def check_kinds(change: Any) -> None:
    """Raises `UsageError` if `change` is not a change, or one of its fields has another type.

    Clients that send changes, such as a page in a browser, do not know Python's types.
    """
    if not isinstance(change, Change):
        raise UsageError(f"{change!r} is not a change.", "Give one of livematte.options.changes.")
    for field in fields(change):
        value = getattr(change, field.name)
        kinds = _KINDS[str(field.type)]
        is_right = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if is_right and isinstance(value, (tuple, frozenset)):
            is_right = all(isinstance(each, str) for each in value)
        if not is_right:
            raise UsageError(
                f"{type(change).__name__}: {field.name} is {value!r}.", f"It takes {field.type}."
            )


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
