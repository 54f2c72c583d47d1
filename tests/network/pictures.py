"""Real pixels for the network, and the reference that its mattes are held to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from livematte.frame import Image, Size
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE

REFERENCE: Final = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "weights"
    / "modnet_photographic_portrait_matting.onnx"
)
"""The authors' network as they exported it. It lies beside the checkout, not in it."""


def astronaut(size: Size) -> NDArray[np.float32]:
    """scikit-image's astronaut as the network wants her: float32 RGB (1, 3, H, W) in [-1, 1]."""
    resized = cv2.resize(astronaut_photo(), size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    pixels = (resized - PIXEL_MEAN) / PIXEL_SCALE
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)


def reference_matte(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ONNX Runtime makes of `pixels` with the authors' file: float32 (1, 1, H, W)."""
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

    session = onnxruntime.InferenceSession(str(REFERENCE))
    return np.asarray(session.run(None, {"input": pixels})[0], np.float32)


def astronaut_photo() -> Image:
    """scikit-image's astronaut as it is: uint8 RGB (512, 512, 3)."""
    rgb: Image = data.astronaut()  # type: ignore[no-untyped-call]  # no types
    return rgb
