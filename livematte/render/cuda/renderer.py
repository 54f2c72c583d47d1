"""MODNet and all compositing on an NVIDIA GPU.

Three slots of pinned memory go round a ring (`ring`); per frame the host copies the picture
in and queues two copies and one CUDA graph. Pinned memory never leaves this file but as the arrays
of a `Rendered`, until the next is collected.

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
"""Two for frames in flight, and one for the picture in the hands of whoever collected it."""


class CudaRenderer:
    """Renders on the GPU while the host goes on; see `Renderer`."""

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
        """Take memory, choose the precision and capture all graphs, before any frame.

        device: "cuda" or "cuda:N".
        network: float32, in evaluation mode, on the CPU; it is copied and left alone.
        cuda: the module to speak to CUDA through.
        precision: auto, fp16 or fp32.
        refinement: what is done to the matte beyond what the network says.
        guard: who judges mattes; None for one of its own.

        Raises `DeviceError` if the device cannot be used, or has too little memory.
        """
        if problem := cuda_problem(device, cuda):
            raise DeviceError(f"Device {device} cannot be used: {problem}.", "Use --device cpu.")
        self.timings = Timings()
        self._device = torch.device("cuda", torch.device(device).index or 0)
        self._frame_size = frame_size
        # Work on another device would start CUDA there too, which takes memory and time.
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
        return True  # frames overlap on the device, so that none waits behind another

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
        # A device that has failed says so again here; it was reported when it happened.
        with suppress(RuntimeError):
            self._cuda.synchronize()  # before the ring lets go of memory that may be in use
        self._ring.close()


def _kind_of(background: Background) -> Compositing:
    if isinstance(background, Transparent):
        return Compositing.TRANSPARENT
    if isinstance(background, Blur):
        return Compositing.BLUR
    if isinstance(background, Picture):
        return Compositing.PICTURE
    raise TypeError(f"{type(background).__name__} is no kind of background to composite on")


def _captured_form(refinement: Refinement) -> Refinement:
    """What of a refinement is captured with a graph: of light wrap that it is, not how strong."""
    return replace(refinement, light_wrap=float(refinement.light_wrap > 0))


class _Graphs:
    """Captures the frame path as graphs."""

    def __init__(
        self, path: FramePath, device: CudaDevice, cuda: Any, name: torch.device, stream: Any
    ) -> None:
        """cuda: the module to speak to CUDA through. stream: where graphs will be replayed."""
        # Graphs know the weights by their address alone.
        self.path = path
        self._device = device
        self._cuda = cuda
        self._name = name
        self._stream = stream

    def capture(self, tensors: FrameTensors, kind: Compositing, refinement: Refinement) -> Any:
        """The graph of a frame. Waits for the device, and leaves the past of frames as it is."""
        self.path.refinement = refinement
        run, rehearse = (
            partial(each, tensors, kind) for each in (self.path.render, self.path.rehearse)
        )
        with self._cuda.device(self._name), exact_float32():
            return self._device.capture(run, self._stream, rehearse)


class _Memory:
    """Who judges mattes, and of what is remembered on the device how often it was forgotten.

    A matte is judged when it is back, and frames may be on their way then that remember it. They
    are let go: right is only what was submitted after that.
    """

    def __init__(self, guard: MatteGuard) -> None:
        self.guard = guard
        self.wished = 0
        """How often it was to be forgotten; the thread that collects counts."""
        self.forgotten = 0
        """How often it was; the thread that submits counts."""


@dataclass(frozen=True)
class _Stamp:
    """Which frame this is; the frame itself goes back to its source."""

    index: int
    captured_seconds: float
    media_seconds: float
    transparent: bool
    forgotten: int


class _SlotWork(Work):
    """A slot's memory on both sides, its graphs, and what is to be done for the frame in it.

    Backgrounds are held by each slot for itself. A picture that changes while frames are in flight
    can so reach none but the frames that were submitted with it, and one that stays is uploaded
    once a slot. Likewise graphs of another refinement: they are captured when a frame needs them,
    in place of the slot's own, which no frame uses then.
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
        # All that comes back is in one piece of memory, for one copy.
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
        """Have the graph of the next frame, capturing it if need be.

        refinement: as `_captured_form` says.
        """
        if refinement != self._refinement:
            self._captured.clear()
            self._refinement = refinement
        if kind not in self._captured:
            self._captured[kind] = self._graphs.capture(self._tensors, kind, refinement)
        self.graph = self._captured[kind]

    def fill(self, frame: Frame, background: Background, light_wrap: float) -> None:
        """Copy the frame, and of background and light wrap what has changed."""
        # First, because a background that cannot be read on leaves the slot as it was.
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
        """What of a background must be uploaded to this slot."""
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
            doubt = "The matte before was wrong"
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
