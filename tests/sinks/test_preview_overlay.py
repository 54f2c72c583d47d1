"""Letters over the preview, in windows of all sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from livematte.frame import Image, Size
from livematte.sinks.preview import overlay as overlay
from livematte.sinks.preview.view import HELP

GREY = 200
LONG = (("Camera", "A camera whose name is long and longer than any window " * 3),)
SIZES = [Size(320, 180), Size(640, 360), Size(1920, 1080), Size(180, 320), Size(64, 48), Size(7, 5)]


def written(rows: tuple[overlay.Row, ...], size: Size) -> Image:
    canvas: Image = np.full((size.height, size.width, 3), GREY, np.uint8)
    overlay.write_rows(canvas, rows)
    return canvas


@pytest.fixture(params=["of the system", "of Pillow"])
def font(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "of Pillow":
        monkeypatch.setattr(overlay, "FONTS", ())
    caches = (overlay._font_name, overlay.font, overlay._rows_mask, overlay._message_mask)
    for each in caches:
        each.cache_clear()
    yield str(request.param)
    for each in caches:
        each.cache_clear()


@pytest.mark.usefixtures("font")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("rows", [HELP, (*LONG, ("", ""), *HELP)], ids=["help", "both"])
def test_every_row_is_seen_whole_in_height(size: Size, rows: tuple[overlay.Row, ...]) -> None:
    pixels, groups = overlay.choose_layout(rows, size)
    lines = -(-len(rows) // groups)
    if size.height >= 48:
        assert pixels >= 1
        assert lines * overlay.LINE * pixels <= size.height
    if size.height >= 180:
        assert pixels >= 9, "readable"
    written(rows, size)


@pytest.mark.usefixtures("font")
def test_help_fits_into_a_small_window_and_nothing_is_cut() -> None:
    size = Size(320, 180)
    pixels, groups = overlay.choose_layout(HELP, size)
    assert (pixels, groups) == (overlay.LETTERS_PIXELS.start, 2)
    box = (written(HELP, size) != GREY).any(axis=2)
    wide = written(HELP, Size(1000, 180))
    assert box.sum() == (wide != GREY).any(axis=2).sum(), "as much as where there is room"


@pytest.mark.usefixtures("font")
def test_letters_are_smaller_where_the_window_is_narrow() -> None:
    narrow = overlay.choose_layout(HELP, Size(300, 1000)).pixels
    assert overlay.LETTERS_PIXELS.start < narrow < overlay.LETTERS_PIXELS.stop - 1
    width, _ = overlay._extent(HELP, 1)
    assert width * narrow / overlay.REFERENCE_PIXELS <= 300


@pytest.mark.usefixtures("font")
def test_the_second_column_begins_in_one_line() -> None:
    size = Size(1280, 720)
    pixels = overlay.choose_layout(HELP, size).pixels
    both = overlay._rows_mask(HELP, size)
    keys = overlay._rows_mask(tuple((key, "") for key, _ in HELP), size)
    meanings = both > 0
    meanings[:, : keys.shape[1]] &= keys == 0
    beginnings = []
    for number in range(len(HELP)):
        top = pixels // 2 + round(number * overlay.LINE * pixels)
        beginnings.append(np.flatnonzero(meanings[top : top + pixels].any(axis=0)).min())
    assert np.ptp(beginnings) <= 4, beginnings


@pytest.mark.usefixtures("font")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_messages_are_wrapped_and_stay_at_the_bottom(size: Size) -> None:
    canvas: Image = np.full((size.height, size.width, 3), GREY, np.uint8)
    overlay.write_message(canvas, "The folder /a/long/name/of/a/folder may not be written. " * 2)
    changed = np.flatnonzero((canvas != GREY).any(axis=(1, 2)))
    assert changed.max() == size.height - 1
    if size.height > 100:
        assert changed.min() > size.height // 3
        assert (canvas[changed].min(axis=2) > 200).any(), "letters"


def test_names_in_other_letters_are_readable(font: str) -> None:
    if font == "of Pillow":
        assert overlay.writable("Straße in Müns\u0303ter… Я") == "Stra?e in Munster... ?"
    elif overlay._font_name() is not None:
        assert overlay.writable("Straße Я") == "Straße Я"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_mark_of_a_recording_is_red_and_in_the_corner(size: Size) -> None:
    canvas: Image = np.full((size.height, size.width, 3), GREY, np.uint8)
    overlay.mark_recording(canvas)
    if size.width >= 64:
        red = (canvas[:, :, 2] > 180) & (canvas[:, :, 0] < 90)
        ys, xs = np.nonzero(red)
        assert 10 < len(ys) < 1000
        assert ys.max() < 50
        assert xs.min() > size.width - 130
