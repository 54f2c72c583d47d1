"""A run whose camera is changed, between the kernel's own devices; prints one JSON object.

Run in the lab by `test_controller.py`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from livematte.backgrounds.named import parse_named
from livematte.cli.live.inputs import camera_maker, choose_source
from livematte.controller import Controller
from livematte.errors import UsageError
from livematte.frame import Rendered, Size
from livematte.options.changes import SetCamera
from livematte.options.rendering import RenderOptions
from livematte.options.settings import LiveSettings
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.sinks.null import NullSink
from tests.sources.in_lab_camera import CAMERA, FEED, fed_loopback, wait_until

SIZE = Size(320, 180)


def main(path: Path) -> None:
    seen: list[tuple[float, int, Size]] = []

    def note(picture: Rendered) -> None:
        seen.append((time.monotonic(), picture.index, picture.size))

    controller = Controller(
        LiveSettings(("navy",), camera=CAMERA),
        parse_named(["navy"]),
        choose_source(CAMERA, None, str(SIZE), None, realtime=True),
        [NullSink(note)],
        RenderOptions(),
        open_renderer=lambda _options, size: OpenedRenderer(FakeRenderer(size), ""),
        make_camera=camera_maker(None, None),
    )

    def people_after(seconds: float) -> list[float]:
        return [when for when, index, _ in list(seen) if index >= 0 and when > seconds]

    def change(camera: str) -> dict[str, Any]:
        began, problem = time.monotonic(), ""
        try:
            controller.apply(SetCamera(camera))
        except UsageError as error:
            problem = str(error)
        changed = time.monotonic()
        wait_until(lambda: len(people_after(changed)) > 3)
        return {
            "problem": problem,
            "slates": sum(index < 0 for when, index, _ in seen if when > began),
            "seconds": people_after(changed)[0] - began,
            "camera": controller.settings.camera,
            "description": controller.snapshot().state.camera,
        }

    running = threading.Thread(target=controller.run)
    running.start()
    wait_until(lambda: len(people_after(0.0)) > 3)
    found = {"nobody feeds": change(FEED)}
    with fed_loopback():
        found["fed"] = change(FEED)
        found["back"] = change(CAMERA)
    controller.stop()
    running.join(5)
    found["sizes"] = sorted({str(size) for _, _, size in seen})  # type: ignore[assignment]
    found["ended"] = not running.is_alive()  # type: ignore[assignment]
    path.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
