"""The person's own colours where the matte is soft, without those of the old room.

After Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP 2021 (blur fusion):
smooth colours of person and room, each blurred with its weight in the matte, are corrected by the
part of the picture that they leave unexplained. Four things differ. There are three blurs, from
wide to narrow, so that the colours come from the nearest pixels that have any. Smooth colours are
kept on a very small copy, because they hold no detail. The unexplained part is divided between
person and room by likelihood, not in proportion to alpha: if the deviations of both from the smooth
colours are independent, and those of the room have `ROOM_VARIANCE` of the variance, the gain in
`person_gain` estimates the person's best (linear least squares).

And the colours alone, without their alpha, must not show the room: not where alpha is low, and not
where the network takes a piece of furniture for a little of a person. So smooth colours of the
person come only from pixels that are more than half person, however far away, and detail is the
person's only where alpha is above `OWN_DETAIL`. Correlation of the result with rooms of random
colours, at alpha below 0.1 and from 0.1 to 0.5: 0.0 and at most 0.15; if all pixels gave smooth
colours and detail in proportion to their alpha, 0.5 and 0.9.

Error of the composite where 0.05 < alpha < 0.95, for a person with known foreground in four rooms,
divided by the error without this method, at 288 rows and enlarged to 504: 0.74 and 0.71; 0.63 and
0.62 if the room's detail is let through.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.matting.edges import interpolated, points_of

REDUCED_LONG_SIDE: Final = 160
"""Longer side, in pixels, of the copy for smooth colours."""

RADII: Final = (0.07, 0.02, 0.007)
"""The radii of the blurs, as parts of the longer side."""

ROOM_VARIANCE: Final = 0.5
"""The variance of the room's colours around the smooth ones, divided by the person's."""

UNSURENESS: Final = 0.05
"""Further variance, for what neither explains: noise, and errors of alpha."""

OWN_DETAIL: Final = (0.5, 0.6)
"""Up to the first alpha, all detail is the room's; from the second on, detail is divided."""

LEAST_WEIGHT: Final = 1e-3
"""The weight of colours from further away, which count if there are none nearby."""

LEAST_SURENESS: Final = 1e-6
"""The weight of pixels that are hardly person, so that there is a colour if there are no others."""


