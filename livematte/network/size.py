"""MODNet's input for every renderer: the size rule and the constants that normalise pixels."""

from __future__ import annotations

from typing import Final

from livematte.frame import Size

STRIDE: Final = 32
"""MODNet's encoder halves the picture five times, so both sides are multiples of 2**5."""

DEFAULT_SHORT_SIDE: Final = 288
"""For photos: on average the best matte; 512 costs three times as much and is worse.

Mean absolute error of the network's matte x 1000 by short side, int8, against mattes of eight
portraits, and against the exact mattes of a keyed clip in front of four rooms, close-up and in 16:9
with room around it:

               224   256   288   320   384   512
    portraits  16.8   9.8   9.3  11.7  16.5  18.2
    close-up    7.5   7.2  10.9   8.2   7.3  20.4
    16:9        4.0   2.8   2.9   3.1   3.0   3.0
"""

LIVE_SHORT_SIDE: Final = 256
"""For video. Divided by the plain network's error at 288, the error of refined mattes of the same
clip is 0.66 at 256 and 0.69 at 320 close-up, 0.83 and 0.93 in 16:9. And people further away, of 30
to 60 % of the frame's height, are lost least often at 256."""

SHORT_SIDES: Final = range(224, 1088 + 1)
"""The short sides that can be requested; below 224 the network loses people."""

MOST_ELONGATED: Final = 4
"""The highest ratio of the sides; a longer picture is squeezed to it. A panorama's matte is coarse
then, but a picture one pixel high does not need a terabyte."""

PIXEL_MEAN: Final = 127.5
PIXEL_SCALE: Final = 127.5
"""The network's input is (pixel - PIXEL_MEAN) / PIXEL_SCALE: 0..255 becomes -1..1, in RGB order."""


def network_size(frame: Size, short_side: int) -> Size:
    """The size of the network's input for a frame: `short_side` and a long side in proportion.

    Both sides are rounded to the nearest multiple of 32, never to 0. The rule follows MODNet's
    own demo, which rounds the long side down; rounding to nearest keeps the proportions better.
    """
    scale, longest = short_side / min(frame), MOST_ELONGATED * short_side
    width, height = (min(each * scale, longest) for each in frame)
    return Size(_to_stride(width), _to_stride(height))


def _to_stride(pixels: float) -> int:
    return max(STRIDE, int(pixels / STRIDE + 0.5) * STRIDE)
