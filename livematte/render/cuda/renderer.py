"""MODNet and all compositing on an NVIDIA GPU.

Three slots of pinned memory are used in turn (`ring`). Per frame the host copies the picture in and
queues two copies and one CUDA graph. Pinned memory leaves this file only as the arrays of a
`Rendered`, until the next one is collected.

No speed is claimed: this has been checked in every way that needs no GPU (`tests/cuda`), and
measured on none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from livematte.background import Background, Blur, Picture, Transparent
from livematte.errors import DeviceError, MatteError, RenderError
from livematte.frame import Frame, Image, Rendered, Size
from livematte.matting.matte_guard import MatteGuard
from livematte.matting.room_blur import taps, taps_size
from livematte.options.refinement import DEFAULT, Refinement
from livematte.render.cuda.calls import exact_float32, failing_as
from livematte.render.cuda.device import CudaDevice, Mirror, Work
from livematte.render.cuda.frame import Compositing, FramePath, FrameTensors
from livematte.render.cuda.probe import choose_precision, cuda_problem
from livematte.render.cuda.ring import Ring
from livematte.render.renderer import require_size
from livematte.render.timings import Timings

if TYPE_CHECKING:
    from livematte.network.modnet import MODNet

__all__ = ["CudaRenderer", "cuda_problem"]

SLOTS: Final = 3
"""Two for frames in flight, and one for the picture that was collected last."""


class CudaRenderer:
    """Renders on the GPU while the host continues; see `Renderer`."""

    depth: Final = SLOTS - 1

    def __init__(
        self,
        device: str,
        frame_size: Size,
        matte_size: Size,
        network: MODNet,
        cuda: Any = torch.cuda,
        precision: str = "auto",
        refinement: Refinement = DEFAULT,
        guard: MatteGuard | None = None,
    ) -> None:
        """Allocate memory, choose the precision and capture all graphs, before the first frame.

        device: "cuda" or "cuda:N".
        network: float32, in evaluation mode, on the CPU; it is copied, not changed.
        cuda: the CUDA module; a simulated one for tests without a GPU.
        precision: auto, fp16 or fp32.
        refinement: how to refine the network's matte.
        guard: checks the mattes; None for a new one.

        Raises `DeviceError` if the device cannot be used or has too little memory.
        """
        if problem := cuda_problem(device, cuda):
            raise DeviceError(f"Device {device} cannot be used: {problem}.", "Use --device cpu.")
        self.timings = Timings()
        self._device = torch.device("cuda", torch.device(device).index or 0)
        self._frame_size = frame_size
        # Otherwise PyTorch would start CUDA on another device too, which takes memory and time.
        with cuda.device(self._device), failing_as(DeviceError, self._device), exact_float32():
            chosen = choose_precision(network, matte_size, self._device, cuda, precision)
            path = FramePath(
                frame_size, matte_size, network, chosen.dtype, self._device, refinement
            )
            self._cuda = CudaDevice(self._device, cuda)
            compute = self._cuda.stream()
            memory = _Memory(guard or MatteGuard())
            self._refinement = refinement
            self._captured = _captured_form(refinement)
            self._graphs = _Graphs(path, self._cuda, cuda, self._device, compute)
            works = [
                _SlotWork(self._cuda, self._graphs, frame_size, matte_size, memory)
                for _ in range(SLOTS)
            ]
            for work in works:
                for kind in Compositing:
                    work.prepare(kind, self._captured)
            self._ring: Ring[_SlotWork, Any, Any] = Ring(self._cuda, works, compute)
        self.description = (
            f"CUDA {chosen.description} on {cuda.get_device_name(self._device)} "
            f"({self._device}), matte at {matte_size}"
        )

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return True  # frames overlap on the device, so none waits for another

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        slot = self._ring.free_slot()
        if slot is None:
            return False
        require_size(frame, self._frame_size)
        if refinement is not None and refinement != self._refinement:
            self._refinement, self._captured = refinement, _captured_form(refinement)
        with failing_as(RenderError, self._device):
            slot.work.prepare(_kind_of(background), self._captured)
        slot.work.fill(frame, background, self._refinement.light_wrap)
        with failing_as(RenderError, self._device):
            self._ring.submit(slot)
        return True

    def collect(self, timeout_seconds: float) -> Rendered | None:
        with failing_as(RenderError, self._device):
            slot = self._ring.collect(timeout_seconds)
        return None if slot is None else slot.work.rendered()

    def close(self) -> None:
        # A failed device raises again here; the failure was already reported.
        with suppress(RuntimeError):
            self._cuda.synchronize()  # before the ring releases memory that may be in use
        self._ring.close()


def _kind_of(background: Background) -> Compositing:
    if isinstance(background, Transparent):
        return Compositing.TRANSPARENT
    if isinstance(background, Blur):
        return Compositing.BLUR
    if isinstance(background, Picture):
        return Compositing.PICTURE
    raise TypeError(f"{type(background).__name__} is not a background to composite on")


def _captured_form(refinement: Refinement) -> Refinement:
    """The part of a refinement that a graph captures: whether there is light wrap, not how much."""
    return replace(refinement, light_wrap=float(refinement.light_wrap > 0))


class _Graphs:
    """Captures the frame path as graphs."""

    def __init__(
        self, path: FramePath, device: CudaDevice, cuda: Any, name: torch.device, stream: Any
    ) -> None:
        """cuda: the CUDA module. stream: where graphs will be replayed."""
        # Graphs refer to the weights only by address, so something must keep them alive.
        self.path = path
        self._device = device
        self._cuda = cuda
        self._name = name
        self._stream = stream

    def capture(self, tensors: FrameTensors, kind: Compositing, refinement: Refinement) -> Any:
        """Capture the graph of a frame. Waits for the device; does not change the past."""
        self.path.refinement = refinement
        run, rehearse = (
            partial(each, tensors, kind) for each in (self.path.render, self.path.rehearse)
        )
        with self._cuda.device(self._name), exact_float32():
            return self._device.capture(run, self._stream, rehearse)


class _Memory:
    """The guard, and how often the state on the device was reset.

    A matte is checked when it is back, and by then frames that depend on it may be in flight. They
    are dropped: only frames submitted after the reset are right.
    """

    def __init__(self, guard: MatteGuard) -> None:
        self.guard = guard
        self.wished = 0
        """How many resets were requested; counted by the thread that collects."""
        self.forgotten = 0
        """How many resets were submitted; counted by the thread that submits."""


@dataclass(frozen=True)
class _Stamp:
    """The frame's index and times; the frame itself goes back to its source."""

    index: int
    captured_seconds: float
    media_seconds: float
    transparent: bool
    forgotten: int


