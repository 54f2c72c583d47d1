"""Contact sheets: pictures side by side, with a row for each picture and a column a setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.errors import UsageError
from livematte.frame import Image, Size
from livematte.media.whole_file import write_whole

WIDTH: Final = 1600
"""The sheet's width, in pixels."""

MARGIN: Final = 6
NAME_HEIGHT: Final = 26
CAPTION_HEIGHT: Final = 18
PAPER: Final = 245

ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures of one thing.

    pictures: keyed by caption; uint8 BGR (H, W, 3), or a matte (H, W), all of one size.
    """

    name: str
    pictures: dict[str, Image]

    def reduced(self) -> Row:
        """The row scaled to the sheet's width, which takes much less memory."""
        width = (WIDTH - MARGIN) // max(1, len(self.pictures)) - MARGIN
        return Row(self.name, {name: _fitted(each, width) for name, each in self.pictures.items()})


def require_writable(path: Path) -> None:
    """Raises `UsageError` if no sheet can be written to `path`, before anything is measured."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"A contact sheet cannot be written to {path}.",
            f"Give it a name that ends in one of {', '.join(sorted(ENDINGS))}.",
        )
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist.", "Create it first.")


def save_contact_sheet(rows: Sequence[Row], path: Path) -> None:
    """Write a sheet of the rows. Raises `SinkError` if that fails."""
    sheet = contact_sheet(rows)
    _, encoded = cv2.imencode(path.suffix.lower(), sheet)
    write_whole(path, encoded.tobytes())


def contact_sheet(rows: Sequence[Row]) -> Image:
    """uint8 BGR (H, `WIDTH`, 3): the rows, each with its name and the pictures' captions above."""
    strips = [_strip(each.reduced()) for each in rows]
    return np.vstack([*strips, _paper(MARGIN)])


def _strip(row: Row) -> Image:
    top = NAME_HEIGHT + CAPTION_HEIGHT
    strip = _paper(top + max(each.shape[0] for each in row.pictures.values()))
    _write(strip, row.name, MARGIN, NAME_HEIGHT, 0.5)
    left = MARGIN
    for name, picture in row.pictures.items():
        rows, columns = picture.shape[:2]
        _write(strip, name, left, top, 0.4)
        strip[top : top + rows, left : left + columns] = (
            picture if picture.ndim == 3 else picture[..., None]
        )
        left += columns + MARGIN
    return strip


def _paper(height: int) -> Image:
    return np.full((height, WIDTH, 3), PAPER, np.uint8)


def _write(strip: Image, text: str, left: int, bottom: int, scale: float) -> None:
    # OpenCV can draw only ASCII.
    ascii_text = text.encode("ascii", "replace").decode()
    place = (left, bottom - MARGIN)
    cv2.putText(strip, ascii_text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (0,), 1, cv2.LINE_AA)


def _fitted(picture: Image, width: int) -> Image:
    """The picture scaled to `width` pixels; a tall one to that height, and less wide."""
    size = Size.of(picture)
    scale = width / max(size)
    reduced = (max(1, round(size.width * scale)), max(1, round(size.height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(picture, reduced, interpolation=how).astype(np.uint8, copy=False)
