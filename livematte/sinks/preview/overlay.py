"""What is written over the preview: letters of a size for the window, on darker boxes."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache
from math import ceil
from typing import Final, NamedTuple

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from livematte.frame import Image, Size

FONTS: Final = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf"),
    *("segoeui.ttf", "Arial.ttf", "Helvetica.ttc"),
)
"""Of the systems: unlike Pillow's own, they have letters of many languages, for names of files."""

REFERENCE_PIXELS: Final = 32
"""Widths are measured in letters of this size, and grow with it."""

LETTERS_PIXELS: Final = range(12, 28 + 1)
PART_OF_HEIGHT: Final = 26
"""Letters are this part of the window's height, within these limits; smaller only if they must."""

LINE: Final = 1.25
COLUMN_GAP: Final = 0.7
GROUP_GAP: Final = 1.4
"""The distance of lines, of columns and of groups of them, in sizes of letters."""

MOST_GROUPS: Final = 3
MOST_LINES: Final = 4
"""Of a message."""

DARKER: Final = 4
WHITE: Final = 255
RED: Final = (50, 50, 235)

Row = tuple[str, str]


class Layout(NamedTuple):
    """How rows of two columns are set: the size of letters, and how many groups stand abreast."""

    pixels: int
    groups: int


def write_rows(canvas: Image, rows: Sequence[Row]) -> None:
    """Write rows of two columns into the left upper corner of `canvas`, BGR (H, W, 3)."""
    if rows:
        _write_white(canvas, _rows_mask(tuple(rows), Size.of(canvas)), at_bottom=False)


def write_message(canvas: Image, message: str) -> None:
    """Write a sentence or two into the left lower corner of `canvas`, BGR (H, W, 3)."""
    if message:
        _write_white(canvas, _message_mask(message, Size.of(canvas)), at_bottom=True)


