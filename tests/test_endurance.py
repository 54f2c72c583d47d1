"""Memory over a run of the whole program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from livematte.backgrounds.parse import parse
from livematte.frame import Rendered, Size
from livematte.options.rendering import CPU, RenderOptions
from livematte.pipeline.events import Limits
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.render.opening import open_renderer
from livematte.sinks import VideoWriter
from livematte.sources import Demo

FRAMES = 300
SETTLED_FRAMES = 30
TOLERANCE_BYTES = 12_000_000
"""What 18 frames take; keeping one in ten would be seen."""


def resident_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
def test_memory_is_flat_after_the_first_frames(tmp_path: Path) -> None:
    sizes: list[int] = []

    class Watched(VideoWriter):
        def send(self, picture: Rendered) -> None:
            super().send(picture)
            sizes.append(resident_bytes())

    pipeline = Pipeline(
        Demo(Size(480, 480), realtime=False),
        lambda size: open_renderer(RenderOptions(CPU, matte_short_side=224), size),
        Scene((parse("navy"),)),
        [Watched(tmp_path / "demo.mp4")],
        limits=Limits(frames=FRAMES),
    )
    pipeline.run()
    assert pipeline.statistics.frames == FRAMES
    assert max(sizes[-50:]) - max(sizes[SETTLED_FRAMES : SETTLED_FRAMES + 50]) < TOLERANCE_BYTES
