from __future__ import annotations

import cv2
import numpy as np
import pytest

from livematte.frame import Image, Size
from livematte.matting.edges import POINTS_AT_ONCE, interpolated, points_of, upsample_matte


def scene(size: int) -> tuple[Image, Image]:
    """A reddish person with thin strands in front of a blue room, and the true alpha."""
    alpha = np.zeros((size, size), np.uint8)
    cv2.circle(alpha, (size // 2, size // 2), size // 4, 255, -1, cv2.LINE_AA)
    for x in range(size // 4, size * 3 // 4, size // 20):
        cv2.line(alpha, (size // 2, size // 2), (x, size // 8), 255, 2, cv2.LINE_AA)
    part = alpha[..., None] / 255
    image = part * (200, 120, 80) + (1 - part) * (30, 60, 160)
    return np.rint(image).astype(np.uint8), alpha


def shrunk(image: Image, side: int) -> Image:
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)


def test_edges_and_strands_follow_the_photo() -> None:
    image, alpha = scene(960)
    truth = alpha / np.float32(255)
    matte = (shrunk(alpha, 240) / 255).astype(np.float32)
    bilinear = cv2.resize(matte, (960, 960))
    upsampled = upsample_matte(matte, shrunk(image, 240), image)
    assert upsampled.dtype == np.float32
    assert upsampled.shape == (960, 960)
    assert 0 <= upsampled.min() <= upsampled.max() <= 1
    assert np.abs(upsampled - truth).mean() < 0.4 * np.abs(bilinear - truth).mean()


def test_a_photo_of_the_networks_size_keeps_the_networks_matte() -> None:
    image, alpha = scene(240)
    matte = (alpha / 255).astype(np.float32)
    np.testing.assert_array_equal(upsample_matte(matte, image, image), matte)


def test_where_the_network_is_sure_nothing_changes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3)).astype(np.uint8)
    for value in (0.0, 1.0):
        matte = np.full((96, 160), value, np.float32)
        upsampled = upsample_matte(matte, cv2.resize(noise, (160, 96)).astype(np.uint8), noise)
        assert (upsampled == value).all()


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 700), Size(333, 7), Size(100, 100)])
def test_photos_smaller_than_the_network_in_a_direction(size: Size) -> None:
    image = np.full((size.height, size.width, 3), 90, np.uint8)
    matte = np.random.default_rng(1).random((288, 288), np.float32)
    small = np.full((288, 288, 3), 90, np.uint8)
    upsampled = upsample_matte(matte, small, image)
    assert upsampled.shape == size[::-1]
    assert 0 <= upsampled.min() <= upsampled.max() <= 1


def test_interpolation_at_points_is_that_of_resizing() -> None:
    random = np.random.default_rng(2)
    small, size = random.random((30, 40, 4), np.float32), Size(123, 77)
    mask = random.random(size[::-1]) < 0.3
    resized = cv2.resize(small, size)
    points = np.concatenate(list(points_of(mask)))
    np.testing.assert_array_equal(points, np.flatnonzero(mask))
    # Before version 5, OpenCV rounds to a 32nd of a pixel.
    np.testing.assert_allclose(
        interpolated(small, size, points), resized.reshape(-1, 4)[points], atol=1 / 32
    )


def test_points_are_told_part_by_part_and_each_once() -> None:
    mask = np.random.default_rng(3).random((300, 400)) < 0.5
    parts = list(points_of(mask))
    assert len(parts) > 3
    assert max(map(len, parts)) <= POINTS_AT_ONCE
    np.testing.assert_array_equal(np.concatenate(parts), np.flatnonzero(mask))
    assert list(points_of(np.zeros((30, 40), bool))) == []


def test_a_matte_that_is_soft_everywhere() -> None:
    """More soft pixels than OpenCV looks up at once."""
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (600, 1000, 3), np.uint8)
    small = cv2.resize(image, (500, 300), interpolation=cv2.INTER_AREA).astype(np.uint8)
    matte = np.full((300, 500), 0.5, np.float32)
    upsampled = upsample_matte(matte, small, image)
    assert upsampled.shape == (600, 1000)
    assert np.isfinite(upsampled).all()
