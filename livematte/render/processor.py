"""What this computer's processor can do."""

from __future__ import annotations

import os
from typing import Final

import archspec.cpu
import archspec.cpu.detect

_INT8_DOT_PRODUCTS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})
"""Instructions that multiply and add four pairs of int8 at once: on x86 from Intel's 10th and
AMD's Zen 4 generation on, on ARM from version 8.2 on."""


def cores() -> int:
    """How many of the processor's cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def features() -> frozenset[str]:
    """The instructions that the processor knows, by archspec's names."""
    # The flags that the processor shows, and those of its kind where a system shows none (macOS).
    return frozenset(archspec.cpu.detect.detected_info().features | archspec.cpu.host().features)


def has_int8_dot_product() -> bool:
    """Whether int8 is much faster than float32 here; without these instructions it is not."""
    return not _INT8_DOT_PRODUCTS.isdisjoint(features())
