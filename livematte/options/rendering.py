"""By what, in which size and how mattes are computed, as values that are checked when made."""

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
"""What the network can compute at all; people are asked for more (`network.size`)."""

SHIPPED_WEIGHTS: Final = "photographic"

_DEVICE: Final = re.compile(r"auto|cpu|torch:cpu|cuda(:[0-9]{1,4})?|openvino:[A-Z]+(\.[0-9]+)?")


class DeviceKind(Enum):
    """AUTO is left to livematte; CPU is OpenVINO's if that can be loaded."""

    AUTO = "auto"
    CPU = "cpu"
    TORCH_CPU = "torch:cpu"
    CUDA = "cuda"
    OPENVINO = "openvino"


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it is asked for; whether it is there shows when it is opened.

    name: of CUDA its number, "" for the first; of OpenVINO what that calls it ("GPU", "NPU").
    """

    kind: DeviceKind
    name: str = ""

    def __post_init__(self) -> None:
        if not _DEVICE.fullmatch(str(self)):
            raise _unknown(str(self))

    @classmethod
    def parse(cls, text: str) -> Device:
        """Of a text as `--device` takes it. Raises `UsageError` if it is of no known form."""
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
    """What is asked of who computes mattes, live, of files and of photos.

    device: by what.
    precision: one of `PRECISIONS`; auto is the fastest that is right on the device.
    matte_short_side: the shorter side, in pixels, of what the network sees; None for what is best.
    threads: how many of the CPU's cores to use; None for all.
    weights: the name of a set of weights, or the path of a file; see `network.weights.find`.
    refinement: what is done to the matte beyond what the network says.

    Raises `UsageError` if a value is none that can be.
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
"""What is taken unless something else is asked for."""
