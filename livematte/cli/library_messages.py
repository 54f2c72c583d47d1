"""Keeps libraries' own chatter off the terminal; must run before OpenCV is imported."""

from __future__ import annotations

import os
import sys
from typing import Final

SETTINGS: Final = {
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}
"""Where a library can be asked; what a person has set themselves stays."""


def silence_libraries() -> None:
    """From now on only Python writes to the terminal's stderr.

    libjpeg tells of every second picture of some webcams that it has extraneous bytes, and knows
    no setting: what C code writes to file descriptor 2 goes nowhere, and `sys.stderr` goes to the
    terminal by a descriptor of its own.
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
