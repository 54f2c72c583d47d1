"""Keeps libraries' own chatter off the terminal; must run before OpenCV is imported."""

from __future__ import annotations

import os
import sys
from typing import Final

SETTINGS: Final = {
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}
"""For libraries that have a setting. Values that the user has set are kept."""


def silence_libraries() -> None:
    """From now on only Python writes to the terminal's stderr.

    libjpeg warns of extraneous bytes in every second picture of some webcams, and has no setting
    against it. So what C code writes to file descriptor 2 is discarded, and `sys.stderr` writes to
    the terminal through its own descriptor.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    sys.stderr.flush()
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    encoding = sys.stderr.encoding
    sys.stderr = open(terminal, "w", buffering=1, encoding=encoding, errors="backslashreplace")  # noqa: SIM115 - as long as the process
