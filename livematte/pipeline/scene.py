"""What a run shows now, as the user chose it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.backgrounds.named import Choice
    from livematte.options.refinement import Refinement
    from livematte.options.settings import LiveSettings


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that can change from one frame to the next.

    backgrounds: at least one. `background_index` is the current one.
    refinement: how to refine mattes; None for the renderer's own.
    mirrored: every sink gets the mirror image.
    frozen: the last picture is sent again while the camera continues.
    notice: the slate with this text is sent instead of the person; "" for the person.
    """

    backgrounds: tuple[Background, ...]
    background_index: int = 0
    refinement: Refinement | None = None
    mirrored: bool = False
    frozen: bool = False
    notice: str = ""

    @classmethod
    def of(cls, settings: LiveSettings, choice: Choice, notice: str = "") -> Scene:
        """What `settings` show of the backgrounds in `choice`.

        Raises `UsageError` if the settings' refinement is not valid.
        """
        return cls(
            choice.backgrounds,
            choice.index,
            settings.refinement,
            mirrored=settings.mirrored,
            frozen=settings.frozen,
            notice=notice,
        )

    @property
    def background(self) -> Background:
        """The current background."""
        return self.backgrounds[self.background_index]
