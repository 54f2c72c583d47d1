"""Makes the pictures of the README and of docs/ by running the program.

    python scripts/make_pictures.py

Needs Linux with Xvfb, Openbox and ImageMagick, and scikit-image for the photo: NASA's official
portrait of the astronaut Eileen Collins, in the public domain. Look at the pictures before they are
committed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from skimage import data

from livematte.frame import Image

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURES: Final = ROOT / "docs" / "images"
HILLS: Final = ROOT / "tests" / "golden" / "hills.jpg"
LIVEMATTE: Final = (sys.executable, "-m", "livematte")

DISPLAY: Final = ":87"
SECONDS_TO_SHOW: Final = 30.0
"""From the start until the window has shown the demo for a while, on a slow computer too."""

HEAD: Final = np.s_[4:204, 112:342]
ENLARGED: Final = 2


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    save(shrunk(photograph_the_window(), 960), "window.webp")
    save(matte_a_head(), "hair.webp")


def save(image: Image, name: str) -> None:
    cv2.imwrite(str(PICTURES / name), image, [cv2.IMWRITE_WEBP_QUALITY, 85])


def shrunk(image: Image, width: int) -> Image:
    height = round(image.shape[0] * width / image.shape[1])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def photograph_the_window() -> Image:
    """The preview of the demo in front of hills: uint8 BGR."""
    environment = {**os.environ, "DISPLAY": DISPLAY}
    screen = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", "1600x1000x24"])
    try:
        time.sleep(2)
        manager = subprocess.Popen(["openbox"], env=environment)
        time.sleep(1)
        run = subprocess.Popen(
            [*LIVEMATTE, "--config", "none", "--demo", "--size", "1280x720", "-b", str(HILLS)],
            env=environment,
        )
        time.sleep(SECONDS_TO_SHOW)
        png = subprocess.run(
            ["import", "-window", "root", "png:-"],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        run.terminate()
        run.wait()
        manager.terminate()
        manager.wait()
    finally:
        screen.terminate()
        screen.wait()
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    left, top, width, height = cv2.boundingRect(image.max(axis=2))
    return np.asarray(image[top : top + height, left : left + width], np.uint8)


def matte_a_head() -> Image:
    """A photo, its matte and the person on blue, side by side, enlarged: uint8 BGR."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.png")
        rgb = data.astronaut()  # type: ignore[no-untyped-call]  # no types
        cv2.imwrite(str(photo), rgb[..., ::-1])
        subprocess.run(
            [
                *(*LIVEMATTE, "image", str(photo), "--save", "alpha,composite"),
                *("--background", "#1e90ff", "--output", folder),
            ],
            check=True,
        )
        panels = [
            read(each)[HEAD]
            for each in (
                photo,
                Path(folder, "alpha/photo.png"),
                Path(folder, "composite/photo.png"),
            )
        ]
    beside = np.hstack(panels)
    size = (beside.shape[1] * ENLARGED, beside.shape[0] * ENLARGED)
    return np.asarray(cv2.resize(beside, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


if __name__ == "__main__":
    main()
