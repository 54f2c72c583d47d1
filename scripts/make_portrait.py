"""Makes the person of the demo, livematte/assets/portrait.webp, from a picture of an astronaut.

    python scripts/make_portrait.py

The picture is NASA's official portrait of Eileen Collins, in the public domain, as scikit-image
distributes it. MODNet mattes it, and at soft pixels the old background's colour is replaced by an
estimate of the person's, by blur fusion: Forte, Pitié, "Approximate Fast Foreground Colour
Estimation", ICIP 2021, equation 4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data

from livematte.network import weights
from livematte.network.modnet import load_modnet
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE

PORTRAIT: Final = Path(__file__).resolve().parents[1] / "livematte" / "assets" / "portrait.webp"

ROWS: Final = 424
"""Below, the helmet reflects a window, which the matte takes for a hole."""

BLUR_PIXELS: Final = (90, 6)
"""The window for the first estimate and for the one that refines it, as in the paper."""


def main() -> None:
    rgb: NDArray[np.uint8] = data.astronaut()  # type: ignore[no-untyped-call]  # no types
    alpha = clean(matte(rgb))
    foreground = rgb.astype(np.float32)
    behind = foreground
    for window in BLUR_PIXELS:
        foreground, behind = fuse(rgb.astype(np.float32), foreground, behind, alpha, window)
    bgr = cv2.cvtColor(foreground.clip(0, 255), cv2.COLOR_RGB2BGR)
    bgra = np.dstack((bgr, alpha * 255))[:ROWS]
    pixels = (bgra + 0.5).astype(np.uint8)
    pixels[pixels[..., 3] == 0] = 0
    cv2.imwrite(str(PORTRAIT), pixels, [cv2.IMWRITE_WEBP_QUALITY, 92])


def matte(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """MODNet's matte at the picture's own size: float32 (H, W) in [0, 1]."""
    network = load_modnet(weights.fold(weights.read(weights.find("photographic"))))
    pixels = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        alpha = network((pixels - PIXEL_MEAN) / PIXEL_SCALE)[0, 0].numpy()
    return np.asarray(alpha, np.float32)


def clean(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without holes inside the person and specks outside, and surely 0 and 1 where it nearly is."""
    stretched = ((alpha - 0.05) / 0.9).clip(0, 1)
    contours, _ = cv2.findContours(
        (stretched > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    person = np.zeros(alpha.shape, np.uint8)
    cv2.drawContours(person, [max(contours, key=cv2.contourArea)], -1, 255, cv2.FILLED)
    inside = cv2.erode(person, np.ones((9, 9), np.uint8)) > 0
    near = cv2.dilate(person, np.ones((25, 25), np.uint8)) > 0
    return np.where(inside, np.float32(1), np.where(near, stretched, np.float32(0)))


def fuse(
    image: NDArray[np.float32],
    foreground: NDArray[np.float32],
    behind: NDArray[np.float32],
    alpha: NDArray[np.float32],
    window: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One round of blur fusion: better estimates of what is in front and behind, both RGB."""
    weight = alpha[..., np.newaxis]
    blurred_weight = cv2.blur(alpha, (window, window))[..., np.newaxis]
    front = cv2.blur(foreground * weight, (window, window)) / (blurred_weight + 1e-5)
    back = cv2.blur(behind * (1 - weight), (window, window)) / (1 - blurred_weight + 1e-5)
    refined = front + weight * (image - weight * front - (1 - weight) * back)
    return refined.clip(0, 255).astype(np.float32), back.astype(np.float32)


if __name__ == "__main__":
    main()
