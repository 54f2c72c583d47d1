"""Makes golden_matte.png, which every clone can check the network against.

    python -m tests.network.make_golden

It is ONNX Runtime's matte of the astronaut at 512x288, from the authors' own file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livematte.frame import Size
from tests.network.pictures import astronaut, reference_matte

GOLDEN: Final = Path(__file__).with_name("golden_matte.png")
SIZE: Final = Size(512, 288)


def main() -> None:
    matte = reference_matte(astronaut(SIZE))[0, 0]
    cv2.imwrite(str(GOLDEN), (matte * 255 + 0.5).astype(np.uint8))


if __name__ == "__main__":
    main()
