"""What each part of refinement looks like, on the built-in portrait: pictures to look at.

`python -m tests.golden.test_refinement` paints them anew, which is to be done only after looking.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest

from livematte.backgrounds.parse import parse
from livematte.frame import Frame, Image, Size
from livematte.options.refinement import DEFAULT, PLAIN, QUALITIES, Refinement, choose_refinement
from livematte.options.rendering import CPU, RenderOptions
from livematte.render.opening import open_renderer
from livematte.sources import Demo

GOLDEN: Final = Path(__file__).with_name("refinement")
SIZE: Final = Size(640, 360)
SHORT_SIDE: Final = 224
FRAMES: Final = 8
"""Enough for what is remembered to show."""

HEAD: Final = np.s_[57:219, 210:430]
"""Where the person's head is by then."""

TOLERANCE: Final = 0.6
"""Mean difference in levels that other processors and versions of libraries make."""

PICTURES: Final[dict[str, Refinement]] = {
    "plain": PLAIN,
    "fast": QUALITIES["fast"],
    "balanced": DEFAULT,
    "best": QUALITIES["best"],
    "edge inwards": choose_refinement("balanced", margin=-8),
    "edge outwards": choose_refinement("balanced", margin=8),
    "light wrap": choose_refinement("balanced", light_wrap=0.8),
    **{f"without {part}": choose_refinement("balanced", [part]) for part in ("edges", "colours")},
}


def paint(refinement: Refinement) -> Image:
    """The last of some frames of the demo on orange, around the person's head: uint8 (h, w, 3)."""
    renderer = open_renderer(
        RenderOptions(CPU, "fp32", matte_short_side=SHORT_SIDE, refinement=refinement), SIZE
    ).renderer
    background = parse("#ff9040")
    with Demo(SIZE, realtime=False) as demo:
        for frame in islice(demo.frames(), FRAMES):
            seen = Frame(frame.image.copy(), frame.index, 0.0, 0.0)
            assert renderer.submit(seen, background)
            picture = renderer.collect(10.0)
    renderer.close()
    assert picture is not None
    return picture.image[HEAD].copy()


def path_of(name: str) -> Path:
    return GOLDEN / f"{name.replace(' ', '_')}.png"


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did(name: str) -> None:
    golden = cv2.imread(str(path_of(name)))
    assert golden is not None
    painted = paint(PICTURES[name])
    assert painted.shape == golden.shape
    difference = np.abs(painted.astype(np.int16) - golden)
    assert difference.mean() <= TOLERANCE


def test_each_part_changes_the_picture() -> None:
    """Golden pictures that are alike would show nothing."""
    pictures = {name: cv2.imread(str(path_of(name))) for name in PICTURES}
    others = [name for name in PICTURES if name != "balanced"]
    for name in others:
        image, balanced = pictures[name], pictures["balanced"]
        assert image is not None
        assert balanced is not None
        same = image.shape == balanced.shape
        assert not same or np.abs(image.astype(np.int16) - balanced).max() >= 12, name


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, refinement in PICTURES.items():
        cv2.imwrite(str(path_of(name)), paint(refinement))
