"""The matte at the frame's size."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.matting.enlarge import MatteEnlarger
from livematte.matting.shrink import shrink_photo

SIZE: Final = Size(640, 384)
SMALL: Final = Size(160, 96)
PERSON, ROOM = (60, 110, 190), (150, 90, 40)


def frame_with_edge_at(column: int) -> Image:
    """A person left of a column, with the noise of a sensor."""
    image = np.empty((SIZE.height, SIZE.width, 3), np.float32)
    image[:, :column], image[:, column:] = PERSON, ROOM
    image += np.random.default_rng(column).normal(0, 2, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def blurred_matte() -> NDArray[np.float32]:
    """What a network says that knows only about where the edge is: soft from 77 to 83 of 160."""
    columns = np.arange(SMALL.width, dtype=np.float32) + 0.5
    row = np.clip((80.5 - columns) / 6 + 0.5, 0, 1)
    return np.repeat(row[None], SMALL.height, axis=0)


def enlarged(matte: NDArray[np.float32], image: Image, *, edges: bool) -> Image:
    alpha = np.full((SIZE.height, SIZE.width), 99, np.uint8)
    enlarger = MatteEnlarger(SIZE, edges=edges)
    enlarger.enlarge(matte, shrink_photo(image, Size.of(matte)), image, alpha)
    return alpha


def bilinear(matte: NDArray[np.float32]) -> Image:
    return cv2.convertScaleAbs(cv2.resize(matte, SIZE), alpha=255).astype(np.uint8)


@pytest.mark.parametrize("column", [316, 319, 321, 322, 323, 327])
def test_an_edge_between_two_pixels_of_the_network_is_found(column: int) -> None:
    alpha = enlarged(blurred_matte(), frame_with_edge_at(column), edges=True)
    truth = np.zeros(SIZE.width)
    truth[:column] = 255
    off = np.abs(alpha - truth).mean()
    assert off < 0.4 * np.abs(bilinear(blurred_matte()) - truth).mean()
    step = (alpha[:, column - 1].astype(int) - alpha[:, column]).mean()
    assert step > 0.5 * 255
    crossing = np.argmax(alpha < 128, axis=1)
    assert (crossing == column).mean() > 0.95


def test_without_edges_it_is_bilinear() -> None:
    matte = np.random.default_rng(1).random((SMALL.height, SMALL.width), np.float32)
    np.testing.assert_array_equal(
        enlarged(matte, frame_with_edge_at(322), edges=False), bilinear(matte)
    )


def test_where_the_matte_is_sure_nothing_changes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE.height, SIZE.width, 3), np.uint8)
    for sure in (0, 1):
        matte = np.full((SMALL.height, SMALL.width), sure, np.float32)
        assert (enlarged(matte, noise, edges=True) == 255 * sure).all()
    alpha = enlarged(blurred_matte(), noise, edges=True)
    assert (alpha[:, : 70 * 4] == 255).all()
    assert (alpha[:, 90 * 4 :] == 0).all()


def test_a_person_of_the_rooms_colour_keeps_the_networks_edge() -> None:
    image = np.full((SIZE.height, SIZE.width, 3), 120, np.uint8)
    alpha = enlarged(blurred_matte(), image, edges=True)
    assert cv2.absdiff(alpha, bilinear(blurred_matte())).max() <= 1
    noisy = np.clip(image + np.random.default_rng(2).normal(0, 3, image.shape), 0, 255)
    alpha = enlarged(blurred_matte(), noisy.astype(np.uint8), edges=True)
    assert cv2.absdiff(alpha, bilinear(blurred_matte())).mean() < 1


def test_mattes_of_other_sizes_may_follow_each_other() -> None:
    enlarger, image = MatteEnlarger(SIZE, edges=True), frame_with_edge_at(322)
    alpha = np.empty((SIZE.height, SIZE.width), np.uint8)
    for size in (SMALL, Size(224, 128), SMALL):
        matte = cv2.resize(blurred_matte(), size).astype(np.float32)
        enlarger.enlarge(matte, shrink_photo(image, size), image, alpha)
        np.testing.assert_array_equal(alpha, enlarged(matte, image, edges=True))
