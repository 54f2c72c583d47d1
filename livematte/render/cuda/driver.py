"""Whether there can be a CUDA device at all, without the seconds that loading PyTorch takes."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_DRIVERS: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}


def driver_problem() -> str | None:
    """Why no CUDA device can be used; None if there is NVIDIA's driver, and it is worth a look.

    A clause for the middle of a sentence, without a full stop.
    """
    if sys.platform not in _DRIVERS:
        return "NVIDIA has no CUDA for this system"
    try:
        ctypes.CDLL(_DRIVERS[sys.platform])
    except OSError:
        return "no NVIDIA driver was found"
    return None
