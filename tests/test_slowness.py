"""What helps a slow run is what is said, and nothing that is so already."""

from __future__ import annotations

import re
from typing import Any

import pytest

from livematte.cli.live.slowness import Asked, sentence
from livematte.frame import Size
from livematte.pipeline.pace import Slow

USUAL = Asked(
    quality="balanced",
    without=(),
    light_wrap=0.0,
    matte_short_side=None,
    frame_size=Size(640, 360),
    can_ask_size=True,
    device="auto",
    precision="auto",
    threads=None,
    outputs=("preview",),
)
BUSY = Slow(14.2, 30.0, outputs_share=0.0, processor_share=0.95)
NETWORK_SLOW = {"resize": [0.001], "network": [0.06], "refine": [0.01], "composite": [0.005]}
PICTURE_SLOW = {"resize": [0.001], "network": [0.01], "refine": [0.03], "composite": [0.03]}


@pytest.mark.parametrize(
    ("asked", "slow", "timings", "remedies", "never"),
    [
        ({"quality": "best"}, {}, NETWORK_SLOW, "--quality balanced.*--matte-size 224", "--size"),
        ({}, {}, NETWORK_SLOW, "--matte-size 224.*--quality fast", "balanced"),
        ({"matte_short_side": 512}, {}, NETWORK_SLOW, "leave out --matte-size", "224"),
        (
            {"matte_short_side": 224, "quality": "fast", "can_ask_size": False},
            {},
            NETWORK_SLOW,
            "This computer is not fast enough",
            "--",
        ),
        ({"frame_size": Size(1920, 1080)}, {}, PICTURE_SLOW, "--size 1280x720", "balanced"),
        ({"frame_size": Size(1280, 720)}, {}, PICTURE_SLOW, "--size 640x360.*y fast", "1280"),
        ({"threads": 1}, {"processor_share": 0.25}, NETWORK_SLOW, "out --threads", "other prog"),
        ({}, {"processor_share": 0.3}, NETWORK_SLOW, "close other programs", "--threads"),
        ({"device": "cuda"}, {"processor_share": 0.3}, NETWORK_SLOW, "--matte", "other programs"),
        ({"device": "torch:cpu"}, {}, NETWORK_SLOW, "leave out --device", "other programs"),
        ({"precision": "fp32"}, {}, NETWORK_SLOW, "leave out --precision", "other programs"),
        (
            {"outputs": ("talk.mp4 (H.264)",), "frame_size": Size(1920, 1080)},
            {"outputs_share": 0.9},
            NETWORK_SLOW,
            r"talk\.mp4 \(H\.264\) takes no more\. .*--size 1280x720",
            "--quality",
        ),
    ],
)  # fmt: skip
def test_the_remedy_fits(
    asked: dict[str, Any],
    slow: dict[str, Any],
    timings: dict[str, list[float]],
    remedies: str,
    never: str,
) -> None:
    said = sentence(BUSY._replace(**slow), USUAL._replace(**asked), timings)
    assert said.startswith("Too slow: 14 of 30 frames/s.")
    assert re.search(remedies, said), said
    assert never not in said
