"""What this computer's processor can do."""

from __future__ import annotations

import os
from typing import Final

import archspec.cpu
import archspec.cpu.detect

_INT8_DOT_PRODUCTS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})
"""Instructions that multiply and add four pairs of int8 at once: on x86 since Intel's 10th
generation and AMD's Zen 4, on ARM since version 8.2."""


def cores() -> int:
    """How many CPU cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def features() -> frozenset[str]:
    """The processor's instruction sets, by archspec's names."""
    # The detected flags, plus those of the processor's family, for systems without flags (macOS).
    return frozenset(archspec.cpu.detect.detected_info().features | archspec.cpu.host().features)


def has_int8_dot_product() -> bool:
    """Whether the CPU has these instructions; without them int8 is not much faster than float32."""
    return not _INT8_DOT_PRODUCTS.isdisjoint(features())
