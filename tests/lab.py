"""A real kernel with real V4L2 devices, for tests of cameras and virtual cameras.

It lies beside the checkout, not in it; tests that need it are marked `lab` and skipped without it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

SHARED: Final = Path(__file__).resolve().parents[2] / "shared"
RUN: Final = SHARED / "v4l2-lab" / "run"
CLIP: Final = SHARED / "media" / "webcam" / "again.mkv"

IN_LAB: Final = Path("/dev/video-cam").exists()
"""Whether this is the lab. Contracts are held there by what needs its devices, and only that."""

needs_lab: Final = pytest.mark.skipif(
    not os.access(RUN, os.X_OK), reason="the V4L2 lab is not beside the checkout"
)


def run_in_lab(*command: str, seconds: int) -> str:
    """Run a command in the lab and return what it printed; fails the test if it fails."""
    finished = subprocess.run(
        [str(RUN), "-t", str(seconds), *command],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    if finished.returncode != 0:
        pytest.fail(f"the lab ended with {finished.returncode}:\n{finished.stdout[-4000:]}")
    return finished.stdout
