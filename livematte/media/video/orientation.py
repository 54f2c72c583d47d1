"""How a picture has to be turned and mirrored to be seen as it was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from livematte.frame import Image, Size

if TYPE_CHECKING:
    import av


class Orientation(NamedTuple):
    """One of the eight ways to lay a picture: transposed first, then flipped."""

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """The one nearest to a display matrix of 3x3 numbers in rows.

        With a, b in the first row and c, d in the second a stored pixel (p, q) is shown at
        (a p + c q, b p + d q), but for where the picture begins: ISO/IEC 14496-12, section 8.3.2.
        """
        a, b, _, c, d = matrix[:5]
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    def size(self, stored: Size) -> Size:
        """What a picture of the size `stored` is when it is upright."""
        return Size(stored.height, stored.width) if self.transposed else stored

    def upright(self, image: Image) -> Image:
        """`image` (H, W, channels) as it is to be seen; the same array if nothing is to be done."""
        if self.transposed:
            image = cv2.transpose(image).astype(np.uint8, copy=False)
        if self.flipped_x or self.flipped_y:
            axis = 0 if not self.flipped_x else -1 if self.flipped_y else 1
            image = cv2.flip(image, axis).astype(np.uint8, copy=False)
        return image


UPRIGHT: Final = Orientation()


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """What the file, or the stream itself, says of `frame`.

    To be asked of few frames: those whose side data PyAV was asked for refer to themselves, and
    their memory is not given back before Python looks for such cycles.
    """
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
    if matrix is None:
        return UPRIGHT
    return Orientation.of_matrix(np.frombuffer(matrix, np.int32).tolist())
