"""The message for a run that is too slow for its camera, and what would make it faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from livematte.network.size import LIVE_SHORT_SIDE, SHORT_SIDES

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.pipeline.pace import Slow

LARGE_PIXELS: Final = 1280 * 720
"""The work around the network grows with the picture, and calls show no more than this."""

IDLE_SHARE: Final = 0.6
"""Of the processor. A slow run that uses less is held back by other programs."""

OUTPUTS_SHARE: Final = 0.5
"""If this share of the dropped pictures waited for an output, the outputs are slow."""

MOST_REMEDIES: Final = 2


class Asked(NamedTuple):
    """The settings of a run that cost time.

    matte_short_side: of the network's input, in pixels; None if livematte chose it.
    can_ask_size: whether --size applies to the source.
    """

    quality: str
    without: Sequence[str]
    light_wrap: float
    matte_short_side: int | None
    frame_size: Size
    can_ask_size: bool
    device: str
    precision: str
    threads: int | None
    outputs: Sequence[str]


def sentence(slow: Slow, asked: Asked, timings: Mapping[str, Sequence[float]]) -> str:
    """timings: how long the stages of frames took, in seconds, as a renderer notes them."""
    rates = f"Too slow: {slow.shown:.0f} of {slow.came:.0f} frames/s."
    if slow.outputs_share > OUTPUTS_SHARE:
        where = " or ".join(asked.outputs)
        smaller = _size_remedy(asked) or "send it to another output"
        return f"{rates} {where} takes no more. To make it faster, {smaller}."
    remedies = list(_remedies(slow, asked, timings))[:MOST_REMEDIES]
    if not remedies:
        return f"{rates} This computer is not fast enough for more."
    return f"{rates} To make it faster, {', or '.join(remedies)}."


def _remedies(slow: Slow, asked: Asked, timings: Mapping[str, Sequence[float]]) -> list[str]:
    """The most helpful one first."""
    found = []
    if slow.processor_share < IDLE_SHARE and asked.threads is not None:
        found.append("leave out --threads")
    elif slow.processor_share < IDLE_SHARE and not asked.device.startswith(("cuda", "openvino")):
        found.append("close other programs, which use the processor")
    if asked.device == "torch:cpu":
        found.append("leave out --device")
    if asked.precision == "fp32":
        found.append("leave out --precision")
    if asked.quality == "best":
        found.append("use --quality balanced (best runs the network twice)")
    taken = {name: median(seconds) for name, seconds in timings.items() if seconds}
    network = taken.get("network", 0.0)
    is_network_slower = network >= sum(taken.values()) - network
    matte = _matte_remedy(asked)
    around = []
    if asked.light_wrap:
        around.append("leave out --light-wrap")
    if asked.quality == "balanced" and not {"edges", "colours"} <= set(asked.without):
        around.append("use --quality fast")
    if smaller := _size_remedy(asked):
        around.insert(0, smaller)
    rest = [matte, *around] if is_network_slower else [*around, matte]
    return [each for each in (*found, *rest) if each]


def _matte_remedy(asked: Asked) -> str:
    asked_side = asked.matte_short_side
    if asked_side is None or SHORT_SIDES.start < asked_side <= LIVE_SHORT_SIDE:
        return f"use --matte-size {SHORT_SIDES.start}"
    return "leave out --matte-size" if asked_side > LIVE_SHORT_SIDE else ""


def _size_remedy(asked: Asked) -> str:
    width, height = asked.frame_size
    if not asked.can_ask_size or width * height <= LARGE_PIXELS // 3:
        return ""
    wanted = "1280x720" if width * height > LARGE_PIXELS else "640x360"
    return f"use --size {wanted}"
