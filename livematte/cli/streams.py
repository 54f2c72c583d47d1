"""Standard streams, also for a program that was started without some of them."""

from __future__ import annotations

import os
import sys
from typing import Final

_NAMES: Final = ("stdin", "stdout", "stderr")


def open_missing_streams() -> None:
    """Have all three, to nowhere where there is none: `livematte 2>&-`, and some services.

    Else the next file that is opened, perhaps a camera, takes the place that libraries write their
    messages to.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            mode = "r" if descriptor == 0 else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115 - to the end
