"""The matte at the frame's size, for renderers that run on the CPU."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.matting.edges import alpha_at, fit_lines, points_of


class MatteEnlarger:
    """Enlarges mattes for frames of one size, with reusable buffers."""

    def __init__(self, size: Size, *, edges: bool) -> None:
        """edges: follow the edges of the frame (`matting.edges`) instead of blurring them.

        It may be changed between two frames.
        """
        self.edges = edges
        self._size = size
        shape = (size.height, size.width)
        self._matte = np.empty(shape, np.float32)
        self._mask = np.empty(shape, np.bool_)
        self._lines = np.empty((0, 0, 4), np.float32)

    def enlarge(self, matte: NDArray[np.float32], small: Image, image: Image, alpha: Image) -> None:
        """Write the alpha of a frame.

        matte: float32 (h, w) in [0, 1]; its size may differ from frame to frame.
        small, image: uint8 BGR (h, w, 3) and (H, W, 3), the frame at the network's size and in
            full; unused without `edges`.
        alpha: uint8 (H, W), the output.
        """
        cv2.resize(matte, self._size, dst=self._matte, interpolation=cv2.INTER_LINEAR)
        cv2.convertScaleAbs(self._matte, dst=alpha, alpha=255)
        if not self.edges:
            return
        if self._lines.shape[:2] != matte.shape:
            self._lines = np.empty((*matte.shape, 4), np.float32)
        reach = fit_lines(matte, small, 1.0, self._lines)
        mask = self._mask.view(np.uint8)
        cv2.resize(reach, self._size, dst=mask, interpolation=cv2.INTER_NEAREST)
        for points in points_of(self._mask):
            levels = cv2.convertScaleAbs(alpha_at(self._lines, image, points), alpha=255)
            np.put(alpha, points, levels)
