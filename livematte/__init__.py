"""livematte: you in front of any background, live; and mattes of pictures, from Python.

    from livematte import Live, cutout, matte

    with Live(size=(1280, 720), background="blur") as live:
        picture = live.process(frame)  # uint8 BGR (720, 1280, 3), as OpenCV captures it
        picture.image                  # the person in front of the background
        picture.alpha                  # uint8 (720, 1280), 0 is background and 255 is person

    alpha = matte(image)               # of a still picture, RGB: float32 (H, W), 0 to 1
    person = cutout(image)             # uint8 RGBA (H, W, 4)

Live frames: `Live` gives a `LivePicture` for each. `Live.change` takes a change: `SetBackground`,
`NextBackground`, `PreviousBackground`, `ReplaceBackgrounds`, `SetBlur`, `SetRefinement`,
`SetDevice` or `Mirror`; the others are for runs of the command. `Live.settings` are `LiveSettings`.

Still pictures: `matte` and `cutout`, or `Matter` with settings of one's own.

Errors: all are a `LivematteError`, which says what happened and what to do next, and also the
builtin error that they are like: `UsageError`, `SourceError`, `BackgroundError`, `WeightsError`,
`DeviceError`, `RenderError`, `MatteError` and `SinkError`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livematte.errors import (
        BackgroundError,
        DeviceError,
        LivematteError,
        MatteError,
        RenderError,
        SinkError,
        SourceError,
        UsageError,
        WeightsError,
    )
    from livematte.live import Live, LivePicture
    from livematte.matter import Matter, cutout, matte
    from livematte.options.changes import (
        Change,
        Freeze,
        Mirror,
        NextBackground,
        Pause,
        PreviousBackground,
        Quit,
        ReplaceBackgrounds,
        SetBackground,
        SetBlur,
        SetCamera,
        SetDevice,
        SetRefinement,
        Snapshot,
        StartRecording,
        StopRecording,
    )
    from livematte.options.settings import LiveSettings

__version__ = "0.2.0"
__all__ = [
    "BackgroundError",
    "Change",
    "DeviceError",
    "Freeze",
    "Live",
    "LivePicture",
    "LiveSettings",
    "LivematteError",
    "MatteError",
    "Matter",
    "Mirror",
    "NextBackground",
    "Pause",
    "PreviousBackground",
    "Quit",
    "RenderError",
    "ReplaceBackgrounds",
    "SetBackground",
    "SetBlur",
    "SetCamera",
    "SetDevice",
    "SetRefinement",
    "SinkError",
    "Snapshot",
    "SourceError",
    "StartRecording",
    "StopRecording",
    "UsageError",
    "WeightsError",
    "cutout",
    "matte",
]

if not TYPE_CHECKING:  # a type checker is to know the names above, and no others

    def __getattr__(name):
        """Load OpenCV only for who uses it: `livematte --help` need not wait."""
        from importlib import import_module

        rooms = ("errors", "options.changes", "options.settings")
        if name in ("Live", "LivePicture"):
            rooms = ("live",)
        elif name in ("Matter", "cutout", "matte"):
            rooms = ("matter",)
        for room in rooms if name in __all__ else ():
            module = import_module(f"livematte.{room}")
            if hasattr(module, name):
                globals()[name] = getattr(module, name)
                return globals()[name]
        raise AttributeError(f"module 'livematte' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING"})
