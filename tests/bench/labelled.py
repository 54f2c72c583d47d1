"""Small labelled footage, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

import livematte
from livematte.frame import Image

PORTRAIT: Final = Path(livematte.__file__).with_name("assets") / "portrait.webp"


def disc(
    rows: int, columns: int, x: float, colour: tuple[int, int, int] = (220, 200, 240)
) -> Image:
    """A bright disc with a soft edge, `x` pixels from the left: uint8 BGRA, straight alpha.

    Where it is transparent its colour is another one, which must not be seen.
    """
    place_y, place_x = np.indices((rows, columns))
    distance = np.hypot(place_y - rows / 2, place_x - x)
    alpha = np.clip((rows / 3 - distance) / 6 + 0.5, 0, 1)
    frame = np.zeros((rows, columns, 4), np.uint8)
    frame[..., :3] = np.where(alpha[..., None] > 0, colour, (0, 255, 0))
    frame[..., 3] = np.rint(alpha * 255)
    return frame


def person(rows: int, shift: int) -> Image:
    """The demo's portrait, `shift` pixels from the middle: uint8 BGRA, as wide as 4:3 is."""
    portrait = cv2.imread(str(PORTRAIT), cv2.IMREAD_UNCHANGED)
    assert portrait is not None
    scaled = cv2.resize(
        portrait,
        (round(portrait.shape[1] * rows / portrait.shape[0]), rows),
        interpolation=cv2.INTER_AREA,
    )
    frame = np.zeros((rows, rows * 4 // 3, 4), np.uint8)
    left = (frame.shape[1] - scaled.shape[1]) // 2 + shift
    frame[:, left : left + scaled.shape[1]] = scaled
    return frame


def room(rows: int = 90, columns: int = 160, tone: int = 60) -> Image:
    """Dark, with a lighter pane: uint8 BGR."""
    picture = np.full((rows, columns, 3), tone, np.uint8)
    picture[rows // 5 : rows // 2, columns // 8 : columns // 4] = tone + 50
    return picture


def write(path: Path, image: Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def write_pair(folder: Path, name: str, image: Image, ending: str = ".png") -> None:
    """image: uint8 BGRA, of which the pair is made."""
    write(folder / f"{name}{ending}", image[..., :3])
    write(folder / f"{name}_alpha.png", image[..., 3])


def write_clip(folder: Path, frames: list[Image]) -> list[Path]:
    return [write(folder / f"{index:04d}.png", frame) for index, frame in enumerate(frames)]


def write_all(folder: Path, *, frames: int = 5, rooms: int = 2) -> Path:
    """Two pairs, a clip of a moving disc, and rooms."""
    for name in ("ann", "bob"):
        write_pair(folder / "photos", name, disc(64, 80, 40), ".jpg")
    write_clip(folder / "clip", [disc(48, 64, 24 + 2 * time) for time in range(frames)])
    for number in range(rooms):
        write(folder / "backgrounds" / f"room{number}.png", room(tone=40 + 30 * number))
    return folder