def person_gain(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of the unexplained that is added to the person's colour; 1 where alpha is 1."""
    none, full = OWN_DETAIL
    own = np.clip((alpha - none) / (full - none), 0, 1)
    own = own * own * (3 - 2 * own)  # without a kink
    gain: NDArray[np.float32] = own * (1 + UNSURENESS) * alpha / _variance(alpha)
    return gain.astype(np.float32, copy=False)


def room_gain(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of the unexplained that is added to the room's colour; 0 where alpha is 1."""
    gain = ROOM_VARIANCE * (1 - alpha) / _variance(alpha)
    return gain.astype(np.float32, copy=False)


def sureness(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weight of pixels in the person's smooth colours: almost 0 up to one half."""
    sure: NDArray[np.float32] = np.maximum(2 * alpha - 1, LEAST_SURENESS * alpha)
    return sure.astype(np.float32, copy=False)


def _variance(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    room = 1 - alpha
    return (alpha * alpha + ROOM_VARIANCE * room * room + UNSURENESS).astype(np.float32)


_UNIT: Final = (np.arange(256) / 255).astype(np.float32)
# Tables for alpha from 0 to 255.
_PERSON_GAIN: Final = person_gain(_UNIT)
_ROOM_GAIN: Final = room_gain(_UNIT)
_SURENESS: Final = sureness(_UNIT)
_REST: Final = 1 - _UNIT + np.float32(LEAST_WEIGHT)


def reduced_size(size: Size) -> Size:
    """The size of the copy of a picture for smooth colours."""
    scale = min(1.0, REDUCED_LONG_SIDE / max(size))
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def radii(reduced: Size) -> list[int]:
    """The radii of the blurs, in pixels of the reduced copy, from wide to narrow."""
    return [max(1, round(radius * max(reduced))) for radius in RADII]


def estimate_foreground(image: Image, alpha: Image) -> Image:
    """The foreground's colours: uint8 (H, W, 3) in the order of `image`, 0 where alpha is 0.

    image, alpha: uint8 (H, W, 3) and (H, W). Where alpha is 255 the colours are the picture's own.
    """
    estimated = np.zeros_like(image)
    cv2.copyTo(image, cv2.inRange(alpha, 255, 255), estimated)
    colours = PersonColours(Size.of(image))
    colours.spread(image, alpha)
    for points in points_of((alpha > 0) & (alpha < 255)):
        levels = alpha.reshape(-1).take(points)
        put_colours(estimated, points, colours.at(colours_at(image, points), levels, points))
    return estimated


class PersonColours:
    """Estimates colours in pictures of one size, with reusable buffers."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._reduced = reduced_size(size)
        self._image_reduction = Reduction(size, self._reduced, 3)
        self._alpha_reduction = Reduction(size, self._reduced, 1)
        shape = (self._reduced.height, self._reduced.width)
        self._person, self._room = (np.zeros((*shape, 4), np.float32) for _ in range(2))
        self._sure, self._rest, self._weight = (np.empty(shape, np.float32) for _ in range(3))
        self._part, self._to_person, self._to_room, self._colours, self._further = (
            np.empty((*shape, 3), np.float32) for _ in range(5)
        )
        self._blurred_person, self._blurred_room, self._weights, self._unexplained = (
            np.empty((*shape, 3), np.float32) for _ in range(4)
        )

    def spread(self, image: Image, alpha: Image) -> None:
        """Find the smooth colours of person and room in a picture.

        image, alpha: uint8 (H, W, 3) and (H, W) of the size.
        """
        colours, further, weights, unexplained = (
            self._colours,
            self._further,
            self._weights,
            self._unexplained,
        )
        np.copyto(colours, self._image_reduction.reduce(image))
        small_alpha = self._alpha_reduction.reduce(alpha)
        cv2.LUT(small_alpha, _SURENESS, dst=self._sure)
        cv2.LUT(small_alpha, _REST, dst=self._rest)
        for table, each in (
            (_UNIT, self._part),
            (_PERSON_GAIN, self._to_person),
            (_ROOM_GAIN, self._to_room),
        ):
            cv2.cvtColor(
                cv2.LUT(small_alpha, table, dst=self._weight), cv2.COLOR_GRAY2BGR, dst=each
            )
        # The mean over the whole picture, for places where no window reaches the person.
        further[...] = np.tensordot(self._sure, colours, 2)
        further /= max(float(self._sure.sum()), LEAST_SURENESS)
        person = room = colours
        for radius in radii(self._reduced):
            person = self._weighted_sums(person, self._sure, radius, self._blurred_person)
            further *= LEAST_WEIGHT
            person += further
            weights += LEAST_WEIGHT
            person /= weights
            room = self._weighted_sums(room, self._rest, radius, self._blurred_room)
            room /= weights
            # colours - room - part (person - room)
            np.subtract(room, person, out=unexplained)
            unexplained *= self._part
            unexplained += colours
            unexplained -= room
            np.multiply(unexplained, self._to_person, out=weights)
            person += weights
            np.clip(person, 0, 255, out=person)
            np.copyto(further, person)
            np.multiply(unexplained, self._to_room, out=weights)
            room += weights
            np.clip(room, 0, 255, out=room)
        # Four channels are interpolated faster than three.
        cv2.cvtColor(person, cv2.COLOR_BGR2BGRA, dst=self._person)
        cv2.cvtColor(room, cv2.COLOR_BGR2BGRA, dst=self._room)

    def _weighted_sums(
        self,
        colours: NDArray[np.float32],
        weight: NDArray[np.float32],
        radius: int,
        out: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Both sums of a normalised convolution with a box, into `out` and `_weights`.

        Pixels beyond the border have no weight.
        """
        window = (2 * radius + 1, 2 * radius + 1)
        cv2.cvtColor(weight, cv2.COLOR_GRAY2BGR, dst=self._weights)
        np.multiply(colours, self._weights, out=out)
        cv2.blur(out, window, dst=out, borderType=cv2.BORDER_CONSTANT)
        cv2.blur(weight, window, dst=self._weight, borderType=cv2.BORDER_CONSTANT)
        cv2.cvtColor(self._weight, cv2.COLOR_GRAY2BGR, dst=self._weights)
        return out

    def at(
        self, bgr0: NDArray[np.float32], alpha: Image, points: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The person's colours at some pixels of the picture: float32 (n, 4) as from `colours_at`.

        bgr0, alpha: the picture's values there, float32 (n, 4) and uint8 (n,); overwrites `bgr0`.
        points: (n,) from `points_of`.
        """
        person = interpolated(self._person, self._size, points)
        room = interpolated(self._room, self._size, points)
        unexplained = np.subtract(bgr0, room, out=bgr0)
        room -= person
        room *= per_channel(_UNIT, alpha)
        unexplained += room
        unexplained *= per_channel(_PERSON_GAIN, alpha)
        unexplained += person
        return np.clip(unexplained, 0, 255, out=unexplained)


class Reduction:
    """Makes small copies of pictures of one size; each pixel is the mean of the area it covers.

    Halves repeatedly, because OpenCV halves several times as fast as it resizes otherwise.
    """

    def __init__(self, size: Size, reduced: Size, channels: int) -> None:
        """channels: 3 for uint8 (H, W, 3), 1 for uint8 (H, W)."""
        sizes = []
        while size.width >= 2 * reduced.width and size.height >= 2 * reduced.height:
            size = Size(size.width // 2, size.height // 2)
            sizes.append(size)
        if not sizes or sizes[-1] != reduced:
            sizes.append(reduced)
        self._copies = [np.empty((y, x, channels), np.uint8) for x, y in sizes]

    def reduce(self, image: Image) -> Image:
        """The small copy of `image`; it is overwritten by the next call."""
        for copy in self._copies:
            cv2.resize(image, Size.of(copy), dst=copy, interpolation=cv2.INTER_AREA)
            image = copy
        return image


def per_channel(table: NDArray[np.float32], alpha: Image) -> NDArray[np.float32]:
    """Look up `alpha`, uint8 (n,), in `table`, (256,), for each channel: float32 (n, 4)."""
    found = cv2.LUT(alpha[None], table)
    values: NDArray[np.float32] = cv2.merge((found,) * 4)[0].astype(np.float32, copy=False)
    return values


def colours_at(image: Image, points: NDArray[np.int64]) -> NDArray[np.float32]:
    """Some pixels of a picture, uint8 (H, W, 3): float32 (n, 4); the last channel is unused.

    Four channels are faster to compute with than three. points: (n,) from `points_of`.
    """
    # Each pixel as one element, which is three times as fast to take.
    pixels = image.reshape(-1, 3).view("V3").take(points).view(np.uint8).reshape(1, -1, 3)
    bgra = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
    values: NDArray[np.float32] = bgra[0].astype(np.float32)
    return values


def put_colours(image: Image, points: NDArray[np.int64], colours: NDArray[np.float32]) -> None:
    """Write `colours`, float32 (n, 4) as from `colours_at`, to some pixels of a picture."""
    rounded = cv2.cvtColor(cv2.convertScaleAbs(colours[None]), cv2.COLOR_BGRA2BGR)
    np.put(image.reshape(-1, 3).view("V3"), points, rounded.view("V3"))
