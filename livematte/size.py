"""Sizes of pictures. By itself, so that the command line need not wait for NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Size(NamedTuple):
    """Width and height in pixels, in the order people say them: 1280x720."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @classmethod
    def of(cls, image: NDArray[Any]) -> Size:
        """The size of an array of shape (H, W) or (H, W, channels)."""
        return cls(image.shape[1], image.shape[0])
