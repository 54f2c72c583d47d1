"""What a renderer promises, and the one place where one is chosen.

`FakeRenderer` (`render.fake`) keeps the same promises without a network, for tests of what stands
around a renderer; `tests/render/test_contract.py` holds every implementation to them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import cv2

from livematte.errors import DeviceError, RenderError, UsageError
from livematte.network import weights
from livematte.network.size import LIVE_SHORT_SIDE, network_size
from livematte.options.refinement import DEFAULT, Refinement
from livematte.render.cuda.driver import driver_problem

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from livematte.background import Background
    from livematte.frame import Frame, Rendered, Size
    from livematte.render.timings import Timings

PRECISIONS: Final = ("auto", "fp32", "int8", "fp16")

_DEVICE: Final = re.compile(r"auto|cpu|torch:cpu|cuda(:\d+)?|openvino:[A-Z]+(\.\d+)?")


class Renderer(Protocol):
    """Turns frames into publishable pictures, in order, at most `depth` in flight.

    Every frame that was submitted comes back exactly once, matted by its own matte and never by
    another frame's, on the background and in the refinement it was submitted with.

    `submit` and `collect` may be called from two different threads, each always from the same one.
    A renderer is made and closed by the thread that submits.
    """

    @property
    def depth(self) -> int:
        """How many frames may be in flight: submitted and not collected."""
        ...

    @property
    def description(self) -> str:
        """What the user is told: "OpenVINO int8 on the CPU, matte at 512x288". It may change."""
        ...

    @property
    def timings(self) -> Timings:
        """How long the stages of the last frames took; empty where a device does not tell."""
        ...

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Whether a frame would be worked on at once, waiting for that if need be.

        Who has a newer frame every moment submits only then, because a frame that waits in the
        renderer grows old. Who has a file need not ask: `submit` takes frames ahead.
        """
        ...

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        """Take a frame to render; False, at once and untouched, if `depth` are in flight.

        refinement: what is done to the matte from this frame on, beyond what the network says; None
            for no change. At first it is what the renderer was opened with. The network stays, and
            what is remembered of earlier frames too, while mattes are made steady.

        The renderer reads `frame.image` until the picture made from it has been collected.

        Raises `RenderError` if the frame is not of the size that the renderer was opened for, or
        if rendering failed.
        """
        ...

    def collect(self, timeout_seconds: float) -> Rendered | None:
        """The oldest picture in flight once it is done; None if it is not done in time.

        The picture's arrays belong to the renderer and are written again after the next call of
        `collect`: who keeps a picture longer copies it.

        Raises `RenderError` if rendering it failed, and of these `MatteError` if the network gave
        it a matte that cannot be right (`matting.matte_guard`); nothing of that is remembered.
        """
        ...

    def close(self) -> None:
        """Give everything back. Closing twice is fine; pictures in flight are lost."""
        ...


class OpenedRenderer(NamedTuple):
    """A renderer, and why it is this one where that was left to livematte; "" where it was not."""

    renderer: Renderer
    reason: str


def check_device(device: str) -> None:
    """Raises `UsageError` if `device` is of no known form. Loads nothing."""
    if not _DEVICE.fullmatch(device):
        raise UsageError(
            f"Device {device!r} is not known.",
            "Choose auto, cpu, cuda, cuda:1 for a second GPU, openvino:GPU for Intel graphics, "
            "openvino:NPU, or torch:cpu.",
        )


