"""The device, size and precision that mattes are computed with; values are checked when made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from livematte.errors import UsageError
from livematte.options.refinement import DEFAULT, Refinement
from livematte.text.near import did_you_mean, near

DEVICES: Final = ("auto", "cpu", "cuda", "cuda:1", "openvino:GPU", "openvino:NPU", "torch:cpu")
"""Examples of each kind."""

PRECISIONS: Final = ("auto", "fp32", "int8", "fp16")

POSSIBLE_SHORT_SIDES: Final = range(32, 1088 + 1)
"""What the network can compute; people have to choose larger sizes (`network.size`)."""

SHIPPED_WEIGHTS: Final = "photographic"

_DEVICE: Final = re.compile(r"auto|cpu|torch:cpu|cuda(:[0-9]{1,4})?|openvino:[A-Z]+(\.[0-9]+)?")


class DeviceKind(Enum):
    """With AUTO livematte chooses; CPU uses OpenVINO if that can be loaded."""

    AUTO = "auto"
    CPU = "cpu"
    TORCH_CPU = "torch:cpu"
    CUDA = "cuda"
    OPENVINO = "openvino"


@dataclass(frozen=True, slots=True)
class Device:
    """A requested device; opening it shows whether it exists.

    name: for CUDA its number, "" for the first; for OpenVINO its name there ("GPU", "NPU").
    """

    kind: DeviceKind
    name: str = ""

    def __post_init__(self) -> None:
        if not _DEVICE.fullmatch(str(self)):
            raise _unknown(str(self))

    @classmethod
    def parse(cls, text: str) -> Device:
        """From a text as `--device` takes it. Raises `UsageError` if its form is not known."""
        kind, colon, name = text.partition(":")
        try:
            return cls(DeviceKind(text))
        except ValueError:
            if colon and kind in ("cuda", "openvino") and name:
                return cls(DeviceKind(kind), name)
            raise _unknown(text) from None

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}" if self.name else self.kind.value


def _unknown(text: str) -> UsageError:
    return UsageError(
        f"Device {text!r} is not known.",
        f"{did_you_mean(near(text, DEVICES))}Choose from {', '.join(DEVICES)}.",
    )


AUTO: Final = Device(DeviceKind.AUTO)
CPU: Final = Device(DeviceKind.CPU)
TORCH_CPU: Final = Device(DeviceKind.TORCH_CPU)
CUDA: Final = Device(DeviceKind.CUDA)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How to compute mattes: live, of files and of photos.

    device: the device that computes them.
    precision: one of `PRECISIONS`; auto is the fastest that gives correct mattes on the device.
    matte_short_side: the shorter side of the network's input, in pixels; None for the best.
    threads: how many CPU cores to use; None for all.
    weights: the name of a set of weights, or the path of a file; see `network.weights.find`.
    refinement: how the network's matte is refined.

    Raises `UsageError` if a value is not possible.
    """

    device: Device = AUTO
    precision: str = "auto"
    matte_short_side: int | None = None
    threads: int | None = None
    weights: str = SHIPPED_WEIGHTS
    refinement: Refinement = DEFAULT

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"Precision {self.precision!r} is not known.",
                f"Choose one of {', '.join(PRECISIONS)}.",
            )
        if self.matte_short_side is not None and self.matte_short_side not in POSSIBLE_SHORT_SIDES:
            raise UsageError(
                f"Matte size {self.matte_short_side} is not from {POSSIBLE_SHORT_SIDES.start} to "
                f"{POSSIBLE_SHORT_SIDES.stop - 1}.",
                "Leave it out, or try 288.",
            )
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"Threads: {self.threads} is not possible.", "Ask for at least 1.")


USUAL: Final = RenderOptions()
"""The defaults."""
