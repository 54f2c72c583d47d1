"""The errors of one matte, and of a clip's mattes as they come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livematte.bench import metrics
from livematte.bench.quality_report import Errors
from livematte.bench.scene import Shot
from livematte.frame import Image

CONNECTIVITY_EVERY: Final = 5
"""In clips, the connectivity error is measured only on each 5th frame, because it takes long."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The true matte, float32 (H, W), with values that several comparisons share.

    motion: None if there are too few frames yet.
    """

    alpha: NDArray[np.float32]
    motion: metrics.Motion | None = None

    @cached_property
    def gradient(self) -> NDArray[np.float32]:
        return metrics.gradient_magnitude(self.alpha)

    def errors(self, matte: NDArray[np.float32], *, connectivity: bool = True) -> Errors:
        """The errors of one matte, float32 (H, W); those over time are None."""
        return Errors(
            mad=metrics.mean_absolute_error(matte, self.alpha),
            mse=metrics.mean_squared_error(matte, self.alpha),
            sad_thousands=metrics.sum_of_absolute_differences(matte, self.alpha),
            gradient_thousands=metrics.gradient_error(
                metrics.gradient_magnitude(matte), self.gradient
            ),
            connectivity_thousands=(
                metrics.connectivity_error(matte, self.alpha) if connectivity else None
            ),
        )


class TrueClip:
    """The true mattes of a clip, as they come."""

    def __init__(self) -> None:
        self._alphas: deque[NDArray[np.float32]] = deque(maxlen=metrics.LAG_FRAMES)  # newest first

    def truth(self, alpha: NDArray[np.float32]) -> Truth:
        """The `Truth` of the next frame, whose true matte is `alpha`, float32 (H, W)."""
        self._alphas.appendleft(alpha)
        is_enough = len(self._alphas) == metrics.LAG_FRAMES
        return Truth(alpha, metrics.true_motion(self._alphas) if is_enough else None)


class ClipTally:
    """The errors of one setting's pictures of a clip, added up frame by frame."""

    def __init__(self) -> None:
        self._frames: list[Errors] = []
        self._mattes: deque[NDArray[np.float32]] = deque(maxlen=metrics.LAG_SPAN)  # newest first
        self._truth_before: NDArray[np.float32] | None = None
        self._lag_errors = np.zeros(metrics.LAGS)
        self._moving_pixels = 0

    def add(self, alpha: Image, image: Image, shot: Shot, truth: Truth) -> None:
        """Add the next picture: its matte and its colours, uint8 (H, W) and BGR (H, W, 3).

        truth: that of `shot`.
        """
        matte = metrics.from_uint8(alpha)
        found = truth.errors(matte, connectivity=len(self._frames) % CONNECTIVITY_EVERY == 0)
        dtssd = None
        if self._truth_before is not None:
            dtssd = metrics.change_error(matte, self._mattes[0], truth.alpha, self._truth_before)
        colour = metrics.colour_error(image[shot.soft], shot.soft_colours)
        self._frames.append(replace(found, dtssd=dtssd, colour_levels=colour))
        if truth.motion is not None:
            self._lag_errors += metrics.lag_errors(matte, self._mattes[-1], truth.motion)
            self._moving_pixels += truth.motion.changes.shape[1]
        self._mattes.appendleft(matte)
        self._truth_before = truth.alpha

    def errors(self) -> Errors:
        """The mean over the frames, and the lag over all of them; no lag if nothing moves."""
        lag = metrics.lag_frames(self._lag_errors.tolist()) if self._moving_pixels else None
        return replace(Errors.mean(self._frames), lag_frames=lag)
