"""What the numbers in a video mean as colours, as its file tells it."""

from __future__ import annotations

from typing import Final, NamedTuple

BT709: Final = 1
UNSPECIFIED: Final = 2
SMPTE_170M: Final = 6
"""The matrix of ITU-R BT.601."""
BT2020: Final = 9
"""Its primaries, and its matrix for luminance that is not constant."""

PQ: Final = 16
"""The transfer of SMPTE ST 2084."""
HLG: Final = 18
"""The transfer of ARIB STD-B67."""

LIMITED: Final = 1
FULL: Final = 2

SD_HEIGHT: Final = 576
"""Up to here video that does not tell its colour matrix means BT.601, above it BT.709."""

_CONVERSIONS: Final = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""libswscale's names of matrices by FFmpeg's; it knows no others."""


class Colour(NamedTuple):
    """How a video's Y'CbCr is to be understood, in the numbers of ITU-T H.273 as FFmpeg has them.

    matrix, primaries, transfer: AVColorSpace, AVColorPrimaries, AVColorTransferCharacteristic.
    range: AVColorRange, `LIMITED` or `FULL`; 0 if it is not told, which means limited.
    """

    matrix: int
    range: int
    primaries: int
    transfer: int

    def conversion(self, height: int) -> int:
        """What libswscale calls the matrix of a picture so many pixels high."""
        return conversion(assumed_matrix(height) if self.matrix == UNSPECIFIED else self.matrix)

    def writable(self, decoded_height: int, height: int) -> Colour:
        """As near to this as can be encoded and says the same at another height.

        A matrix that is not told stays so where it is taken for the same one at `height` as it was
        at `decoded_height`. RGB, and matrices that libswscale has not, become BT.709.
        """
        matrix, levels = self.matrix, self.range
        if matrix == UNSPECIFIED and assumed_matrix(decoded_height) != assumed_matrix(height):
            matrix = assumed_matrix(decoded_height)
        elif matrix != UNSPECIFIED and matrix not in _CONVERSIONS:
            matrix, levels = BT709, LIMITED
        # 0 is reserved for both, and encoders refuse it.
        return Colour(matrix, levels, self.primaries or UNSPECIFIED, self.transfer or UNSPECIFIED)


BT709_LIMITED: Final = Colour(BT709, LIMITED, BT709, BT709)


def assumed_matrix(height: int) -> int:
    """The matrix of a picture so many pixels high that does not tell its own."""
    return SMPTE_170M if height <= SD_HEIGHT else BT709


def is_known(matrix: int) -> bool:
    """Whether libswscale has a matrix; it has none for `UNSPECIFIED`."""
    return matrix in _CONVERSIONS


def conversion(matrix: int) -> int:
    """What libswscale calls a matrix that it knows."""
    return _CONVERSIONS[matrix]
