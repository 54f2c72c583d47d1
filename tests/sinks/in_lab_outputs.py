"""A virtual camera beside an output that blocks; `test_virtual_camera.py` runs it in the lab."""

from __future__ import annotations

import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from livematte.backgrounds.parse import parse
from livematte.errors import SinkError
from livematte.frame import Size
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import VirtualCamera
from livematte.sources import Demo
from tests.pipeline.test_outputs import Pipe
from tests.sinks.in_lab_virtual_camera import OUT, wait_until

SIZE = Size(320, 240)
FRAME_BYTES = SIZE.width * SIZE.height * 3
READ = f"ffmpeg -v error -fflags nobuffer -probesize 32 -f v4l2 -i {OUT} -fps_mode passthrough"
READ += " -f rawvideo -pix_fmt bgr24 -"
BLOCKED_SECONDS = 3.0
LONGEST_GAP_SECONDS = 0.5


def test_the_call_goes_on_while_another_output_blocks(tmp_path: Path) -> None:
    pipe, said, raised = Pipe(tmp_path / "pipe"), list[str](), list[BaseException]()
    camera = VirtualCamera(OUT)
    pipeline = Pipeline(
        Demo(SIZE),
        lambda size: OpenedRenderer(FakeRenderer(size), ""),
        Scene((parse("navy"),)),
        [pipe, camera],
        events=PipelineEvents(trouble=said.append),
    )

    def run() -> None:
        try:
            pipeline.run()
        except SinkError as error:
            raised.append(error)

    running = threading.Thread(target=run)
    running.start()
    wait_until(lambda: pipeline.statistics.frames > 0)
    pictures, seconds = list[bytes](), list[float]()
    with subprocess.Popen(READ.split(), stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None

        def read() -> None:
            assert reader.stdout is not None
            while len(picture := reader.stdout.read(FRAME_BYTES)) == FRAME_BYTES:
                pictures[:] = [picture]
                seconds.append(time.monotonic())

        reading = threading.Thread(target=read)
        reading.start()
        wait_until(lambda: bool(said))
        wait_until(lambda: len(seconds) > 1 and seconds[-1] - seconds[0] > BLOCKED_SECONDS)
        pipeline.stop()
        stopped = time.monotonic()
        running.join(10)
        assert not running.is_alive()
        print(f"ended after {time.monotonic() - stopped:.2f} s")
        time.sleep(0.5)
        reader.kill()
        reading.join()
    pipe.read_on()
    gap = max(after - before for before, after in pairwise(seconds))
    print(f"longest gap {gap:.2f} s of {len(seconds)} pictures")
    assert gap < LONGEST_GAP_SECONDS
    assert "pipe has not accepted a picture for" in said[0]
    assert "pipe does not respond and was left" in str(raised[0])
    last = np.frombuffer(pictures[0], np.uint8).reshape(SIZE.height, SIZE.width, 3)
    navy = np.abs(last[: SIZE.height // 3].astype(int) - (128, 0, 0)).max()
    assert navy <= 4, "the slate comes last"
