"""Every error that livematte raises on purpose.

    LivematteError                      something a person can act on
    ├── UsageError       (ValueError)   the request is not possible
    ├── SourceError      (OSError)      a camera, stream or file gives no frames
    ├── BackgroundError  (OSError)      a background picture or video cannot be read
    ├── WeightsError     (ValueError)   a weight file is missing, damaged or for another network
    ├── DeviceError      (RuntimeError) the requested device cannot render
    ├── RenderError      (RuntimeError) the renderer failed on a frame
    │   └── MatteError                  the network gave a matte that cannot be right
    └── SinkError        (OSError)      a window, virtual camera or file takes no pictures
        ├── NoReaderError               the program that read the standard output has ended
        └── SharedError                 another program feeds the virtual camera too

Each error says what happened, to what, and what to do next. Each is also a builtin exception, for
callers who do not know livematte's own.
"""

from __future__ import annotations

from livematte.text.addresses import hide_passwords


class LivematteError(Exception):
    """Something went wrong that the person at the keyboard can act on.

    `problem` says what happened and to what; `remedy` says what to do next. Both hide passwords in
    addresses.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        problem, remedy = hide_passwords(problem), hide_passwords(remedy)
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class UsageError(LivematteError, ValueError):
    """The request is not possible: an unknown colour, a size out of range, options that clash."""


class SourceError(LivematteError, OSError):
    """A camera, stream or file cannot be opened, or stopped giving frames."""


class BackgroundError(LivematteError, OSError):
    """A background picture or video cannot be read."""


class WeightsError(LivematteError, ValueError):
    """A weight file is missing, damaged, has the wrong hash or is for another network."""


class DeviceError(LivematteError, RuntimeError):
    """The requested device cannot render here."""


class RenderError(LivematteError, RuntimeError):
    """The renderer failed on a frame."""


class MatteError(RenderError):
    """The network gave a matte for one frame that cannot be right; the next may be right.

    `doubt` says why in a few words, for the slate.
    """

    def __init__(self, doubt: str, frame: int | None = None, seconds: float | None = None) -> None:
        which = "" if frame is None else f" for frame {frame}"
        which += "" if seconds is None else f" at {seconds:.2f} s"
        super().__init__(
            f"The network gave no usable matte{which}: {doubt[:1].lower()}{doubt[1:]}.",
            "If this continues, check the weights: try again with --weights photographic.",
        )
        self.doubt = doubt

    def __reduce__(self) -> tuple[type[MatteError], tuple[str], dict[str, str]]:
        return type(self), (self.doubt,), {"problem": self.problem}


class SinkError(LivematteError, OSError):
    """A window, virtual camera or file does not take pictures."""


class NoReaderError(SinkError):
    """The program that read the standard output has ended, as `head` does when it has enough."""

    def __init__(self) -> None:
        super().__init__(
            "The program that read the standard output has ended.",
            "If it should not have ended, check its messages.",
        )

    def __reduce__(self) -> tuple[type[NoReaderError], tuple[()]]:
        return type(self), ()


class SharedError(SinkError):
    """Another program feeds the same virtual camera; viewers would see both in turn."""
