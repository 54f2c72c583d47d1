from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livematte.frame import Size
from livematte.network.size import STRIDE, network_size

SIDES = st.integers(1, 8192)


@pytest.mark.parametrize(
    ("frame", "short_side", "expected"),
    [
        (Size(1280, 720), 288, Size(512, 288)),
        (Size(1920, 1080), 288, Size(512, 288)),
        (Size(640, 480), 288, Size(384, 288)),
        (Size(720, 1280), 288, Size(288, 512)),
        (Size(640, 480), 512, Size(672, 512)),
        (Size(1280, 720), 300, Size(544, 288)),
    ],
)
def test_the_size_of_usual_cameras(frame: Size, short_side: int, expected: Size) -> None:
    assert network_size(frame, short_side) == expected


@given(SIDES, SIDES, st.integers(224, 1088))
def test_any_size_is_one_that_the_network_takes(width: int, height: int, short_side: int) -> None:
    size = network_size(Size(width, height), short_side)
    assert min(size) >= STRIDE
    assert size.width % STRIDE == size.height % STRIDE == 0
    assert abs(min(size) - short_side) <= STRIDE / 2
