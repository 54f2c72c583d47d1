"""Mattes that no working network gives, planted after the real network's, frame by frame.

Quick, without pipeline and clock: how many frames pass before a fault is refused, how much of the
room shows in them, and how soon the person is back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final, NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.matting.matte_guard import MatteGuard
from livematte.matting.shrink import shrink
from livematte.matting.steady import View
from livematte.network import weights
from livematte.network.size import network_size
from livematte.render.openvino.network import OpenVinoModel
from tests.faults.marked_room import RATE, SIZE, count_marked, people

HELD_FRAMES: Final = int(0.25 * RATE)
"""Within these some of the room may be seen."""

SLATE_FRAMES: Final = int((0.6 - 0.25) * RATE)
"""From then on the picture before is held, until the slate comes 0.25 s later."""

BEFORE: Final = 12
PLANTED: Final = 20
BACK_WITHIN: Final = 3

Matte = NDArray[np.float32]
Fault = Callable[[Matte, list[Matte], int], Matte]
"""What becomes of a frame's right matte, given those of the frames before, `frames` after its
beginning; float32 (h, w)."""


def moved(right: float, down: float) -> Fault:
    """By parts of the frame."""

    def move(matte: Matte, _past: list[Matte], _frames: int) -> Matte:
        height, width = matte.shape
        shift = np.array([[1, 0, right * width], [0, 1, down * height]])
        return cv2.warpAffine(matte, shift, (width, height)).astype(np.float32, copy=False)

    return move


def rolled(matte: Matte, _past: list[Matte], _frames: int) -> Matte:
    return np.roll(matte, matte.shape[1] // 6, axis=1)


def larger(matte: Matte, scale: float) -> Matte:
    height, width = matte.shape
    zoom = np.array([[scale, 0, (1 - scale) * width / 2], [0, scale, (1 - scale) * height / 2]])
    return cv2.warpAffine(matte, zoom, (width, height)).astype(np.float32, copy=False)


def dilated(matte: Matte, pixels: int) -> Matte:
    square = np.ones((2 * pixels + 1,) * 2, np.uint8)
    return cv2.dilate(matte, square).astype(np.float32, copy=False)


def within(rows: slice, columns: slice, value: float) -> Fault:
    """Parts in tenths of the frame set to a value."""

    def fill(matte: Matte, _past: list[Matte], _frames: int) -> Matte:
        filled = matte.copy()
        height, width = matte.shape
        of_rows, of_columns = (
            slice(
                *(None if each is None else each * side // 10 for each in (part.start, part.stop))
            )
            for part, side in ((rows, height), (columns, width))
        )
        filled[of_rows, of_columns] = value
        return filled

    return fill


def disc(matte: Matte, _past: list[Matte], _frames: int) -> Matte:
    height, width = matte.shape
    circle = cv2.circle(matte.copy(), (width // 8, height // 4), height // 7, 1, -1)
    return circle.astype(np.float32, copy=False)


def random(matte: Matte, cell: int) -> Matte:
    shape = (-(-matte.shape[0] // cell), -(-matte.shape[1] // cell))
    cells = np.random.default_rng(7).random(shape, np.float32)
    return np.kron(cells, np.ones((cell, cell), np.float32))[: matte.shape[0], : matte.shape[1]]


def swapped(matte: Matte, _past: list[Matte], _frames: int) -> Matte:
    return (
        np.vstack((matte[1::2], matte[::2]))
        .reshape(2, -1, matte.shape[1])
        .swapaxes(0, 1)
        .reshape(matte.shape)
    )


ALL_ROWS: Final = slice(None)

FAULTS: Final[dict[str, Fault]] = {
    **{
        f"constant {value}": lambda matte, _past, _frames, value=value: np.full_like(matte, value)  # type: ignore[misc]
        for value in (0.0, 0.02, 0.3, 0.5, 0.97, 1.0)
    },
    "inverted": lambda matte, _past, _frames: 1 - matte,
    "to the right": moved(0.1, 0),
    "to the left": moved(-0.2, 0),
    "a little to the right": moved(0.05, 0),
    "down": moved(0, 0.1),
    "up": moved(0, -0.1),
    "far down": moved(0, 0.2),
    "rolled": rolled,
    "mirrored and moved": lambda matte, _past, _frames: np.roll(matte[:, ::-1], 40, axis=1),
    "upside down": lambda matte, _past, _frames: matte[::-1].copy(),
    "left half": within(ALL_ROWS, slice(None, 5), 1),
    "right half": within(ALL_ROWS, slice(5, None), 1),
    "strip": within(slice(None, 1), ALL_ROWS, 1),
    "cropped": within(slice(5, None), ALL_ROWS, 0),
    "noise": lambda matte, _past, _frames: random(matte, 1),
    "blocks of noise": lambda matte, _past, _frames: random(matte, 32),
    "checkerboard": lambda matte, _past, _frames: np.rint(random(matte, 8)).astype(np.float32),
    "x 255": lambda matte, _past, _frames: 255 * matte,
    "x 255, clipped to 1": lambda matte, _past, _frames: np.minimum(255 * matte, 1),
    "below 0": lambda matte, _past, _frames: matte - 1,
    "no number": lambda matte, _past, _frames: matte * np.float32(np.nan),
    "half as opaque": lambda matte, _past, _frames: np.float32(0.5) * matte,
    "a veil": lambda matte, _past, _frames: 0.2 + 0.8 * matte,
    "growing": lambda matte, _past, frames: dilated(matte, 1 + frames),
    "growing by parts": lambda matte, _past, frames: larger(matte, 1.05 ** (1 + frames)),
    "dilated": lambda matte, _past, _frames: dilated(matte, 10),
    "enlarged": lambda matte, _past, _frames: larger(matte, 1.3),
    "blurred": lambda matte, _past, _frames: cv2.GaussianBlur(matte, (0, 0), 25).astype(np.float32),
    "of the frame before": lambda _matte, past, _frames: past[-1],
    "of five frames before": lambda _matte, past, _frames: past[-5],
    "swapped rows": swapped,
    "a disc in the room": disc,
}


class Seen(NamedTuple):
    """What the network saw of a frame, and rightly said, each without a mirror."""

    pixels: Image
    matte: Matte


@pytest.fixture(scope="module")
def right() -> list[Seen]:
    """Of someone in the marked room."""
    size = network_size(SIZE, 224)
    model = OpenVinoModel("CPU", weights.find("photographic"), "fp32", None)
    (request, *_) = model.compile(size, lasting=False).requests
    seen = []
    for index, image in enumerate(2 * people()):
        shrink(image, request.pixels)
        pixels, step = request.pixels.copy(), 1 - 2 * (index % 2)
        request.pixels[:] = pixels[:, ::step]
        request.run()
        seen.append(Seen(pixels, request.matte[:, ::step].copy()))
    return seen


@pytest.mark.parametrize("name", FAULTS)
def test_what_no_network_says_is_refused_and_forgotten(right: list[Seen], name: str) -> None:
    guard = MatteGuard()
    frames = itertools.cycle(right)
    past: list[Matte] = []

    def shown(count: int, fault: Fault | None) -> list[int | None]:
        """How many pixels of the room each frame shows; None if it is refused."""
        found: list[int | None] = []
        for index, (pixels, matte) in enumerate(itertools.islice(frames, count)):
            said = matte if fault is None else fault(matte, past, index).astype(np.float32)
            past.append(matte)
            step = 1 - 2 * (index % 2)
            view = View(pixels[:, ::step].copy(), said[:, ::step].copy(), step < 0)
            marked = count_marked(np.where(said[..., None] > 0.5, pixels, 0).astype(np.uint8))
            found.append(None if guard.problem([view]) else marked)
        return found

    usual = shown(BEFORE, None)
    assert all(each is not None for each in usual)
    wrong = shown(PLANTED, FAULTS[name])
    print(f"\n{name}: pixels of the room that are shown {wrong}")
    assert not any(each for each in wrong[HELD_FRAMES:])
    assert set(wrong[SLATE_FRAMES:]) == {None}
    back = shown(BACK_WITHIN + 5, None)
    assert None not in back[BACK_WITHIN:]


def test_what_is_refused_costs_the_person_no_frame_after_it() -> None:
    guard = MatteGuard()
    levels = np.zeros((128, 224), np.uint8)
    cv2.ellipse(levels, (112, 100), (40, 60), 0, 0, 360, 255, -1)
    levels = cv2.GaussianBlur(levels, (0, 0), 1.5).astype(np.uint8)
    pixels = np.dstack([levels // 2 + 40] * 3).astype(np.uint8)
    for _ in range(12):
        assert guard.problem_of(levels, pixels) == ""
    assert guard.problem_of(255 - levels, pixels)
    assert guard.problem_of(levels, pixels) == ""


def test_who_is_gone_is_not_waited_for_for_ever() -> None:
    guard = MatteGuard()
    levels = np.zeros((128, 224), np.uint8)
    cv2.ellipse(levels, (112, 100), (40, 60), 0, 0, 360, 255, -1)
    levels = cv2.GaussianBlur(levels, (0, 0), 1.5).astype(np.uint8)
    pixels = np.dstack([levels // 2 + 40] * 3).astype(np.uint8)
    assert guard.problem_of(levels, pixels) == ""
    problems = [guard.problem_of(np.zeros_like(levels), pixels) for _ in range(60)]
    assert "The person cannot be seen" in problems[:5]
    assert problems[-1] == ""
    assert Size.of(levels) == Size(224, 128)
