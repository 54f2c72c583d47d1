from __future__ import annotations

import numpy as np
import pytest

from livematte.backgrounds.parse import parse
from livematte.frame import Size
from livematte.pipeline.slate import SLATE_INDEX, slate


@pytest.mark.parametrize("size", [Size(1280, 720), Size(720, 1280), Size(160, 120), Size(33, 17)])
def test_the_notice_is_on_the_background_and_fits(size: Size) -> None:
    shown = slate(size, parse("navy"), "No picture from the camera")
    assert shown.index == SLATE_INDEX
    assert shown.size == size
    assert not shown.alpha.any()
    written = (shown.image > 150).all(axis=2)
    if min(size) >= 120:
        assert written.any()
    columns = np.flatnonzero(written.any(axis=0))
    assert columns.size == 0 or (columns[0] > 0 and columns[-1] < size.width - 1)
    assert (shown.image[0] == (128, 0, 0)).all()


@pytest.mark.parametrize("background", ["blur", "transparent"])
def test_where_there_is_no_background_of_its_own_it_is_grey(background: str) -> None:
    shown = slate(Size(320, 180), parse(background), "Starting")
    assert np.ptp(shown.image[0, 0]) == 0
    assert not shown.transparent, "the notice is to be seen"


def test_a_slate_does_not_write_on_the_background() -> None:
    background = parse("navy")
    first = slate(Size(320, 180), background, "Starting")
    second = slate(Size(320, 180), background, "Camera off")
    assert (first.image != second.image).any()
    np.testing.assert_array_equal(
        first.image, slate(Size(320, 180), parse("navy"), "Starting").image
    )
    np.testing.assert_array_equal(
        second.image, slate(Size(320, 180), parse("navy"), "Camera off").image
    )
