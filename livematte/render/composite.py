"""The person on the background, in OpenCV, for renderers that run on the CPU."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from livematte.background import Background, Blur, Picture, Transparent
from livematte.frame import Frame, Image, Size

_UNIT: Final = (np.arange(256) / 255).astype(np.float32)
"""What the person weighs where alpha is 0 to 255."""

_REST: Final = 1 - _UNIT
"""What the background weighs there."""

_LEAST_WEIGHT: Final = 1e-4
"""Where less of the room than this is in reach of the blur, its colour is of no consequence."""


class Compositor:
    """Composites pictures of one size with buffers that are made once."""

    def __init__(self, size: Size) -> None:
        self._size = size
        shape = (size.height, size.width)
        self._person_weight = np.empty(shape, np.float32)
        self._background_weight = np.empty(shape, np.float32)
        self._blur: RoomBlur | None = None

    def compose(self, frame: Frame, alpha: Image, background: Background, out: Image) -> None:
        """Put the person of `frame` on `background`, pixel by pixel as `alpha` says.

        alpha, out: uint8 (H, W) and uint8 BGR (H, W, 3) of the compositor's size. Where alpha is 0,
        `out` is exactly the background's, or 0 on a transparent one; where it is 255, the frame's.
        """
        if isinstance(background, Transparent):
            out.fill(0)
            cv2.copyTo(frame.image, alpha, out)
        elif isinstance(background, Blur):
            if self._blur is None:
                self._blur = RoomBlur(self._size)
            self._blur.blur(frame.image, alpha, background.reduced_sigma(self._size), out)
            self._over(frame.image, alpha, out)
        elif isinstance(background, Picture):
            np.copyto(out, background.picture_at(self._size, frame.media_seconds))
            self._over(frame.image, alpha, out)
        else:
            raise TypeError(f"{type(background).__name__} is no kind of background to composite on")

    def _over(self, image: Image, alpha: Image, out: Image) -> None:
        """Porter and Duff's "over" (SIGGRAPH 1984), only inside the person's bounding box.

        out: what is behind the person, and then with the person.
        """
        left, top, width, height = cv2.boundingRect(alpha)
        if width == 0:
            return
        box = np.s_[top : top + height, left : left + width]
        person, rest = (
            self._person_weight[:height, :width],
            self._background_weight[:height, :width],
        )
        cv2.LUT(alpha[box], _UNIT, dst=person)
        cv2.LUT(alpha[box], _REST, dst=rest)
        cv2.blendLinear(image[box], out[box], person, rest, dst=out[box])


class RoomBlur:
    """The room out of focus, without the person.

    A plain blur would mix the person's colours into the room around them. Here each pixel of the
    room counts by how little of the person it holds, and the blurred sum is divided by the blurred
    weights: normalised convolution, Knutsson and Westin, CVPR 1993.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        reduced = Blur.reduced_size(size)
        self._reduced = reduced
        self._weight = np.empty((size.height, size.width), np.uint8)
        self._weight_bgr = np.empty((size.height, size.width, 3), np.uint8)
        self._room = np.empty((size.height, size.width, 3), np.uint8)
        self._half = Size(2 * reduced.width, 2 * reduced.height)
        self._half_room = np.empty((self._half.height, self._half.width, 3), np.uint8)
        self._half_weight = np.empty((self._half.height, self._half.width), np.uint8)
        self._reduced_room = np.empty((reduced.height, reduced.width, 3), np.uint8)
        self._reduced_weight = np.empty((reduced.height, reduced.width), np.uint8)
        self._sum = np.empty((reduced.height, reduced.width, 3), np.float32)
        self._sum_of_weights = np.empty((reduced.height, reduced.width), np.float32)
        self._sum_of_weights_bgr = np.empty_like(self._sum)

    def blur(self, image: Image, alpha: Image, sigma: float, out: Image) -> None:
        """Write the room of `image`, uint8 BGR (H, W, 3), to `out`.

        sigma: of the Gaussian, in pixels of the reduced copy.
        """
        cv2.bitwise_not(alpha, dst=self._weight)
        cv2.merge((self._weight, self._weight, self._weight), dst=self._weight_bgr)
        cv2.multiply(image, self._weight_bgr, dst=self._room, scale=1 / 255)
        # By way of half the size, because OpenCV is several times as fast at halving.
        for full, half, reduced in (
            (self._room, self._half_room, self._reduced_room),
            (self._weight, self._half_weight, self._reduced_weight),
        ):
            cv2.resize(full, self._half, dst=half, interpolation=cv2.INTER_AREA)
            cv2.resize(half, self._reduced, dst=reduced, interpolation=cv2.INTER_AREA)
        np.copyto(self._sum, self._reduced_room)
        cv2.LUT(self._reduced_weight, _UNIT, dst=self._sum_of_weights)
        radius = math.ceil(3 * sigma)
        for values in (self._sum, self._sum_of_weights):
            # Beyond the border there is nothing, of weight nothing.
            cv2.GaussianBlur(
                values,
                (2 * radius + 1, 2 * radius + 1),
                sigma,
                dst=values,
                borderType=cv2.BORDER_CONSTANT,
            )
        np.maximum(self._sum_of_weights, _LEAST_WEIGHT, out=self._sum_of_weights)
        cv2.cvtColor(self._sum_of_weights, cv2.COLOR_GRAY2BGR, dst=self._sum_of_weights_bgr)
        cv2.divide(self._sum, self._sum_of_weights_bgr, dst=self._sum)
        cv2.convertScaleAbs(self._sum, dst=self._reduced_room)
        cv2.resize(self._reduced_room, self._size, dst=out, interpolation=cv2.INTER_LINEAR)
