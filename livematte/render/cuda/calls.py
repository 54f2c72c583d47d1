"""Calls to PyTorch on a device: errors as livematte's own, and float32 without TF32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from livematte.errors import LivematteError
from livematte.render.cuda.probe import first_sentence


@contextmanager
def failing_as(error_type: type[LivematteError], device: torch.device) -> Iterator[None]:
    """Turn PyTorch's RuntimeErrors on a device into livematte's errors with a remedy."""
    try:
        yield
    except LivematteError:
        raise
    except torch.OutOfMemoryError as error:
        raise error_type(
            f"Not enough free memory on {device}.",
            "Close other programs that use the GPU, lower --matte-size, or use --device cpu.",
        ) from error
    except RuntimeError as error:
        raise error_type(
            f"CUDA failed on {device}: {first_sentence(error)}.",
            "Try again; if it fails again, update the GPU's driver or use --device cpu.",
        ) from error


@contextmanager
def exact_float32(*, measure: bool = True) -> Iterator[None]:
    """Let cuDNN choose the fastest algorithm, but not round float32 to TF32's 10 bits.

    measure: choose by trying all algorithms; worth it only if the size stays the same.

    Graphs capture the choice, so the setting is needed only within this block.
    """
    with torch.backends.cudnn.flags(enabled=True, benchmark=measure, allow_tf32=False):
        yield
