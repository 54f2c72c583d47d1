"""Settings of the whole process, which a program may change but a library may not."""

from __future__ import annotations

import os

import cv2


def own_process(threads: int | None) -> None:
    """Set up the CPU cores that this process may use; call it before PyTorch is loaded.

    threads: the number of cores; None for all.
    """
    # Otherwise PyTorch's idle threads spin for a millisecond or two of each frame, on the cores
    # that OpenCV composites with.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if threads is not None:
        cv2.setNumThreads(threads)
