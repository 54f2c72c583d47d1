from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.frame import Frame, Rendered, Size

Make = Callable[[NDArray[np.generic]], object]


def frame(image: NDArray[np.generic]) -> Frame:
    return Frame(image, 0, 0.0, 0.0)  # type: ignore[arg-type]


def rendered(image: NDArray[np.generic]) -> Rendered:
    return Rendered(image, np.zeros(image.shape[:2], np.uint8), 0, 0.0, 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [frame, rendered])
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 6, 3), np.uint8)[:, ::2],
    ],
    ids=["float", "grey", "four channels", "empty", "not contiguous"],
)
def test_what_is_no_bgr_picture_is_refused(make: Make, image: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"expected .*got"):
        make(image)


@pytest.mark.parametrize("alpha", [np.zeros((6, 4), np.uint8), np.zeros((4, 6), np.float32)])
def test_an_alpha_that_does_not_fit_its_image_is_refused(alpha: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(4, 6\)"):
        Rendered(np.zeros((4, 6, 3), np.uint8), alpha, 0, 0.0, 0.0)  # type: ignore[arg-type]


def test_sizes_are_said_width_first() -> None:
    made = frame(np.zeros((720, 1280, 3), np.uint8))
    assert made.size == Size(width=1280, height=720)
    assert str(made.size) == "1280x720"
