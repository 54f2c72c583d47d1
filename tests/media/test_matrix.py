"""Every way that a video can hold a picture is read as the same picture, whatever it is for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest

from livematte.backgrounds.video import VideoBackground
from livematte.media.video.colour import HLG, PQ, UNSPECIFIED
from livematte.sources import VideoFile
from tests.media.cards import KINDS, MATRICES, Kind, write_card

ASPECTS: Final = (Fraction(1), Fraction(4, 3), Fraction(3, 4))
TRANSFERS: Final = {"sdr": UNSPECIFIED, "pq": PQ, "hlg": HLG}
MOST_LEVELS: Final = 6


class Case(NamedTuple):
    orientation: int
    aspect: Fraction
    transfer: str


def cases(kind: Kind, every: bool) -> Iterator[Case]:
    """All of them, or so many that each format meets each transfer, and all meet all else."""
    number = KINDS.index(kind)
    for orientation in range(len(MATRICES)):
        for shape, aspect in enumerate(ASPECTS):
            for place, transfer in enumerate(TRANSFERS):
                if every or (
                    orientation == (3 * number + 5 * place) % len(MATRICES)
                    and shape == (number + place + number // 3) % len(ASPECTS)
                ):
                    yield Case(orientation, aspect, transfer)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.pixel_format)
def test_a_video_is_seen_as_it_was_meant_as_input_and_as_background(
    kind: Kind, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """`--long` tries every combination."""
    path = tmp_path / f"card.{kind.container}"
    tried, worst = 0, dict.fromkeys(TRANSFERS, 0.0)
    for case in cases(kind, request.config.getoption("--long")):
        card = write_card(
            path,
            kind,
            orientation=case.orientation,
            aspect=case.aspect,
            transfer=TRANSFERS[case.transfer],
        )
        with VideoFile(path, realtime=False) as video:
            frames = list(video.frames())
        assert len(frames) == 2, case
        background = VideoBackground(path).picture_at(card.size, 0.0)
        try:
            off = card.assert_shown(frames[1].image, MOST_LEVELS)
            card.assert_shown(background, MOST_LEVELS)
        except AssertionError as error:
            raise AssertionError(f"{kind.pixel_format}, {case}: {error}") from None
        np.testing.assert_allclose(background.astype(int), frames[0].image, atol=1)
        tried += 1
        worst[case.transfer] = max(worst[case.transfer], off)
    assert tried
    print(f"{tried} clips, off by {worst}")
