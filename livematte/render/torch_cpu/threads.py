"""Sets the number of threads that PyTorch uses, only while it computes for livematte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Within the block PyTorch uses `count` CPU cores; None for PyTorch's current setting.

    PyTorch has this setting only for the whole process, where it belongs to the program that
    imports livematte, so it is restored afterwards.
    """
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
