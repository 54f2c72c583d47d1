"""What becomes of videos of every kind in what is made from them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livematte.backgrounds.solid import solid
from livematte.backgrounds.video import VideoBackground
from livematte.frame import Image, Size
from livematte.media.video.colour import BT709_LIMITED, HLG, PQ, UNSPECIFIED
from livematte.options.rendering import RenderOptions
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.video import VideoJob
from tests.media.cards import COLOURED, KINDS, RADIUS, Card, shown_size, write_card
from tests.video.clips import read_clip

YUV10 = next(kind for kind in KINDS if kind.pixel_format == "yuv420p10le")
BLUE = (192, 112, 48)
"""#3070c0 in BGR."""


@pytest.fixture(autouse=True)
def _without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_fake(_options: RenderOptions, frame_size: Size, *_: Any) -> OpenedRenderer:
        return OpenedRenderer(FakeRenderer(frame_size), "")

    monkeypatch.setattr("livematte.video.job.open_renderer", open_fake)


def shown(path: Path) -> Image:
    """The second picture as a player shows it."""
    if path.is_dir():
        image = cv2.imread(str(sorted(path.iterdir())[1]))
        assert image is not None
        return image.astype(np.uint8)
    made = read_clip(path)
    assert made.pixel_aspect in (None, 1)
    assert made.rotation == 0
    assert made.colour == BT709_LIMITED
    return made.images[1]


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.mov", "out.webm", "frames/"])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_of_long_pixels_filmed_sideways_becomes_sdr_and_says_so(
    tmp_path: Path, output: str, transfer: int
) -> None:
    """The circle is the person."""
    path, aspect = tmp_path / "phone.mov", Fraction(4, 3)
    card = write_card(path, YUV10, orientation=1, aspect=aspect, transfer=transfer)
    job = VideoJob(path, f"{tmp_path}/{output}", background=solid("#3070c0"))
    job.run()
    assert job.remarks == [f"{path} is HDR and was converted to SDR"]
    image = shown(tmp_path / output)
    assert Size.of(image) == card.size
    np.testing.assert_allclose(image[4, 4], BLUE, atol=4)
    middle = image[card.size.height // 2 - 4 :, card.size.width // 2][:8]
    np.testing.assert_allclose(middle, 240, atol=6)
    person = image[..., 2] > 144
    assert np.ptp(np.flatnonzero(person.any(0))) == pytest.approx(2 * RADIUS, abs=3)
    assert np.ptp(np.flatnonzero(person.any(1))) == pytest.approx(2 * RADIUS, abs=3)


@pytest.mark.parametrize("transfer", [UNSPECIFIED, PQ, HLG])
@pytest.mark.parametrize("person_transfer", [UNSPECIFIED, PQ])
def test_a_background_is_the_same_behind_every_video(
    tmp_path: Path, transfer: int, person_transfer: int
) -> None:
    person, card = tmp_path / "person.mov", tmp_path / "card.mov"
    write_card(person, YUV10, transfer=person_transfer)
    write_card(card, YUV10, orientation=4, aspect=Fraction(3, 4), transfer=transfer)
    VideoJob(person, tmp_path / "out.mov", background=VideoBackground(card)).run()
    made = read_clip(tmp_path / "out.mov")
    assert Size.of(made.images[0]) == Size(96, 64)
    # Scaled to fill it, and its overhang cropped.
    size = shown_size(4, Fraction(3, 4))
    assert size.width == 96
    image = made.images[0]
    for index, (x, y) in enumerate(((12, 6), (84, 6), (12, 58), (84, 58))):
        red, green, blue = Card(COLOURED, size).colours[index]
        patch = image[y - 2 : y + 2, x - 2 : x + 2]
        np.testing.assert_allclose(patch.mean((0, 1)), (blue, green, red), atol=6)
