"""The options of a photo job, as a value that is checked when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livematte.background import Background, Transparent
from livematte.errors import UsageError
from livematte.photos.names import FixedName, Naming
from livematte.photos.save import FORMATS, Save


@dataclass(frozen=True)
class PhotoOptions:
    """The options of a `PhotoJob`, except its photos and the place of its results.

    kinds: what to write for each photo; each kind gets a folder if there are several.
    image_format: of all kinds except the matte, which is a PNG: png, webp or jpg.
    background: of composites; None for green.
    naming: the names of the results; None for the photos' names.
    keep_metadata: results keep who made the photo, when, and with what; see
        `media.photo.metadata`.
    fail_on_bad_matte: a matte that cannot be right ends the whole job, not only that photo.
    max_memory_bytes: how much a photo may take; None for the free memory.

    Raises `UsageError` if the options contradict each other.
    """

    kinds: Sequence[Save] = (Save.ALPHA,)
    image_format: str = "png"
    background: Background | None = None
    naming: Naming | FixedName | None = None
    keep_metadata: bool = False
    fail_on_bad_matte: bool = False
    max_memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.image_format not in FORMATS:
            raise UsageError(
                f"Format {self.image_format!r} is not known.",
                f"Choose one of {', '.join(FORMATS)}.",
            )
        if Save.CUTOUT in self.kinds and self.image_format == "jpg":
            raise UsageError(
                "A JPEG cannot be transparent.", "Use --format png or webp for cutouts."
            )
        if self.background is not None and Save.COMPOSITE not in self.kinds:
            raise UsageError(
                "A background was given, and no composite asked for.",
                "Add --save composite, or leave out --background.",
            )
        if isinstance(self.background, Transparent):
            raise UsageError("A composite has a background.", "Use --save cutout instead.")
