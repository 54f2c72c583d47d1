"""The rules of CUDA kernels that PyTorch's fake tensors leave out.

Fake tensors know shapes, dtypes and devices. They let pass what a CPU would do and CUDA would not,
and what CUDA would do but a graph cannot hold or a frame should not wait for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten

WAITS_FOR_THE_DEVICE = {
    aten._local_scalar_dense.default: "a value is taken to the host",
    aten.nonzero.default: "the result's size is known only to the device",
    aten.masked_select.default: "the result's size is known only to the device",
    aten.equal.default: "a value is taken to the host",
}
INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}
NEEDS_FLOATS = {
    aten.upsample_bilinear2d.default,
    aten.upsample_bilinear2d.vec,
    aten.lerp.Tensor,
    aten.convolution.default,
}
NEEDS_ONE_DTYPE = {aten.lerp.Tensor, aten.convolution.default, aten.mm.default, aten.addmm.default}
SUMS = {aten.sum.default, aten.sum.dim_IntList}


class RuleBrokenError(Exception):
    """What CUDA, or a CUDA graph, would not have done, or only by waiting."""


class StrictCuda(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, all that runs must fit a CUDA graph of half or single precision.

    kernels: how many operations on the device were seen, so that a test can tell they were.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kernels = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if any(tensor.device.type == "cuda" for tensor in tensors):
            _check_operation(func, tensors)
        result = func(*args, **kwargs)
        results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if any(tensor.device.type == "cuda" for tensor in (*tensors, *results)):
            self.kernels += 1
            _check_tensors(func, tensors, results)
        return result


def _check_operation(func: Any, tensors: list[Tensor]) -> None:
    if func in WAITS_FOR_THE_DEVICE:
        raise RuleBrokenError(f"{func}: {WAITS_FOR_THE_DEVICE[func]}")
    if func in INDEXING and any(tensor.dtype == torch.bool for tensor in tensors[1:]):
        raise RuleBrokenError(f"{func} by a mask: its size is known only to the device")
    if func in NEEDS_FLOATS and not all(tensor.is_floating_point() for tensor in tensors):
        raise RuleBrokenError(f"{func} has no kernel for integers")
    if func in NEEDS_ONE_DTYPE and len({tensor.dtype for tensor in tensors}) > 1:
        raise RuleBrokenError(f"{func} of more than one dtype")


def _check_tensors(func: Any, tensors: list[Tensor], results: list[Tensor]) -> None:
    devices = {str(tensor.device) for tensor in (*tensors, *results)}
    if len(devices) > 1:
        raise RuleBrokenError(f"{func} on more than one device: {sorted(devices)}")
    if any(tensor.dtype == torch.float64 for tensor in (*tensors, *results)):
        raise RuleBrokenError(f"{func} in float64, 32 or 64 times slower than float32")
    if func in SUMS and any(tensor.dtype == torch.float16 for tensor in results):
        raise RuleBrokenError(f"{func} in float16, which ends at 65504")
