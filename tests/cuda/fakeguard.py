"""Tensors on "cuda:0" in a PyTorch that was built without CUDA, which is what CI installs.

Dispatching an operation on a CUDA tensor asks C++ for CUDA's "device guard", which a build for the
CPU has not registered. PyTorch brings one that does nothing, for its own fake tensors, but puts it
in only where a real one without devices is. This registers one that answers "no devices", whereupon
PyTorch replaces it by its own.

It relies on how PyTorch is made inside. Where that has changed, `install` raises `LookupError`, and
the tests that need it are skipped.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import torch

_REGISTRY = "_ZN3c104impl26device_guard_impl_registryE"
_DEVICE_TYPES = 20
_CUDA = 1
_VIRTUAL_FUNCTIONS = 32


@functools.cache
def install() -> None:
    """Once for the process; a PyTorch built with CUDA has its guard already."""
    try:
        libraries = Path(torch.__file__).parent / "lib"
        library = next(libraries.glob("*c10.*"))
        registry = (ctypes.c_void_p * _DEVICE_TYPES).in_dll(ctypes.CDLL(str(library)), _REGISTRY)
        ensure = torch._C._ensureCUDADeviceGuardSet
    except (StopIteration, ValueError, AttributeError, OSError) as error:
        raise LookupError("this PyTorch keeps its device guards elsewhere") from error
    if registry[_CUDA]:
        return
    # An object whose every virtual function returns 0: its count of devices, above all.
    zero = ctypes.CFUNCTYPE(ctypes.c_uint8, ctypes.c_void_p)(lambda _self: 0)
    functions = (ctypes.c_void_p * _VIRTUAL_FUNCTIONS)(
        *[ctypes.cast(zero, ctypes.c_void_p).value] * _VIRTUAL_FUNCTIONS
    )
    guard = (ctypes.c_void_p * 1)(ctypes.addressof(functions))
    registry[_CUDA] = ctypes.addressof(guard)
    ensure()
    if registry[_CUDA] == ctypes.addressof(guard):
        registry[_CUDA] = None
        raise LookupError("this PyTorch does not replace a guard without devices")
