"""The two picture types, which carry the promise of privacy.

A `Frame` is raw: it shows the room. Only sources make it and only renderers read it. A `Rendered`
is safe to show. Only a renderer or the slate makes it, and sinks accept nothing else, so no line of
code can pass a raw frame to a window, a file or a video call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:  # the command line needs sizes, but must not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

Image: TypeAlias = "NDArray[np.uint8]"
"""A uint8 array: (H, W, 3) is a picture in BGR order, (H, W) an alpha matte from 0 to 255."""


class Size(NamedTuple):
    """Width and height in pixels, in the usual order: 1280x720."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @classmethod
    def of(cls, image: NDArray[Any]) -> Size:
        """The size of an array of shape (H, W) or (H, W, channels)."""
        return cls(image.shape[1], image.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A raw picture of the room, on its way from a source to a renderer.

    image: uint8 BGR (H, W, 3), C-contiguous; it belongs to the source, see `Source.recycle`.
    index: 0 for the source's first frame; frames that are later dropped count too.
    captured_seconds: when it was taken or due, by `time.monotonic()`; latency counts from here.
    media_seconds: its place on the source's own timeline, where the first frame is at 0.
    """

    image: Image
    index: int
    captured_seconds: float
    media_seconds: float

    def __post_init__(self) -> None:
        _require_bgr("Frame.image", self.image)

    @property
    def size(self) -> Size:
        return Size.of(self.image)


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A picture that is safe to show: the person on the background, nothing of the room.

    image: uint8 BGR (H, W, 3). On a transparent background it is the foreground's colour with
        straight alpha, and 0 wherever alpha is 0: pixels that are invisible, or nearly so, must
        not hold the room either.
    alpha: uint8 (H, W); 0 is background, 255 is person. The slate's is 0 everywhere.
    index, captured_seconds, media_seconds: those of the frame that it was made from.
    transparent: nothing is behind the person, so `alpha` is part of what is shown; otherwise
        `image` is the whole picture, and `alpha` only tells where the person is in it.
    """

    image: Image
    alpha: Image
    index: int
    captured_seconds: float
    media_seconds: float
    transparent: bool = False

    def __post_init__(self) -> None:
        _require_bgr("Rendered.image", self.image)
        if self.alpha.dtype != "uint8" or self.alpha.shape != self.image.shape[:2]:
            raise ValueError(
                f"Rendered.alpha: expected uint8 {self.image.shape[:2]} like its image, "
                f"got {self.alpha.dtype} {self.alpha.shape}"
            )

    @property
    def size(self) -> Size:
        return Size.of(self.image)


def _require_bgr(what: str, image: NDArray[Any]) -> None:
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"{what}: expected uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if not image.flags.c_contiguous:
        raise ValueError(f"{what}: expected a C-contiguous array, got strides {image.strides}")
