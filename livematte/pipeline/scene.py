"""What a run shows now, as a person wishes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.options.refinement import Refinement


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What can be changed from one frame to the next.

    backgrounds: at least one; those at hand. `background_index` tells which one frames are put on.
    refinement: what is done to mattes; None for what the renderer was opened with.
    mirrored: every sink gets the mirror image.
    frozen: the last picture is sent again while the camera goes on.
    notice: the slate is sent instead of the person, and says this; "" for the person.
    """

    backgrounds: tuple[Background, ...]
    background_index: int = 0
    refinement: Refinement | None = None
    mirrored: bool = False
    frozen: bool = False
    notice: str = ""

    @property
    def background(self) -> Background:
        """The background that frames are put on."""
        return self.backgrounds[self.background_index]
