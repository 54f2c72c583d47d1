"""The last check of a finished picture: whether it can be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from livematte.matting.matte_guard import ALL, NOBODY

if TYPE_CHECKING:
    from livematte.frame import Rendered, Size

SOMEBODY: Final = 0.02
"""Someone who leaves passes through mean alphas between this and `NOBODY`; a fault jumps."""

GONE_SECONDS: Final = 3.0
"""If nobody is seen for this long, nobody is there."""

STEP: Final = 4
"""The mean is taken from every fourth pixel of every fourth row."""


class PictureGuard:
    """Checks the pictures of a run as they come."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._coverage = 0.0
        self._empty_seconds: float | None = None

    def problem(self, picture: Rendered, now_seconds: float) -> str:
        """Why `picture` must not be shown, in a few words; "" if it can be."""
        if picture.size != self._size:
            return "The matte has the wrong size"
        coverage = _coverage(picture)
        if coverage > ALL:
            return "The matte covers the whole picture"
        if coverage < NOBODY and self._coverage > SOMEBODY:
            if self._empty_seconds is None:
                self._empty_seconds = now_seconds
            if now_seconds - self._empty_seconds < GONE_SECONDS:
                return "Nobody can be seen"
        self._empty_seconds = None
        self._coverage = coverage
        return ""


def covers_everything(picture: Rendered) -> bool:
    """Whether the person covers everything, so that the whole room would show."""
    return _coverage(picture) > ALL


def _coverage(picture: Rendered) -> float:
    """The mean alpha, 0 to 1."""
    return float(picture.alpha[::STEP, ::STEP].mean()) / 255
