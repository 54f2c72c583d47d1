"""What the doctor finds on the kernel's own devices; prints one JSON object of findings.

Run in the lab by `test_lab.py`: booting it costs seconds, so everything is tried in one go.
"""

from __future__ import annotations

import grp  # noqa: F401 - who becomes nobody below may be unable to load it any more
import json
import os
import pwd  # noqa: F401
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livematte.doctor import cameras, virtual_camera
from livematte.doctor.examination import examine
from livematte.doctor.finding import Check
from livematte.linux import camera as linux_camera

CAMERA = os.path.realpath("/dev/video-cam")
FEED = os.path.realpath("/dev/video-feed")
OUT = os.path.realpath("/dev/video-out")
NOBODY = 65534
VIDEO_GROUP = 44

CHECKS = [
    Check("cameras", cameras.check, in_main_thread=True),
    Check("virtual camera", virtual_camera.check, in_main_thread=True),
]


def found() -> dict[str, Any]:
    """Each check's findings, as (status, text, fix, command, details)."""
    return {
        report.check.name: [
            (each.status.value, each.text, each.fix, each.command, each.details)
            for each in report.findings
        ]
        for report in examine(CHECKS)
    }


@contextmanager
def running(*command: str) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        time.sleep(1.5)
        yield program.pid
        program.kill()


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def main() -> None:
    seen: dict[str, Any] = {"devices": [CAMERA, FEED, OUT], "free": found()}
    with running("v4l2-ctl", "-d", CAMERA, "--stream-mmap", "--stream-count=100000") as process:
        seen["camera held"] = found() | {"process": process}
    watching = os.open(CAMERA, os.O_RDWR)
    seen["camera open"] = found()
    os.close(watching)
    pattern = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-pix_fmt", "yuv420p"]
    with running("ffmpeg", "-v", "error", "-re", *pattern, "-f", "v4l2", OUT) as process:
        while not linux_camera.query(OUT).gives_pictures:
            time.sleep(0.1)  # until the lab's time is up
        seen["loopback fed"] = found() | {"process": process}
    with as_nobody():
        seen["no permission"] = found()
    for device in (CAMERA, OUT):
        os.chown(device, 0, VIDEO_GROUP)
        os.chmod(device, 0o660)
    with as_nobody():
        seen["a group may"] = found()
    os.chmod(CAMERA, 0o666)
    with running("v4l2-ctl", "-d", CAMERA, "--stream-mmap", "--stream-count=100000"), as_nobody():
        seen["held by another user"] = found()
    os.rename(CAMERA, f"{CAMERA}.away")
    seen["no file"] = found()
    os.rename(f"{CAMERA}.away", CAMERA)
    Path(sys.argv[1]).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
