"""How many threads PyTorch computes with, for as long as it computes for us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Within it PyTorch uses so many of the CPU's cores; None for as many as it would anyway.

    PyTorch has no such number for a call, only one for the process, and that is the importing
    program's: it has it back afterwards.
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
