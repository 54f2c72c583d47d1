"""The slate, shown while there is no matted picture: the background and a short text."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

import cv2
import numpy as np

from livematte.background import Background, Picture, Transparent
from livematte.errors import LivematteError
from livematte.frame import Frame, Image, Rendered, Size

SLATE_INDEX: Final = -1
"""A slate is not a frame of the source; files skip pictures with this index."""

NEUTRAL_GRAY: Final = 64
"""Replaces backgrounds made from the room, which a slate must not show."""

LEAST_TEXT_SCALE: Final = 0.4
"""Smaller letters of OpenCV's font are unreadable."""


def slate(size: Size, background: Background, notice: str, *, mirrored: bool = False) -> Rendered:
    """A picture of `background` with `notice` across it and without the person.

    It contains nothing of a camera frame: a dark grey replaces a background that is made from the
    room (blurred) or is transparent. The alpha is 0 everywhere.

    mirrored: mirror the background like the pictures; the notice stays readable.
    """
    image = _without_room(size, background, 0.0)
    if mirrored:
        image = cv2.flip(image, 1).astype(np.uint8, copy=False)
    _write(image, notice)
    alpha = np.zeros((size.height, size.width), np.uint8)
    return Rendered(image, alpha, SLATE_INDEX, time.monotonic(), media_seconds=0.0)


def backdrop(frame: Frame, background: Background) -> Rendered:
    """The picture for a file's frame without a usable matte: like a slate, without text.

    Fully transparent if the background is.
    """
    is_transparent = isinstance(background, Transparent)
    image = _without_room(frame.size, background, frame.media_seconds)
    if is_transparent:
        image[:] = 0
    alpha = np.zeros(image.shape[:2], np.uint8)
    return Rendered(
        image,
        alpha,
        frame.index,
        frame.captured_seconds,
        frame.media_seconds,
        transparent=is_transparent,
    )


def _without_room(size: Size, background: Background, seconds: float) -> Image:
    """The background, or grey if it is made from the room: uint8 BGR (H, W, 3)."""
    image = np.full((size.height, size.width, 3), NEUTRAL_GRAY, np.uint8)
    if isinstance(background, Picture):
        with suppress(LivematteError):  # the slate must work when other things fail
            np.copyto(image, background.picture_at(size, seconds))
    return image


def _write(image: Image, notice: str) -> None:
    """Write `notice` in white on a dark band in the middle, at most as wide as the picture."""
    height, width = image.shape[:2]
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, height // 360)
    (text_width, text_height), _ = cv2.getTextSize(notice, font, 1.0, thickness)
    scale = min(max(height / 720, LEAST_TEXT_SCALE), 0.9 * width / max(1, text_width))
    text_width, text_height = int(text_width * scale), int(text_height * scale)
    left, bottom = (width - text_width) // 2, (height + text_height) // 2
    band = image[max(0, bottom - 2 * text_height) : bottom + text_height]
    band //= 3
    white = (255, 255, 255)
    cv2.putText(image, notice, (left, bottom), font, scale, white, thickness, cv2.LINE_AA)
