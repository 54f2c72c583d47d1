"""Holes in a person: which are filled, and which are the room between arm and body."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.frame import Image
from livematte.matting.holes import fill_holes, find_holes

ROOM: Final = (200, 190, 180)
JACKET: Final = (60, 40, 30)
HOLE: Final = np.s_[120:150, 100:140]
"""Of 432x288: 1 % of it."""


def person_with_hole(colour: tuple[int, int, int]) -> tuple[NDArray[np.float32], Image]:
    """A matte with a hole, and the picture, in which the hole is of `colour`."""
    rng = np.random.default_rng(3)
    small = np.full((288, 432, 3), ROOM, np.int16)
    matte = np.zeros((288, 432), np.float32)
    cv2.ellipse(matte, (130, 200), (90, 150), 0, 0, 360, 1.0, -1)
    small[matte > 0] = JACKET
    small[HOLE] = colour
    matte[HOLE] = 0
    noisy = np.clip(small + rng.integers(-8, 9, small.shape), 0, 255)
    return cv2.GaussianBlur(matte, (5, 5), 0).astype(np.float32), noisy.astype(np.uint8)


def sure_second_look(matte: NDArray[np.float32]) -> NDArray[np.float32]:
    filled = matte.copy()
    filled[110:160, 90:150] = 1
    return np.asarray(cv2.resize(filled, (288, 192)), np.float32)


def test_a_hole_in_a_jacket_is_filled() -> None:
    matte, small = person_with_hole(JACKET)
    holes = find_holes(matte)
    assert len(holes) == 1
    filled = fill_holes(matte, holes, sure_second_look(matte), small)
    assert filled[118:152, 98:142].min() > 0.95
    elsewhere = np.ones(matte.shape, bool)
    elsewhere[110:160, 90:150] = False
    np.testing.assert_array_equal(filled[elsewhere], matte[elsewhere])


def test_a_gap_in_which_the_room_is_seen_stays_open_even_if_a_second_look_misses_it() -> None:
    matte, small = person_with_hole(ROOM)
    filled = fill_holes(matte, find_holes(matte), sure_second_look(matte), small)
    np.testing.assert_array_equal(filled, matte)


def test_what_a_second_look_is_not_sure_of_stays_open() -> None:
    matte, small = person_with_hole(JACKET)
    second = np.asarray(cv2.resize(matte, (288, 192)), np.float32)
    np.testing.assert_array_equal(fill_holes(matte, find_holes(matte), second, small), matte)


@pytest.mark.parametrize(("side", "found"), [(8, 0), (20, 1), (90, 0)])
def test_neither_specks_nor_what_is_half_the_person_are_holes(side: int, found: int) -> None:
    matte = np.zeros((288, 432), np.float32)
    matte[50:, 50:200] = 1
    matte[150 : 150 + side, 80 : 80 + side] = 0
    assert len(find_holes(matte)) == found
