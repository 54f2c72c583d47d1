from __future__ import annotations

import threading
import time
from itertools import islice

import cv2
import numpy as np
import pytest

from livematte.backgrounds.parse import parse
from livematte.errors import UsageError
from livematte.frame import Frame, Image, Size
from livematte.options.rendering import CPU, RenderOptions
from livematte.render.opening import open_renderer
from livematte.sources import Demo


def images_of(size: Size, *indices: int) -> list[Image]:
    with Demo(size, realtime=False) as demo:
        taken = {frame.index: frame.image for frame in islice(demo.frames(), max(indices) + 1)}
    return [taken[index] for index in indices]


@pytest.mark.parametrize("size", [Size(1280, 720), Size(640, 480), Size(360, 640), Size(101, 67)])
def test_any_size_from_small_to_upright(size: Size) -> None:
    first, later = images_of(size, 0, 40)
    assert Size.of(first) == size
    assert (first != later).any(axis=2).mean() > 0.05, "the person moves"


def test_the_picture_depends_on_the_index_alone() -> None:
    np.testing.assert_array_equal(
        images_of(Size(320, 180), 25)[0], images_of(Size(320, 180), 25)[0]
    )


def test_the_room_stands_still() -> None:
    first, later = images_of(Size(640, 360), 0, 33)
    for corner in (np.s_[:60, :100], np.s_[:60, -100:], np.s_[-60:, :60], np.s_[-60:, -60:]):
        np.testing.assert_array_equal(first[corner], later[corner])


def test_the_network_finds_the_whole_person_and_nothing_of_the_room() -> None:
    size = Size(1280, 720)
    renderer = open_renderer(RenderOptions(CPU, matte_short_side=288), size).renderer
    for index, image in zip((0, 47, 95), images_of(size, 0, 47, 95), strict=True):
        assert renderer.submit(Frame(image, index, 0.0, 0.0), parse("green"))
        picture = renderer.collect(10)
        assert picture is not None
        for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert picture.alpha[corner] == 0
        surely = (picture.alpha > 127).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(surely)
        assert stats[1:, cv2.CC_STAT_AREA].max() == stats[1:, cv2.CC_STAT_AREA].sum(), count
        assert 0.2 < surely.mean() < 0.4
        outline, _ = cv2.findContours(surely, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        assert len(outline) == 1, "no hole in the person"


def test_it_is_paced_like_a_camera() -> None:
    with Demo(Size(128, 72)) as demo:
        started = time.monotonic()
        frames = list(islice(demo.frames(), 10))
    assert 9 / 30 - 0.01 < time.monotonic() - started < 1
    assert demo.live
    assert [frame.media_seconds for frame in frames] == pytest.approx(
        [index / 30 for index in range(10)]
    )


def test_interrupting_ends_it() -> None:
    with Demo(Size(128, 72)) as demo:
        threading.Timer(0.1, demo.interrupt).start()
        assert 0 < len(list(demo.frames())) < 60


def test_recycled_memory_is_used_again() -> None:
    with Demo(Size(128, 72), realtime=False) as demo:
        addresses = set()
        for frame in islice(demo.frames(), 10):
            addresses.add(frame.image.ctypes.data)
            demo.recycle(frame)
    assert len(addresses) == 1


def test_too_small_to_see_anybody() -> None:
    with pytest.raises(UsageError, match="40x30"):
        Demo(Size(40, 30))
