"""Quick check for NVIDIA's driver, without loading PyTorch, which takes seconds."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_DRIVERS: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}


def driver_problem() -> str | None:
    """Why no CUDA device can be used; None if NVIDIA's driver is installed.

    A clause for the middle of a sentence, without a full stop.
    """
    if sys.platform not in _DRIVERS:
        return "CUDA is not available for this operating system"
    try:
        ctypes.CDLL(_DRIVERS[sys.platform])
    except OSError:
        return "no NVIDIA driver was found"
    return None
