"""How the network's matte is refined: which parts are on, and how much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from livematte.errors import UsageError

MARGINS: Final = range(-10, 10 + 1)
"""How far the edge can be moved, in pixels of a frame 720 rows high; negative is inwards."""


@dataclass(frozen=True)
class Refinement:
    """Each part can be switched off alone.

    steady: mattes are averaged over time where the picture stands still.
    both_views: the network sees each frame mirrored as well, which doubles its work. Without it,
        it sees every second frame mirrored, if mattes are averaged anyway.
    islands: specks that are not connected to a person are removed, and doubts within a person
        are settled.
    edges: alpha follows the edges of the frame, instead of only being enlarged.
    colours: at soft pixels the person's colour replaces the room's. In cut-outs it always does.
    margin: one of `MARGINS`: how far to move the edge, to taste.
    light_wrap: 0 to 1: how much of the background's light wraps around the person's edge.
    """

    steady: bool = True
    both_views: bool = False
    islands: bool = True
    edges: bool = True
    colours: bool = True
    margin: int = 0
    light_wrap: float = 0.0


PARTS: Final = ("steady", "islands", "edges", "colours")
"""What can be switched off."""

PLAIN: Final = Refinement(**dict.fromkeys(PARTS, False))
"""The network's matte, unchanged."""

DEFAULT: Final = Refinement()

QUALITIES: Final = {
    "fast": Refinement(edges=False, colours=False),
    "balanced": DEFAULT,
    "best": Refinement(both_views=True),
}


def choose_refinement(
    quality: str, without: Iterable[str] = (), margin: int = 0, light_wrap: float = 0.0
) -> Refinement:
    """The refinement of one of `QUALITIES`, without some of `PARTS`.

    Raises `UsageError` if there is no such quality or part, or a number is out of range.
    """
    if quality not in QUALITIES:
        raise UsageError(
            f"Quality {quality!r} is not known.", f"Choose one of {', '.join(QUALITIES)}."
        )
    without = tuple(without)
    for part in without:
        if part not in PARTS:
            raise UsageError(
                f"There is no part {part!r} to leave out.", f"Choose from {', '.join(PARTS)}."
            )
    if margin not in MARGINS:
        raise UsageError(
            f"Edge {margin} is not from {MARGINS.start} to {MARGINS.stop - 1}.",
            "Negative moves the edge inwards; try -2.",
        )
    if not 0 <= light_wrap <= 1:
        raise UsageError(f"Light wrap {light_wrap:g} is not from 0 to 1.", "Try 0.3.")
    return replace(
        QUALITIES[quality],
        **dict.fromkeys(without, False),
        margin=margin,
        light_wrap=light_wrap,
    )
