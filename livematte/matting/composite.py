"""The person on the background, in OpenCV, for renderers that run on the CPU."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from livematte.background import Background, Blur, Picture, Transparent
from livematte.frame import Frame, Image, Size
from livematte.matting.colours import PersonColours, colours_at, per_channel, put_colours
from livematte.matting.edges import points_of
from livematte.matting.light_wrap import LightWrap
from livematte.matting.room_blur import RoomBlur

_UNIT: Final = (np.arange(256) / 255).astype(np.float32)
"""The person's weight for alpha from 0 to 255."""


class Compositor:
    """Composites pictures of one size, with reusable buffers.

    Only soft pixels need computation, a few in a hundred.
    """

    def __init__(self, size: Size, *, colours: bool = False, light_wrap: float = 0.0) -> None:
        """colours: remove the old room's colour from the person's where alpha is soft.

            On a transparent background this is always done, or viewers that ignore alpha would
            show the room.
        light_wrap: 0 to 1: how much light of the background falls on the person's edge.

        Both may be changed between two pictures.
        """
        self.colours = colours
        self.light_wrap = light_wrap
        self._size = size
        shape = (size.height, size.width)
        self._inside = np.empty(shape, np.bool_)
        self._blended = np.empty(shape, np.bool_)
        self._person_colours: PersonColours | None = None
        self._wrap: LightWrap | None = None
        self._blur: RoomBlur | None = None

    def compose(self, frame: Frame, alpha: Image, background: Background, out: Image) -> None:
        """Put the person of `frame` on `background`, according to `alpha`.

        alpha, out: uint8 (H, W) and uint8 BGR (H, W, 3) of the compositor's size. Where alpha is 0,
        `out` is exactly the background, or 0 on a transparent one; where it is 255, the frame plus
        the light that falls on it. On a transparent background colours are straight, and the
        person's own at every alpha.
        """
        if isinstance(background, Transparent):
            out.fill(0)
        elif isinstance(background, Blur):
            if self._blur is None:
                self._blur = RoomBlur(self._size)
            self._blur.blur(frame.image, alpha, background.reduced_sigma(self._size), out)
        elif isinstance(background, Picture):
            np.copyto(out, background.picture_at(self._size, frame.media_seconds))
        else:
            raise TypeError(f"cannot composite on a background of type {type(background).__name__}")
        self._over(frame.image, alpha, out, transparent=isinstance(background, Transparent))

    def _over(self, image: Image, alpha: Image, out: Image, *, transparent: bool) -> None:
        """Porter and Duff's "over" (SIGGRAPH 1984).

        out: holds the background; afterwards, the result.
        """
        image = np.ascontiguousarray(image)
        # Two comparisons in one, because values below 0 wrap around.
        np.subtract(alpha, 1, out=self._blended.view(np.uint8))
        np.less(self._blended.view(np.uint8), 254, out=self._blended)
        colours = self._spread_colours(image, alpha) if transparent or self.colours else None
        wrap = None if transparent or self.light_wrap <= 0 else self._spread_light(alpha, out)
        if wrap is not None:
            wrap.add_reach(alpha, self._blended)
        np.equal(alpha, 255, out=self._inside)
        cv2.copyTo(image, self._inside.view(np.uint8), out)
        for points in points_of(self._blended):
            levels = alpha.reshape(-1).take(points)
            person = colours_at(image, points)
            if colours is not None:
                person = colours.at(person, levels, points)
            if wrap is not None:
                wrap.light(person, points)
            if not transparent:
                behind = colours_at(out, points)
                person -= behind
                person *= per_channel(_UNIT, levels)
                person += behind
            put_colours(out, points, person)

    def _spread_colours(self, image: Image, alpha: Image) -> PersonColours:
        if self._person_colours is None:
            self._person_colours = PersonColours(self._size)
        self._person_colours.spread(image, alpha)
        return self._person_colours

    def _spread_light(self, alpha: Image, behind: Image) -> LightWrap:
        if self._wrap is None:
            self._wrap = LightWrap(self._size)
        self._wrap.spread(alpha, behind, self.light_wrap)
        return self._wrap
