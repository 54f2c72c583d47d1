"""Which pictures are not shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livematte.frame import Rendered, Size
from livematte.pipeline.picture_guard import GONE_SECONDS, PictureGuard

SIZE = Size(80, 60)


def picture(coverage: float, size: Size = SIZE) -> Rendered:
    alpha = np.zeros(size.height * size.width, np.uint8)
    alpha[: round(coverage * alpha.size)] = 255
    # In no order, so that any sample of the pixels is a fair one.
    np.random.default_rng(1).shuffle(alpha)
    image = np.zeros((size.height, size.width, 3), np.uint8)
    return Rendered(image, alpha.reshape(size.height, size.width), 0, 0.0, 0.0)


def shown(coverages: Sequence[float], seconds_apart: float = 1 / 30) -> list[bool]:
    guard = PictureGuard(SIZE)
    return [
        not guard.problem(picture(each), index * seconds_apart)
        for index, each in enumerate(coverages)
    ]


def test_a_person_is_shown_however_near() -> None:
    assert all(shown([0.05, 0.3, 0.6, 0.9, 0.96]))


def test_a_matte_of_everything_is_never_shown() -> None:
    assert shown([1.0, 0.3, 1.0, 1.0, 0.3]) == [False, True, False, False, True]
    assert not any(shown([0.3] + [1.0] * 200)[1:])


def test_someone_who_vanishes_at_once_is_a_fault() -> None:
    assert shown([0.3, 0.0, 0.0, 0.3, 0.0]) == [True, False, False, True, False]


def test_after_a_while_nobody_is_there() -> None:
    seen = shown([0.3] + [0.0] * 200)
    assert seen.index(True, 1) / 30 > GONE_SECONDS
    assert all(seen[seen.index(True, 1) :])


def test_who_walks_out_of_the_picture_is_gone_at_once() -> None:
    assert all(shown([0.3, 0.2, 0.1, 0.05, 0.015, 0.004, 0.0, 0.0]))


def test_an_empty_room_is_shown_as_the_background_alone() -> None:
    assert all(shown([0.0, 0.0, 0.3]))


def test_a_picture_of_another_size_is_not_shown() -> None:
    assert (
        PictureGuard(SIZE).problem(picture(0.3, Size(40, 30)), 0.0)
        == "The matte has the wrong size"
    )