class _SlotWork(Work):
    """A slot's memory on host and device, its graphs, and the work for its frame.

    Each slot has its own copy of the background. So a picture that changes while frames are in
    flight reaches only frames that were submitted with it, and one that stays is uploaded once per
    slot. The same holds for graphs with another refinement: they are captured when a frame needs
    them, and replace the slot's own, which no frame uses at that time.
    """

    def __init__(
        self,
        cuda: CudaDevice,
        graphs: _Graphs,
        size: Size,
        matte_size: Size,
        memory: _Memory,
    ) -> None:
        picture_shape = (size.height, size.width, 3)
        self._frame_size = size
        self._reduced_size = Blur.reduced_size(size)
        self._frame = cuda.mirror(picture_shape, torch.uint8)
        self._picture = cuda.mirror(picture_shape, torch.uint8)
        self._blur_taps = cuda.mirror((taps_size(self._reduced_size),), torch.float32)
        self._forget = cuda.mirror((1,), torch.bool)
        self._light_wrap = cuda.mirror((1,), torch.float32)
        # All results are in one block of memory, for one copy.
        shape, small = picture_shape[:2], (matte_size.height, matte_size.width)
        shapes = (picture_shape, shape, (*small, 3), small, (1,))
        result = cuda.mirror((sum(map(math.prod, shapes)),), torch.uint8)
        image, alpha, seen, raw, is_alpha = _parts(result.device, shapes)
        self._tensors = FrameTensors(
            frame=self._frame.device,
            picture=self._picture.device,
            blur_taps=self._blur_taps.device,
            image=image,
            alpha=alpha,
            forget=self._forget.device,
            light_wrap=self._light_wrap.device,
            pixels=seen,
            raw=raw,
            is_alpha=is_alpha,
        )
        self._graphs = graphs
        self._captured: dict[Compositing, Any] = {}
        self._refinement: Refinement | None = None
        super().__init__(uploads=(), graph=None, result=result)

        self._memory = memory
        self._host_image: Image
        (
            self._host_image,
            self._host_alpha,
            self._host_pixels,
            self._host_raw,
            self._host_is_alpha,
        ) = (each.numpy() for each in _parts(result.host, shapes))
        self._held_picture: Image | None = None
        self._held_sigma = 0.0
        self._stamp = _Stamp(-1, 0.0, 0.0, transparent=False, forgotten=0)

    def prepare(self, kind: Compositing, refinement: Refinement) -> None:
        """Set the graph for the next frame, and capture it first if needed.

        refinement: as returned by `_captured_form`.
        """
        if refinement != self._refinement:
            self._captured.clear()
            self._refinement = refinement
        if kind not in self._captured:
            self._captured[kind] = self._graphs.capture(self._tensors, kind, refinement)
        self.graph = self._captured[kind]

    def fill(self, frame: Frame, background: Background, light_wrap: float) -> None:
        """Copy the frame, and the background and light wrap if they changed."""
        # First, because a background that fails to read must leave the slot unchanged.
        changed = self._hold(background, frame.media_seconds)
        self._frame.host.numpy()[...] = frame.image
        wished = self._memory.wished
        forget = self._forget.host.numpy()
        if forget[0] != (wished > self._memory.forgotten):
            forget[0] = not forget[0]
            changed = (*changed, self._forget)
        self._memory.forgotten = wished
        strength = self._light_wrap.host.numpy()
        if strength[0] != np.float32(light_wrap):
            strength[0] = light_wrap
            changed = (*changed, self._light_wrap)
        self._stamp = _Stamp(
            frame.index,
            frame.captured_seconds,
            frame.media_seconds,
            transparent=isinstance(background, Transparent),
            forgotten=wished,
        )
        self.uploads = (self._frame, *changed)

    def _hold(self, background: Background, media_seconds: float) -> tuple[Mirror, ...]:
        """The parts of a background to upload to this slot."""
        if isinstance(background, Blur):
            sigma = background.reduced_sigma(self._frame_size)
            if sigma != self._held_sigma:
                self._blur_taps.host.numpy()[...] = taps(self._reduced_size, sigma)
                self._held_sigma = sigma
                return (self._blur_taps,)
        elif isinstance(background, Picture):
            picture = background.picture_at(self._frame_size, media_seconds)
            if picture is not self._held_picture:
                self._picture.host.numpy()[...] = picture
                self._held_picture = picture
                return (self._picture,)
        return ()

    def rendered(self) -> Rendered:
        """The picture in this slot's pinned memory, once its download is done."""
        stamp, memory = self._stamp, self._memory
        if not self._host_is_alpha[0]:
            doubt = "The matte goes beyond 0 to 1"
        else:
            doubt = memory.guard.problem_of(self._host_raw, self._host_pixels)
        if doubt:
            memory.wished += 1
        elif stamp.forgotten < memory.wished:
            doubt = "The previous matte was wrong"
        if doubt:
            raise MatteError(doubt, stamp.index)
        return Rendered(
            self._host_image,
            self._host_alpha,
            stamp.index,
            stamp.captured_seconds,
            stamp.media_seconds,
            stamp.transparent,
        )


def _parts(memory: Tensor, shapes: Sequence[tuple[int, ...]]) -> Iterator[Tensor]:
    """Views of successive parts of a flat tensor."""
    start = 0
    for shape in shapes:
        end = start + math.prod(shape)
        yield memory[start:end].view(shape)
        start = end
