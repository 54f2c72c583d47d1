"""By which of its backends OpenCV opens cameras here."""

from __future__ import annotations

import sys

import cv2


def capture_backend() -> int:
    """OpenCV's way to cameras on this system."""
    return {
        "linux": cv2.CAP_V4L2,
        "win32": cv2.CAP_DSHOW,
        "darwin": cv2.CAP_AVFOUNDATION,
    }.get(sys.platform, cv2.CAP_ANY)
