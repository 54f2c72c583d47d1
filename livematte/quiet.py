"""Keeps libraries' own chatter off the terminal; must run before OpenCV is imported."""

from __future__ import annotations

import os
from typing import Final

SETTINGS: Final = {
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "QT_LOGGING_RULES": "*=false",
}


def silence_libraries() -> None:
    """Ask OpenCV, FFmpeg and Qt not to write to stderr; what a person has set themselves stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