def check_precision(precision: str) -> None:
    """Raises `UsageError` if `precision` is not one of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise UsageError(
            f"Precision {precision!r} is not known.", f"Choose one of {', '.join(PRECISIONS)}."
        )


def open_renderer(
    device: str,
    *,
    frame_size: Size,
    matte_short_side: int | None,
    weights_name: str,
    precision: str = "auto",
    threads: int | None = None,
    frames_per_second: Fraction | None = None,
    refinement: Refinement = DEFAULT,
    on_change: Callable[[str], None] = lambda _sentence: None,
) -> OpenedRenderer:
    """Open the renderer for frames of `frame_size` on `device`.

    device: auto, cpu (OpenVINO), cuda, cuda:N, openvino:GPU, openvino:NPU or torch:cpu.
    matte_short_side: the shorter side, in pixels, of what the network sees. None for
        `LIVE_SHORT_SIDE`, and with OpenVINO on the CPU for the largest of `AUTO_SHORT_SIDES` that
        holds `frames_per_second`.
    weights_name: the name of a set of weights, or the path of a file; see `network.weights.find`.
    precision: auto, fp32, int8 or fp16. auto is the fastest that is right on the device.
    threads: how many of the CPU's cores to use; None for all.
    frames_per_second: the rate to hold, of what is seen as it comes; None where frames can wait.
    refinement: what is done to the matte beyond what the network says.
    on_change: told in a sentence, by any thread, when the renderer changes what it does, or
        could not use what an earlier start has stored.

    Raises `DeviceError` if the device or the precision was named and cannot be had, saying why;
    `WeightsError` if the weights cannot be used; `UsageError` if `device` or `precision` is of no
    known form.
    """
    check_device(device)
    check_precision(precision)
    wish = _Wish(
        frame_size,
        matte_short_side,
        weights.find(weights_name),
        precision,
        threads,
        frames_per_second,
        refinement,
        on_change,
    )
    if threads is not None:
        cv2.setNumThreads(threads)
    if device == "torch:cpu":
        return OpenedRenderer(_open_torch(wish), "")
    if device.startswith("openvino:"):
        try:
            return _open_openvino(device.partition(":")[2], wish)
        except ImportError as error:
            raise DeviceError(
                f"OpenVINO cannot be used: {error}.", "Install it again, or leave out --device."
            ) from error
    if device.startswith("cuda"):
        return OpenedRenderer(_open_cuda(device, wish), "")

    reasons: list[str | None] = []
    if device == "auto":
        problem = _cuda_problem("cuda", wish)
        if problem is None:
            try:
                return OpenedRenderer(_open_cuda("cuda", wish), "a CUDA device was found")
            except DeviceError as error:
                problem = error.problem
        reasons.append(problem)
    try:
        renderer, reason = _open_openvino("CPU", wish)
    except ImportError as error:
        reasons.append(f"OpenVINO cannot be used: {error}")
        renderer = _open_torch(wish)
    else:
        reasons.append(reason)
    return OpenedRenderer(renderer, "; ".join(each.rstrip(".") for each in reasons if each))


class _Wish(NamedTuple):
    """What was asked of `open_renderer`, but for the device."""

    frame_size: Size
    matte_short_side: int | None
    weights_path: Path
    precision: str
    threads: int | None
    frames_per_second: Fraction | None
    refinement: Refinement
    on_change: Callable[[str], None]

    @property
    def matte_size(self) -> Size:
        """Of renderers that do not follow a rate."""
        return network_size(self.frame_size, self.matte_short_side or LIVE_SHORT_SIDE)


def _open_openvino(name: str, wish: _Wish) -> OpenedRenderer:
    """name: as OpenVINO calls the device. Raises ImportError if OpenVINO cannot be loaded."""
    from livematte.render.openvino.network import REQUESTS, OpenVinoModel
    from livematte.render.openvino.renderer import OpenVinoRenderer
    from livematte.render.openvino.size import FixedSize, RateHoldingSize

    views = 2 if wish.refinement.both_views else 1
    model = OpenVinoModel(
        name,
        wish.weights_path,
        wish.precision,
        wish.threads,
        requests=REQUESTS * views,
        on_change=wish.on_change,
    )
    size: FixedSize | RateHoldingSize
    if name == "CPU" and wish.matte_short_side is None and wish.frames_per_second is not None:
        size = RateHoldingSize(
            model, wish.frame_size, wish.frames_per_second, wish.on_change, views
        )
    else:
        size = FixedSize(model.compile(wish.matte_size))
    return OpenedRenderer(
        OpenVinoRenderer(model, size, wish.frame_size, wish.refinement), size.reason
    )


def _open_cuda(device: str, wish: _Wish) -> Renderer:
    if problem := _cuda_problem(device, wish):
        raise DeviceError(
            f"Device {device} cannot be used: {problem}.",
            "Leave out --device, or choose --device cpu.",
        )
    from livematte.network.modnet import load_modnet
    from livematte.render.cuda.renderer import CudaRenderer

    name = "cuda:0" if device == "cuda" else device
    state = weights.fold(weights.read(wish.weights_path))
    network = load_modnet(state)
    return CudaRenderer(
        name,
        wish.frame_size,
        wish.matte_size,
        network,
        precision=wish.precision,
        refinement=wish.refinement,
    )


def _cuda_problem(device: str, wish: _Wish) -> str | None:
    if problem := driver_problem():
        return problem
    if wish.precision == "int8":
        return "the CUDA renderer does not compute in int8"
    # PyTorch takes seconds to import, so it is asked last.
    from livematte.render.cuda.renderer import cuda_problem

    return cuda_problem(device)


def _open_torch(wish: _Wish) -> Renderer:
    if wish.precision not in ("auto", "fp32"):
        raise DeviceError(
            f"PyTorch computes in fp32 on the CPU, not in {wish.precision}.",
            "Leave out --precision, or choose --device cpu.",
        )
    # Before PyTorch is loaded: its idle threads would else go on spinning for a millisecond or two
    # of each frame, on the cores that OpenCV composites with.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    import torch

    from livematte.network.modnet import load_modnet
    from livematte.render.torch_cpu import TorchRenderer

    if wish.threads is not None:
        torch.set_num_threads(wish.threads)
    state = weights.fold(weights.read(wish.weights_path))
    return TorchRenderer(wish.frame_size, wish.matte_size, load_modnet(state), wish.refinement)


def require_size(frame: Frame, size: Size) -> None:
    """Raises `RenderError` if `frame` is not of the size that a renderer was opened for."""
    if frame.size != size:
        raise RenderError(
            f"Frame {frame.index} is {frame.size}; the renderer was opened for {size}.",
            "Start again: the camera has changed its mode.",
        )