def mark_recording(canvas: Image) -> None:
    """Draw a red mark into the right upper corner of `canvas`, BGR (H, W, 3)."""
    mask = _recording_mask(_usual_pixels(Size.of(canvas)))
    box = canvas[: mask.shape[0], -mask.shape[1] :]
    box //= DARKER
    middle = mask.shape[0] // 2
    cv2.circle(box, (middle, middle), middle // 2, RED, cv2.FILLED, cv2.LINE_AA)
    np.maximum(box, mask[: box.shape[0], : box.shape[1], None], out=box)


def choose_layout(rows: Sequence[Row], size: Size) -> Layout:
    """The layout in which `rows` are largest in a window of `size`, but no larger than usual.

    Where letters would be too small to read, long values are to be cut instead.
    """
    usual, least = _usual_pixels(size), LETTERS_PIXELS.start
    layouts = []
    for groups in range(1, MOST_GROUPS + 1):
        width, height = _extent(rows, groups)
        high = int(REFERENCE_PIXELS * size.height / height)
        wide = int(REFERENCE_PIXELS * size.width / width)
        layouts.append(Layout(max(1, min(usual, high, max(wide, least))), groups))
    # Of those with letters of a size the one with the fewest groups, where the least is cut.
    return max(layouts, key=lambda each: (each.pixels, -each.groups))


def _extent(rows: Sequence[Row], groups: int) -> tuple[float, float]:
    """The width and height of the box for `rows`, in letters of `REFERENCE_PIXELS`."""
    pixels = REFERENCE_PIXELS
    parts = _split(rows, groups)
    widths = [sum(_column_widths(part, pixels)) + COLUMN_GAP * pixels for part in parts]
    width = sum(widths) + GROUP_GAP * pixels * (len(parts) - 1) + 2 * _margin(pixels)
    return width, max(map(len, parts)) * LINE * pixels + 2 * _margin(pixels)


def _split(rows: Sequence[Row], groups: int) -> list[Sequence[Row]]:
    length = -(-len(rows) // groups)
    return [rows[start : start + length] for start in range(0, len(rows), length)]


def _column_widths(rows: Sequence[Row], pixels: int) -> tuple[float, float]:
    left, right = (
        max(font(pixels).getlength(writable(row[column])) for row in rows) for column in (0, 1)
    )
    return left, right


def _margin(pixels: int) -> int:
    return max(2, pixels // 2)


def _usual_pixels(size: Size) -> int:
    wanted = round(size.height / PART_OF_HEIGHT)
    return min(max(wanted, LETTERS_PIXELS.start), LETTERS_PIXELS.stop - 1)


@lru_cache(maxsize=4)
def _rows_mask(rows: tuple[Row, ...], size: Size) -> Image:
    """How white each pixel of the box is: uint8 (h, w), no larger than `size`."""
    pixels, groups = choose_layout(rows, size)
    parts = _split(rows, groups)
    margin = _margin(pixels)
    column_gap, group_gap = round(COLUMN_GAP * pixels), round(GROUP_GAP * pixels)
    columns = [[ceil(each) for each in _column_widths(part, pixels)] for part in parts]
    rooms = _share(
        size.width - 2 * margin - group_gap * (len(parts) - 1),
        [left + column_gap + right for left, right in columns],
    )
    canvas = _Canvas(size, pixels)
    x = margin
    for part, (left_width, _), room in zip(parts, columns, rooms, strict=True):
        right = x + left_width + column_gap
        end = right
        for number, (name, value) in enumerate(part):
            y = margin + round(number * LINE * pixels)
            canvas.write(x, y, name, min(left_width, room))
            end = max(end, canvas.write(right, y, value, x + room - right))
        x = end + group_gap
    return canvas.cut()


def _share(width: int, wanted: Sequence[int]) -> list[int]:
    """`width` shared among those who want some of it; who wants little gets all of that."""
    shares = [0] * len(wanted)
    for left, index in enumerate(sorted(range(len(wanted)), key=lambda each: wanted[each])):
        shares[index] = min(wanted[index], (width - sum(shares)) // (len(wanted) - left))
    return shares


@lru_cache(maxsize=4)
def _message_mask(message: str, size: Size) -> Image:
    pixels = _usual_pixels(size)
    margin = _margin(pixels)
    room = size.width - 2 * margin
    letters = max(8, int(room / (font(pixels).getlength("n") or 1)))
    lines = textwrap.wrap(message, letters, max_lines=MOST_LINES, placeholder=" ...")
    canvas = _Canvas(size, pixels)
    for number, line in enumerate(lines):
        canvas.write(margin, margin + round(number * LINE * pixels), line, room)
    return canvas.cut()


@lru_cache(maxsize=1)
def _recording_mask(pixels: int) -> Image:
    canvas = _Canvas(Size(8 * pixels, 4 * pixels), pixels)
    canvas.write(round(2 * pixels), _margin(pixels), "REC", 6 * pixels)
    return canvas.cut()


class _Canvas:
    """Where white letters are written on black."""

    def __init__(self, size: Size, pixels: int) -> None:
        self._size = size
        self._pixels = pixels
        self._image = PillowImage.new("L", size)
        self._draw = ImageDraw.Draw(self._image)
        self._right = self._bottom = 0

    def write(self, x: int, y: int, text: str, room: int) -> int:
        """Write `text` below and right of a point, cut where `room` ends; says where it ends."""
        text = writable(text)
        letters = font(self._pixels)
        if letters.getlength(text) > room:
            while text and letters.getlength(text + "...") > room:
                text = text[:-1]
            text += "..." if text else ""
        if text:
            self._draw.text((x, y), text, WHITE, letters)
        right = x + round(letters.getlength(text))
        self._right = max(self._right, right)
        self._bottom = max(self._bottom, y + round(LINE * self._pixels))
        return right

    def cut(self) -> Image:
        """What was written with its margin: uint8 (h, w)."""
        margin = _margin(self._pixels)
        width = min(self._size.width, self._right + margin)
        height = min(self._size.height, self._bottom + margin)
        return np.asarray(self._image, np.uint8)[:height, :width]


def _write_white(canvas: Image, mask: Image, *, at_bottom: bool) -> None:
    height, width = mask.shape
    top = canvas.shape[0] - height if at_bottom else 0
    box = canvas[top : top + height, :width]
    box //= DARKER
    np.maximum(box, mask[:, :, None], out=box)


def writable(text: str) -> str:
    """`text` in letters that the font has: all, or those of English."""
    if _font_name() is not None:
        return text
    plain = unicodedata.normalize("NFKD", text)
    return "".join(
        each if each.isascii() else "?" for each in plain if not unicodedata.combining(each)
    )


@cache
def font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font in letters of so many pixels."""
    name = _font_name()
    return ImageFont.load_default(pixels) if name is None else ImageFont.truetype(name, pixels)


@cache
def _font_name() -> str | None:
    """One of `FONTS` that the system has; None for Pillow's own."""
    for name in FONTS:
        with suppress(OSError):
            ImageFont.truetype(name, REFERENCE_PIXELS)
            return name
    return None
