"""Makes the golden pictures beside it.

    python -m tests.golden.make_golden

Each is a moment of the demo as the CPU renderer puts it on a background. Look at them before they
are committed: they say what right is.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.backgrounds.parse import parse
from livematte.frame import Frame, Image, Size
from livematte.options.refinement import PLAIN, Refinement
from livematte.options.rendering import TORCH_CPU, RenderOptions
from livematte.render.opening import open_renderer
from livematte.render.renderer import Renderer
from livematte.sources import Demo

FOLDER: Final = Path(__file__).parent
SIZE: Final = Size(640, 360)
FRAME_INDEX: Final = 20

BACKGROUNDS: Final = {
    "color": "#1e90ff",
    "picture": str(FOLDER / "hills.jpg"),
    "blur": "blur:24",
    "transparent": "transparent",
}


def demo_frame(size: Size) -> Frame:
    with Demo(size, realtime=False) as demo:
        return next(islice(demo.frames(), FRAME_INDEX, None))


def open_reference(size: Size, refinement: Refinement = PLAIN) -> Renderer:
    """Plain unless said otherwise, since what is refined depends on what came before."""
    return open_renderer(
        RenderOptions(TORCH_CPU, matte_short_side=288, refinement=refinement), size
    ).renderer


def composite(renderer: Renderer, frame: Frame, background: str) -> Image:
    """The picture on a background: uint8 (H, W, 3) in BGR, or (H, W, 4) if it is transparent."""
    assert renderer.submit(frame, parse(background))
    picture = renderer.collect(60)
    assert picture is not None
    if picture.transparent:
        return np.dstack((picture.image, picture.alpha))
    return picture.image.copy()


def draw_hills(size: Size) -> Image:
    """A background of our own to put people on."""
    rows, columns = np.mgrid[: size.height, : size.width] / size.height
    height = rows[..., np.newaxis]
    image = (1 - height) * (235, 180, 110) + height * (190, 220, 250)
    for depth, (base, reach, bgr) in enumerate(
        ((0.55, 0.10, (150, 130, 100)), (0.68, 0.08, (105, 125, 85)), (0.80, 0.06, (60, 105, 60)))
    ):
        crest = base + reach * np.sin(columns * (3 + depth) + depth * 2.1)
        image[rows > crest] = bgr
    return np.asarray(cv2.GaussianBlur(image, (0, 0), size.height / 300), np.uint8)


def main() -> None:
    cv2.imwrite(BACKGROUNDS["picture"], draw_hills(Size(1280, 720)))
    renderer, frame = open_reference(SIZE), demo_frame(SIZE)
    for name, background in BACKGROUNDS.items():
        cv2.imwrite(str(FOLDER / f"{name}.png"), composite(renderer, frame, background))


if __name__ == "__main__":
    main()
