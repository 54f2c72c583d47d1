from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte.bench.contact_sheet import (
    WIDTH,
    Row,
    contact_sheet,
    require_writable,
    save_contact_sheet,
)
from livematte.errors import UsageError
from livematte.frame import Image


def even(rows: int, columns: int, *colour: int) -> Image:
    shape = (rows, columns, 3) if len(colour) == 3 else (rows, columns)
    return np.full(shape, colour if len(colour) == 3 else colour[0], np.uint8)


ROWS = (
    Row("wide", {"picture": even(720, 1280, 10, 20, 200), "matte": even(720, 1280, 250)}),
    Row("tall", {"picture": even(400, 200, 200, 30, 40), "matte": even(400, 200, 253)}),
)


def count(sheet: Image, *colour: int) -> int:
    return int((sheet == colour).all(axis=2).sum())


def test_every_picture_is_on_the_sheet_in_proportion() -> None:
    sheet = contact_sheet(ROWS)
    assert sheet.shape[1] == WIDTH
    width = (WIDTH - 6) // 2 - 6
    assert count(sheet, 10, 20, 200) == count(sheet, 250, 250, 250) == width * round(width * 9 / 16)
    assert count(sheet, 200, 30, 40) == count(sheet, 253, 253, 253) == width * round(width / 2)
    dark = (sheet < 8).all(axis=2)
    assert dark.any(), "captions"


def test_reducing_before_changes_nothing() -> None:
    reduced = [each.reduced() for each in ROWS]
    np.testing.assert_array_equal(contact_sheet(reduced), contact_sheet(ROWS))


@pytest.mark.parametrize("name", ["sheet.png", "sheet.JPG"])
def test_the_sheet_is_written(tmp_path: Path, name: str) -> None:
    save_contact_sheet(ROWS, tmp_path / name)
    written = cv2.imread(str(tmp_path / name))
    assert written is not None
    assert written.shape == contact_sheet(ROWS).shape
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_where_no_sheet_can_go_is_told_before(tmp_path: Path) -> None:
    require_writable(tmp_path / "sheet.png")
    with pytest.raises(UsageError, match="cannot be written"):
        require_writable(tmp_path / "sheet.txt")
    with pytest.raises(UsageError, match="does not exist"):
        require_writable(tmp_path / "none" / "sheet.png")
