"""What is set for the whole process: a program's own to set, and not a library's."""

from __future__ import annotations

import os

import cv2


def own_process(threads: int | None) -> None:
    """Make the most of the cores that this process may use, before PyTorch is loaded.

    threads: how many they are; None for all.
    """
    # Idle threads of PyTorch's would else go on spinning for a millisecond or two of each frame,
    # on the cores that OpenCV composites with.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if threads is not None:
        cv2.setNumThreads(threads)
