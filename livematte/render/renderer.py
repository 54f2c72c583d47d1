"""What a renderer promises, and the one place where one is chosen.

`FakeRenderer` (`render.fake`) keeps the same promises without a network, for tests of what stands
around a renderer; `tests/render/test_contract.py` holds every implementation to them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from livematte.errors import DeviceError, RenderError, UsageError
from livematte.network import weights
from livematte.network.size import network_size

if TYPE_CHECKING:
    from livematte.background import Background
    from livematte.frame import Frame, Rendered, Size


class Renderer(Protocol):
    """Turns frames into publishable pictures, in order, at most `depth` in flight.

    Every frame that was submitted comes back exactly once, matted by its own matte and never by
    another frame's, on the background it was submitted with.

    `submit` and `collect` may be called from two different threads, each always from the same one.
    A renderer is made and closed by the thread that submits.
    """

    @property
    def depth(self) -> int:
        """How many frames may be in flight: submitted and not collected."""
        ...

    @property
    def description(self) -> str:
        """What the user is told: "PyTorch float32 on the CPU, matte at 512x288"."""
        ...

    def submit(self, frame: Frame, background: Background) -> bool:
        """Take a frame to render; False, at once and untouched, if `depth` are in flight.

        The renderer reads `frame.image` until the picture made from it has been collected.

        Raises `RenderError` if the frame is not of the size that the renderer was opened for, or
        if rendering failed.
        """
        ...

    def collect(self, timeout_seconds: float) -> Rendered | None:
        """The oldest picture in flight once it is done; None if it is not done in time.

        The picture's arrays belong to the renderer and are written again after the next call of
        `collect`: who keeps a picture longer copies it.

        Raises `RenderError` if rendering it failed.
        """
        ...

    def close(self) -> None:
        """Give everything back. Closing twice is fine; pictures in flight are lost."""
        ...


class Choice(NamedTuple):
    """A renderer, and why it is this one where that was left to livematte; "" where it was not."""

    renderer: Renderer
    reason: str


def check_device(device: str) -> None:
    """Raises `UsageError` if `device` is none of auto, cpu, cuda and cuda:N. Loads nothing."""
    kind, _, index = device.partition(":")
    if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and index.isdecimal()):
        raise UsageError(
            f"Device {device!r} is not known.",
            "Choose auto, cpu, cuda, or cuda:1 for a second GPU.",
        )


def open_renderer(
    device: str, *, frame_size: Size, matte_short_side: int, weights_name: str
) -> Choice:
    """Open the renderer for frames of `frame_size` on `device`: auto, cpu, cuda or cuda:N.

    matte_short_side: the shorter side, in pixels, of what the network sees.
    weights_name: the name of a set of weights, or the path of a file; see `network.weights.find`.

    Raises `DeviceError` if the device was named and cannot be used, saying why; `WeightsError` if
    the weights cannot be; `UsageError` if `device` is no device.
    """
    check_device(device)
    state = weights.fold(weights.read(weights.find(weights_name)))
    matte_size = network_size(frame_size, matte_short_side)

    # Before PyTorch is loaded: its idle threads would else go on spinning for a millisecond or two
    # of each frame, on the cores that OpenCV composites with.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

    # PyTorch takes seconds to import; whoever only asks for help or mistypes need not wait.
    from livematte.network.modnet import load_modnet
    from livematte.render.cpu import CpuRenderer

    if device == "cpu":
        return Choice(CpuRenderer(frame_size, matte_size, load_modnet(state)), "")

    from livematte.render.cuda import CudaRenderer, cuda_problem

    name = "cuda:0" if device in ("auto", "cuda") else device
    problem = cuda_problem(name)
    if problem is None:
        try:
            renderer = CudaRenderer(name, frame_size, matte_size, load_modnet(state))
        except DeviceError as error:
            if device != "auto":
                raise
            problem = error.problem
        else:
            return Choice(renderer, "a CUDA device was found" if device == "auto" else "")
    if device == "auto":
        return Choice(CpuRenderer(frame_size, matte_size, load_modnet(state)), problem)
    raise DeviceError(
        f"Device {device} cannot be used: {problem}.", "Leave out --device, or choose --device cpu."
    )


def require_size(frame: Frame, size: Size) -> None:
    """Raises `RenderError` if `frame` is not of the size that a renderer was opened for."""
    if frame.size != size:
        raise RenderError(
            f"Frame {frame.index} is {frame.size}; the renderer was opened for {size}.",
            "Start again: the camera has changed its mode.",
        )
