"""What is done to a matte beyond what the network says: which parts are on, and how much."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

from livematte.errors import UsageError

MARGINS: Final = range(-10, 10 + 1)
"""How far the edge can be moved, in pixels of a frame 720 rows high; negative is inwards."""


@dataclass(frozen=True)
class Refinement:
    """Each part can be switched off alone.

    steady: mattes are averaged over time where the picture stands still.
    room: what looks like the room, as it is remembered, is not the person.
    islands: specks that no person is connected to are taken out, and holes in a person filled.
    edges: alpha follows the edges of the frame, rather than being enlarged as it is.
    colours: at soft pixels the room's colour is replaced by the person's.
    delay: each matte is compared with the next one too, which costs a frame.
    margin: of `MARGINS`: where the edge goes for taste.
    light_wrap: 0 to 1: how much of the background's light falls around the person's edge.
    """

    steady: bool = True
    room: bool = True
    islands: bool = True
    edges: bool = True
    colours: bool = True
    delay: bool = False
    margin: int = 0
    light_wrap: float = 0.0


PLAIN: Final = Refinement(steady=False, room=False, islands=False, edges=False, colours=False)
"""The network's matte as it is."""

QUALITIES: Final = {
    "fast": Refinement(edges=False, colours=False),
    "balanced": Refinement(),
    "best": Refinement(delay=True),
}

PARTS: Final = tuple(each.name for each in fields(Refinement) if each.type == "bool")
