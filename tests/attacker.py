"""Marked rooms, and how much of one somebody finds who looks at colours and ignores alpha."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size

SIZE: Final = Size(320, 240)

PERSON: Final = (80, 110, 170)
"""Somebody of one colour: all else that is found is the room's."""

BANDS: Final = ((1, 25), (26, 127))
"""From one alpha to another: below a tenth, and from there to half."""

LEAST_FOUND: Final = 0.25
"""Correlation below which a room cannot be made out; with a plain copy of it, it is nearly 1."""

LEAST_CONTRAST: Final = 0.05
"""As a part of the room's own contrast."""


def rooms() -> dict[str, Image]:
    """Rooms that nothing else looks like, uint8 BGR (H, W, 3) each."""
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width] // 12
    checks = np.where((rows + columns)[..., None] % 2, (255, 0, 255), (0, 255, 0)).astype(np.uint8)
    text = np.full_like(checks, 255)
    for row in range(20, SIZE.height, 24):
        cv2.putText(
            text, "My address: 12 Lane", (0, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0,) * 3, 2
        )
    made = {"checks": checks, "text": text}
    for pixels in (1, 4, 16):
        few = random.integers(0, 256, (SIZE.height // pixels, SIZE.width // pixels, 3), np.uint8)
        made[f"noise of {pixels}"] = np.kron(few, np.ones((pixels, pixels, 1), np.uint8))
    return made


def person_in(room: Image) -> tuple[Image, Image]:
    """Somebody in a room, and a matte that takes some of the room for a little of them.

    Besides a soft edge there is a large area, at the left and far from anybody, of alpha 1 to 127.
    """
    there = np.zeros((SIZE.height, SIZE.width), np.uint8)
    cv2.circle(there, (220, 130), 60, 255, -1)
    cv2.rectangle(there, (150, 190), (290, 239), 255, -1)
    there = cv2.GaussianBlur(there, (0, 0), 5).astype(np.uint8)
    part = there[..., None] / 255
    image = np.rint(part * PERSON + (1 - part) * room).astype(np.uint8)
    alpha = there.copy()
    alpha[:, :110] = np.linspace(1, 127, SIZE.height).astype(np.uint8)[:, None]
    return image, alpha


def found(colours: Image, room: Image, where: NDArray[np.bool_]) -> tuple[float, float]:
    """How colours go with the room's, uint8 (H, W, 3) both, at some pixels.

    Their correlation, and the contrast with which the room is in them: both 1 if they are its own.
    """
    seen, there = (each[where].astype(float) for each in (colours, room))
    seen -= seen.mean(axis=0)
    there -= there.mean(axis=0)
    both, all_seen, all_there = (
        (a * b).sum() for a, b in ((seen, there), (seen, seen), (there, there))
    )
    return abs(both) / max(1e-9, np.sqrt(all_seen * all_there)), abs(both) / all_there


def require_no_room(colours: Image, alpha: Image, room: Image) -> None:
    """Fail if `room` is to be found in `colours`, uint8 (H, W, 3), below half of alpha."""
    for least, most in BANDS:
        where = (alpha >= least) & (alpha <= most)
        assert where.mean() > 0.05
        correlation, contrast = found(colours, room, where)
        assert correlation < LEAST_FOUND, f"alpha {least} to {most}: {correlation:.2f}"
        assert contrast < LEAST_CONTRAST, f"alpha {least} to {most}: {contrast:.3f}"
