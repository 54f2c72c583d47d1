"""Whether a picture may be shown: the last look, at what a renderer calls finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from livematte.matting.matte_guard import ALL, NOBODY

if TYPE_CHECKING:
    from livematte.frame import Rendered, Size

SOMEBODY: Final = 0.02
"""Who leaves the picture passes through mean alphas between this and `NOBODY`; a fault does not."""

GONE_SECONDS: Final = 3.0
"""Where nobody is seen for this long, nobody is there."""

STEP: Final = 4
"""Every fourth pixel of every fourth row tells the mean."""


class PictureGuard:
    """Judges the pictures of a run as they come."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._coverage = 0.0
        self._empty_seconds: float | None = None

    def problem(self, picture: Rendered, now_seconds: float) -> str:
        """Why `picture` may not be shown, in a few words; "" if it may."""
        if picture.size != self._size:
            return "The matte has a wrong size"
        coverage = _coverage(picture)
        if coverage > ALL:
            return "The matte is of no use: it covers everything"
        if coverage < NOBODY and self._coverage > SOMEBODY:
            if self._empty_seconds is None:
                self._empty_seconds = now_seconds
            if now_seconds - self._empty_seconds < GONE_SECONDS:
                return "Nobody can be seen"
        self._empty_seconds = None
        self._coverage = coverage
        return ""


def covers_everything(picture: Rendered) -> bool:
    """Whether nothing is behind the person: the whole room would be seen."""
    return _coverage(picture) > ALL


def _coverage(picture: Rendered) -> float:
    """The mean alpha, 0 to 1."""
    return float(picture.alpha[::STEP, ::STEP].mean()) / 255
