from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.bench.metrics import soft_pixels
from livematte.bench.scene import Shot
from livematte.bench.tally import CONNECTIVITY_EVERY, ClipTally, TrueClip, Truth
from livematte.frame import Image

COLOUR = 100


def shots(count: int, step: float) -> list[Shot]:
    """A soft edge that moves `step` pixels a frame, its true composite of one colour."""
    made = []
    for time in range(count):
        columns = np.clip(np.arange(60) - 5 - step * time, 0, 5) / 5
        eight_bits = np.rint(255 * np.tile(columns, (8, 1)))
        alpha: NDArray[np.float32] = (eight_bits / 255).astype(np.float32)
        soft = soft_pixels(alpha)
        image = np.full((8, 60, 3), COLOUR, np.uint8)
        made.append(Shot(image, alpha, soft, np.full((soft.sum(), 3), COLOUR, np.float32)))
    return made


def matte_of(shot: Shot) -> Image:
    matte: Image = np.rint(shot.alpha * 255).astype(np.uint8)
    return matte


def test_the_true_matte_has_no_errors() -> None:
    tally, true_clip = ClipTally(), TrueClip()
    for shot in shots(14, 2):
        tally.add(matte_of(shot), shot.image, shot, true_clip.truth(shot.alpha))
    found = tally.errors()
    for name, value in vars(found).items():
        assert value == pytest.approx(0, abs=1e-6), name


def test_errors_are_means_over_the_frames_and_colours_over_soft_pixels() -> None:
    tally = ClipTally()
    for index, shot in enumerate(shots(4, 0)):
        image = shot.image.copy()
        image[shot.soft] += np.uint8(2 + 4 * (index % 2))
        image[~shot.soft] = 0  # not looked at
        alpha = np.full_like(matte_of(shot), 255) if index == 3 else matte_of(shot)
        tally.add(alpha, image, shot, Truth(shot.alpha))
    found = tally.errors()
    missing = 1 - shots(1, 0)[0].alpha
    assert found.mad == pytest.approx(missing.mean() / 4, rel=1e-4)
    assert found.mse == pytest.approx((missing**2).mean() / 4, rel=1e-4)
    assert found.sad_thousands == pytest.approx(missing.sum() / 4000, rel=1e-4)
    assert found.dtssd == pytest.approx(np.sqrt((missing**2).mean()) / 3, rel=1e-4)
    assert found.colour_levels == pytest.approx(4)
    assert found.gradient_thousands
    assert found.connectivity_thousands == 0, "the last frame is none of those looked at"


@pytest.mark.parametrize("late", [0, 1, 2])
def test_mattes_of_earlier_frames_are_late(late: int) -> None:
    tally, true_clip, clip = ClipTally(), TrueClip(), shots(20, 2)
    for index, shot in enumerate(clip):
        before = clip[max(0, index - late)]
        tally.add(matte_of(before), shot.image, shot, true_clip.truth(shot.alpha))
    assert tally.errors().lag_frames == pytest.approx(late, abs=0.1)


@pytest.mark.parametrize(("frames", "step"), [(9, 2), (12, 0)])
def test_without_enough_motion_there_is_no_lag(frames: int, step: float) -> None:
    tally, true_clip = ClipTally(), TrueClip()
    for shot in shots(frames, step):
        tally.add(matte_of(shot), shot.image, shot, true_clip.truth(shot.alpha))
    assert tally.errors().lag_frames is None


def test_connectivity_is_measured_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[float] = []

    def counted(*_mattes: NDArray[np.float32]) -> float:
        measured.append(len(measured) + 1.0)
        return measured[-1]

    monkeypatch.setattr("livematte.bench.metrics.connectivity_error", counted)
    tally = ClipTally()
    for shot in shots(CONNECTIVITY_EVERY + 1, 1):
        tally.add(matte_of(shot), shot.image, shot, Truth(shot.alpha))
    assert measured == [1, 2]
    assert tally.errors().connectivity_thousands == pytest.approx(1.5)
