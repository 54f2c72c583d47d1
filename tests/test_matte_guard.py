"""Mattes that no working network gives, planted after the real network's, frame by frame.

Quick, without pipeline and clock: how many frames pass before a fault is refused, how much of the
room shows in them, and how soon the person is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.background import parse
from livematte.errors import MatteError
from livematte.frame import Frame, Image, Size
from livematte.matte_guard import MatteGuard
from livematte.render.openvino import OpenVinoRenderer
from livematte.render.openvino_network import Request
from livematte.render.renderer import open_renderer
from tests.faults.marked_room import RATE, SIZE, count_marked, people

HELD_FRAMES: Final = int(0.25 * RATE)
"""Within these some of the room may be seen."""

SLATE_FRAMES: Final = int((0.6 - 0.25) * RATE)
"""From then on the picture before is held, until the slate comes 0.25 s later."""

BEFORE: Final = 15
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


class Planted:
    """A renderer in the marked room, whose network can be made to go wrong."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fault: Fault | None = None
        self.frames = 0
        self._past: list[Matte] = []
        run = Request.run

        def run_wrongly(request: Request) -> float:
            seconds = run(request)
            self._spoil(request)
            return seconds

        monkeypatch.setattr(Request, "run", run_wrongly)
        renderer = open_renderer(
            "cpu", frame_size=SIZE, matte_short_side=224, weights_name="photographic"
        ).renderer
        assert isinstance(renderer, OpenVinoRenderer)
        self.renderer = renderer
        self._past.clear()
        self._index = 0

    def _spoil(self, request: Request) -> None:
        mirrored = self._index % 2 == 0 and self._index >= 0 if self._ready else False
        seen = request.matte[:, ::-1] if mirrored else request.matte
        right = seen.copy()
        if self.fault is not None:
            wrong = self.fault(right, self._past, self.frames)
            request.matte[:] = wrong[:, ::-1] if mirrored else wrong
            self.frames += 1
        self._past = [*self._past[-7:], right]

    @property
    def _ready(self) -> bool:
        return hasattr(self, "renderer")

    def picture(self) -> Image | None:
        """What is made of the next frame; None if its matte is refused."""
        image = people()[self._index % len(people())].copy()
        assert self.renderer.submit(Frame(image, self._index, 0.0, 0.0), parse("#204060"))
        self._index += 1
        try:
            picture = self.renderer.collect(20)
        except MatteError:
            return None
        assert picture is not None
        return picture.image


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield monkeypatch


@pytest.fixture(scope="module")
def planted(patch: pytest.MonkeyPatch) -> Iterator[Planted]:
    people()
    planted = Planted(patch)
    yield planted
    planted.renderer.close()


@pytest.mark.parametrize("name", FAULTS)
def test_what_no_network_says_is_refused_and_forgotten(planted: Planted, name: str) -> None:
    right = [planted.picture() for _ in range(BEFORE)]
    assert all(each is not None and count_marked(each) == 0 for each in right)
    planted.fault, planted.frames = FAULTS[name], 0
    wrong = [planted.picture() for _ in range(PLANTED)]
    planted.fault = None
    shown = [index for index, each in enumerate(wrong) if each is not None]
    marked = [0 if each is None else count_marked(each) for each in wrong]
    print(f"\n{name}: {len(shown)} of {PLANTED} frames shown, marked pixels {marked}")
    assert not any(marked[HELD_FRAMES:])
    assert not shown or shown[0] < HELD_FRAMES
    assert all(each is None for each in wrong[SLATE_FRAMES:])
    back = [planted.picture() for _ in range(BACK_WITHIN + 5)]
    assert all(each is not None for each in back[BACK_WITHIN:])
    assert not any(count_marked(each) for each in back if each is not None)


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
    problems = [guard.problem_of(np.zeros_like(levels), pixels) for _ in range(100)]
    assert problems[0] == "The person cannot be seen"
    assert problems[-1] == ""
    assert Size.of(levels) == Size(224, 128)
