from __future__ import annotations

import cv2
import numpy as np
import pytest

from livematte.frame import Frame
from livematte.render.renderer import Renderer
from tests.golden.make_golden import (
    BACKGROUNDS,
    FOLDER,
    SIZE,
    composite,
    demo_frame,
    open_reference,
)

MEAN_TOLERANCE = 0.03
"""Levels out of 255: other processors round otherwise. Red for blue at the network makes 0.04."""


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return open_reference(SIZE)


@pytest.fixture(scope="module")
def frame() -> Frame:
    return demo_frame(SIZE)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_it_looks_as_it_did(renderer: Renderer, frame: Frame, name: str) -> None:
    golden = cv2.imread(str(FOLDER / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    assert golden is not None
    made = composite(renderer, frame, BACKGROUNDS[name])
    assert made.shape == golden.shape
    assert np.abs(made.astype(int) - golden).mean() < MEAN_TOLERANCE
