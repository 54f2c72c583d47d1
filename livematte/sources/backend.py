"""The backend through which OpenCV opens cameras on this system."""

from __future__ import annotations

import sys

import cv2


def capture_backend() -> int:
    """OpenCV's number for the camera backend of this system."""
    return {
        "linux": cv2.CAP_V4L2,
        "win32": cv2.CAP_DSHOW,
        "darwin": cv2.CAP_AVFOUNDATION,
    }.get(sys.platform, cv2.CAP_ANY)
