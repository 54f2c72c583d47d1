from __future__ import annotations

import subprocess
import sys

CHATTER = """
import os, sys
if sys.argv[1] == "quiet":
    from livematte.cli.library_messages import silence_libraries
    silence_libraries()
import cv2, numpy as np
ok, jpeg = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
data = jpeg.tobytes()
cv2.imdecode(np.frombuffer(data[:-2] + bytes(50) + data[-2:], np.uint8), cv2.IMREAD_COLOR)
cv2.VideoCapture("/nowhere.mp4")
print("said by Python", file=sys.stderr)
"""


def stderr_of(mode: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", CHATTER, mode], capture_output=True, text=True, check=True
    ).stderr


def test_libraries_are_silent_and_python_is_heard() -> None:
    assert "extraneous bytes" in stderr_of("as they are")
    assert stderr_of("quiet") == "said by Python\n"
