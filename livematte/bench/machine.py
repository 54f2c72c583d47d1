"""Describes this machine: a measurement means nothing without it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import archspec.cpu
import cv2

from livematte import __version__
from livematte.render.processor import cores, has_int8_dot_product

_PACKAGES: Final = ("openvino", "torch", "numpy")


@dataclass(frozen=True)
class Machine:
    """processor: its name, as the processor or the system reports it.

    cores: how many of the processor's cores this process may use.
    memory_bytes: the machine's memory; None if the system does not tell.
    int8_dot_product: whether the processor has the instructions that make int8 fast.
    versions: of livematte, Python and the libraries that compute; None if not installed.
    """

    processor: str
    cores: int
    memory_bytes: int | None
    int8_dot_product: bool
    system: str
    versions: dict[str, str | None]


def this_machine() -> Machine:
    """The machine that this process runs on. Loads neither PyTorch nor OpenVINO."""
    return Machine(
        processor=archspec.cpu.brand_string() or platform.processor() or platform.machine(),
        cores=cores(),
        memory_bytes=_memory_bytes(),
        int8_dot_product=has_int8_dot_product(),
        system=platform.platform(),
        versions={
            "livematte": __version__,
            "python": platform.python_version(),
            "opencv": cv2.__version__,
            **{name: _installed(name) for name in _PACKAGES},
        },
    )


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # AttributeError on Windows
        return None


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
