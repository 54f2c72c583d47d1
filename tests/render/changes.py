"""Refinements that change from frame to frame, and what is remembered across the changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from livematte.options.refinement import DEFAULT, PLAIN, QUALITIES, Refinement

_STEADY: Final = replace(PLAIN, steady=True)
_UNSTEADY: Final = replace(DEFAULT, steady=False)
_BOTH: Final = replace(_UNSTEADY, both_views=True)

CHANGES: Final[dict[str, list[Refinement]]] = {
    "all that is done to a steady matte": [
        *[DEFAULT, QUALITIES["fast"], replace(DEFAULT, margin=4, light_wrap=0.6)],
        *[_STEADY, replace(DEFAULT, margin=4, light_wrap=0.2), replace(DEFAULT, islands=False)],
        *[replace(DEFAULT, margin=-5), DEFAULT],
    ],
    "how often each frame is looked at": [PLAIN, _BOTH, _BOTH, PLAIN, _UNSTEADY, _BOTH, PLAIN],
    "a little of all": [
        *[DEFAULT, replace(QUALITIES["fast"], margin=4, light_wrap=0.6), _BOTH, DEFAULT, DEFAULT]
    ],
    "steadiness itself": [DEFAULT, DEFAULT, _BOTH, DEFAULT, DEFAULT, _UNSTEADY, DEFAULT],
}

FrameT = TypeVar("FrameT")
PictureT = TypeVar("PictureT")


def as_opened_with_it(
    refinements: Sequence[Refinement],
    frames: Sequence[FrameT],
    opened: Callable[[Refinement], Callable[[FrameT], PictureT]],
) -> Iterator[PictureT]:
    """The picture of each frame by who was opened with its refinement.

    opened: opens one, and returns what renders a frame. It is shown all frames from where memory
        begins, which is after the last one that was not made steady.
    """
    known: dict[tuple[Refinement, int], list[PictureT]] = {}
    begun = 0
    for index, refinement in enumerate(refinements):
        first = begun if refinement.steady else 0
        if (refinement, first) not in known:
            render = opened(refinement)
            known[refinement, first] = [render(each) for each in frames[first:]]
        yield known[refinement, first][index - first]
        if not refinement.steady:
            begun = index + 1
