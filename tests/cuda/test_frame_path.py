"""The frame path: by CUDA's rules on fake tensors, and its numbers against OpenCV."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from livematte.background import Blur
from livematte.frame import Image, Size
from livematte.matting.room_blur import RoomBlur, taps, taps_size
from livematte.network.modnet import IBNorm, MODNet
from livematte.options.refinement import PLAIN, Refinement
from livematte.render.cuda import frame as cuda_frame
from livematte.render.cuda.area import AreaResize
from livematte.render.cuda.frame import Compositing, FramePath, FrameTensors

from . import fakeguard
from .pictures import FRAME_SIZE, MATTE_SIZE, frame_picture, room_picture
from .strict import RuleBrokenError, StrictCuda

CUDA = torch.device("cuda:0")
CPU = torch.device("cpu")

REDUCED_SIZE = Blur.reduced_size(FRAME_SIZE)

EVERYTHING = Refinement(margin=-3, light_wrap=0.5)


def tensors_on(device: torch.device, matte_size: Size = MATTE_SIZE) -> FrameTensors:
    shape = (FRAME_SIZE.height, FRAME_SIZE.width)
    small = (matte_size.height, matte_size.width)
    return FrameTensors(
        frame=torch.zeros(*shape, 3, dtype=torch.uint8, device=device),
        picture=torch.zeros(*shape, 3, dtype=torch.uint8, device=device),
        blur_taps=torch.zeros(taps_size(REDUCED_SIZE), device=device),
        image=torch.zeros(*shape, 3, dtype=torch.uint8, device=device),
        alpha=torch.zeros(shape, dtype=torch.uint8, device=device),
        forget=torch.zeros(1, dtype=torch.bool, device=device),
        light_wrap=torch.zeros(1, device=device),
        pixels=torch.zeros(*small, 3, dtype=torch.uint8, device=device),
        raw=torch.zeros(small, dtype=torch.uint8, device=device),
        is_alpha=torch.zeros(1, dtype=torch.uint8, device=device),
    )


@contextmanager
def fake_cuda() -> Iterator[None]:
    """Tensors made within have a device, a shape and a dtype, and no values."""
    try:
        fakeguard.install()
    except LookupError as error:
        pytest.skip(str(error))
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


def fake_network_on(device: torch.device, dtype: torch.dtype, network: MODNet) -> MODNet:
    """As `network_on`: modules cannot be moved within `FakeTensorMode`, so their weights are."""
    moved = copy.deepcopy(network)
    for module in moved.modules():
        for name, weights in module.named_parameters(recurse=False):
            fake = weights.detach().to(device, dtype)
            module.register_parameter(name, nn.Parameter(fake, requires_grad=False))
    return moved


def render_strictly(
    path_type: type[FramePath],
    compositing: Compositing,
    dtype: torch.dtype,
    refinement: Refinement = PLAIN,
) -> StrictCuda:
    network = MODNet().eval()
    with pytest.MonkeyPatch.context() as patch, fake_cuda():
        patch.setattr(cuda_frame, "network_on", fake_network_on)
        path = path_type(FRAME_SIZE, MATTE_SIZE, network, dtype, CUDA, refinement)
        tensors = tensors_on(CUDA)
        strict = StrictCuda()
        with strict:
            path.render(tensors, compositing)
    return strict


@pytest.mark.parametrize("refinement", [PLAIN, EVERYTHING, replace(EVERYTHING, both_views=True)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("compositing", Compositing)
def test_the_frame_path_keeps_the_rules_of_cuda(
    compositing: Compositing, dtype: torch.dtype, refinement: Refinement
) -> None:
    strict = render_strictly(FramePath, compositing, dtype, refinement)
    assert strict.kernels > 140  # MODNet's parameters alone are 140


class ResizesBytesBilinearly(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        nchw = tensors.frame.permute(2, 0, 1)[None]
        F.interpolate(nchw, MATTE_SIZE[::-1], mode="bilinear")
        return super()._on_picture(tensors, matte)


class FeedsFloatsToHalfWeights(FramePath):
    def _mattes(self, views: Tensor) -> Tensor:
        self._dtype = torch.float32
        return super()._mattes(views)


class KeepsIndicesOnTheHost(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        AreaResize(FRAME_SIZE, MATTE_SIZE, CPU)(tensors.frame)
        return super()._on_picture(tensors, matte)


class TakesItsValueToTheHost(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return super()._on_picture(tensors, matte * matte.max().item())


class BranchesOnAValue(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        if matte.max() == 0:
            return tensors.picture.float()
        return super()._on_picture(tensors, matte)


class SelectsByMask(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        tensors.frame[matte[..., 0] > 0].sum()
        return super()._on_picture(tensors, matte)


class AssignsByMask(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        tensors.frame[matte[..., 0] > 0] = 0
        return super()._on_picture(tensors, matte)


class GoesByTheHost(FramePath):
    def _enlarge(self, picture: Tensor) -> Tensor:
        return super()._enlarge(picture.cpu()).to(picture.device)


class UploadsAConstant(FramePath):
    def _enlarge(self, picture: Tensor) -> Tensor:
        return super()._enlarge(picture) * torch.ones(1).to(picture.device, non_blocking=True)


class UploadsANumber(FramePath):
    def _enlarge(self, picture: Tensor) -> Tensor:
        return super()._enlarge(picture) * torch.tensor(1.0, device=picture.device)


class MixesDtypesInLerp(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return torch.lerp(tensors.picture.float(), tensors.frame.half(), matte)


class MixesBytesIntoLerp(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return torch.lerp(tensors.picture, tensors.frame, matte)


class ComputesInDouble(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return super()._on_picture(tensors, matte.double()).float()


class SumsInHalf(FramePath):
    def _mattes(self, views: Tensor) -> Tensor:
        views.half().sum(dim=(1, 2))
        return super()._mattes(views)


class UsesTwoGpus(FramePath):
    def _on_picture(self, tensors: FrameTensors, matte: Tensor) -> Tensor:
        return super()._on_picture(tensors, matte.to("cuda:1"))


PLANTED: list[tuple[type[FramePath], str]] = [
    (ResizesBytesBilinearly, "no kernel for integers"),
    (FeedsFloatsToHalfWeights, "should be the same"),
    (KeepsIndicesOnTheHost, "device"),
    (TakesItsValueToTheHost, "taken to the host"),
    (BranchesOnAValue, "taken to the host"),
    (SelectsByMask, "mask"),
    (AssignsByMask, "mask"),
    (GoesByTheHost, "more than one device"),
    (UploadsAConstant, "more than one device"),
    (UploadsANumber, "more than one device"),
    (MixesDtypesInLerp, "dtype"),
    (MixesBytesIntoLerp, "no kernel for integers"),
    (ComputesInDouble, "float64"),
    (SumsInHalf, "float16"),
    (UsesTwoGpus, "more than one device"),
]


@pytest.mark.parametrize(("planted", "complaint"), PLANTED)
def test_planted_mistakes_are_found(planted: type[FramePath], complaint: str) -> None:
    # Fake tensors find some themselves, and say so in a RuntimeError.
    with pytest.raises((RuleBrokenError, RuntimeError), match=complaint):
        render_strictly(planted, Compositing.PICTURE, torch.float16)


def test_sums_of_instance_norm_in_half_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(_self: IBNorm, x: Tensor) -> Tensor:
        return x - x.sum(dim=(2, 3), keepdim=True) / x[0, 0].numel()

    monkeypatch.setattr(IBNorm, "forward", forward)
    with pytest.raises(RuleBrokenError, match="float16"):
        render_strictly(FramePath, Compositing.TRANSPARENT, torch.float16)


class Composite:
    """The frame path on the CPU with a matte given, and what came out."""

    def __init__(
        self,
        compositing: Compositing,
        matte: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
        frame: Image,
        picture: Image,
        sigma: float = 3.0,
    ) -> None:
        class Given(FramePath):
            def _mattes(self, views: Tensor) -> Tensor:
                return torch.from_numpy(matte)[None]

        tensors = tensors_on(CPU, FRAME_SIZE)
        tensors.frame.copy_(torch.from_numpy(frame))
        tensors.picture.copy_(torch.from_numpy(picture))
        tensors.blur_taps.copy_(torch.from_numpy(taps(REDUCED_SIZE, sigma)))
        path = Given(FRAME_SIZE, FRAME_SIZE, MODNet().eval(), torch.float32, CPU, PLAIN)
        path.render(tensors, compositing)
        self.image: Image = tensors.image.numpy()
        self.alpha: Image = tensors.alpha.numpy()
        self.is_alpha = bool(tensors.is_alpha[0])


def ramp() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """0 in the left third, 1 in the right one, all values between."""
    across = np.linspace(-1, 2, FRAME_SIZE.width, dtype=np.float32).clip(0, 1)
    return np.tile(across, (FRAME_SIZE.height, 1))


def test_picture_is_the_weighted_sum_and_exact_at_both_ends() -> None:
    matte, frame, room = ramp(), frame_picture(), room_picture()
    out = Composite(Compositing.PICTURE, matte, frame, room)
    weight = matte.astype(np.float64)[..., None]
    expected = np.where(out.alpha[..., None] > 0, weight * frame + (1 - weight) * room, room)
    assert np.abs(out.image - expected).max() <= 0.5 + 1e-3
    assert (out.image[matte == 1] == frame[matte == 1]).all()
    assert (out.image[out.alpha == 0] == room[out.alpha == 0]).all()
    np.testing.assert_array_equal(out.alpha, np.rint(255 * matte))


def test_less_than_half_a_level_of_the_person_shows_nothing_of_them() -> None:
    matte = np.full(FRAME_SIZE[::-1], 0.499999 / 255, np.float32)
    frame = np.zeros((*FRAME_SIZE[::-1], 3), np.uint8)
    white = np.full_like(frame, 255)
    assert (Composite(Compositing.PICTURE, matte, frame, white).image == 255).all()


def test_transparent_is_the_frame_where_the_person_is_and_0_where_nobody_is() -> None:
    matte, frame = ramp(), frame_picture()
    out = Composite(Compositing.TRANSPARENT, matte, frame, room_picture())
    assert not out.image[out.alpha == 0].any()
    np.testing.assert_array_equal(out.image[matte == 1], frame[matte == 1])


@pytest.mark.parametrize("sigma_pixels", [4.0, 20.0, 100.0])
def test_blur_is_the_cpus(sigma_pixels: float) -> None:
    frame = frame_picture()
    matte = (np.rint(255 * ramp()) / 255).astype(np.float32)
    sigma = Blur(sigma_pixels).reduced_sigma(FRAME_SIZE)
    out = Composite(Compositing.BLUR, matte, frame, room_picture(), sigma)
    room = np.empty_like(frame)
    RoomBlur(FRAME_SIZE).blur(frame, out.alpha, sigma, room)
    weight = matte[..., None]
    expected = weight * frame + (1 - weight) * room
    # The CPU rounds at each size.
    assert np.abs(out.image - expected).max() < 3
    assert np.abs(out.image - expected).mean() < 0.6


def test_blur_keeps_the_persons_colour_out_of_the_room() -> None:
    matte = np.zeros(FRAME_SIZE[::-1], np.float32)
    matte[:, FRAME_SIZE.width // 2 :] = 1
    frame = np.zeros((*FRAME_SIZE[::-1], 3), np.uint8)
    frame[matte == 1] = (0, 0, 255)
    frame[matte == 0] = (200, 0, 0)
    out = Composite(Compositing.BLUR, matte, frame, room_picture(), sigma=5.0)
    assert (out.image[matte == 0] == (200, 0, 0)).all()


@pytest.mark.parametrize("compositing", Compositing)
@pytest.mark.parametrize("value", [np.nan, np.inf, 255, -1])
def test_a_matte_that_is_no_alpha_is_reported(compositing: Compositing, value: float) -> None:
    matte = np.zeros(FRAME_SIZE[::-1], np.float32)
    assert Composite(compositing, matte, frame_picture(), room_picture()).is_alpha
    matte[3, 4] = value
    assert not Composite(compositing, matte, frame_picture(), room_picture()).is_alpha


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Size(1280, 720), Size(512, 288)),
        (Size(854, 480), Size(512, 288)),
        (Size(640, 480), Size(160, 120)),
        (Size(101, 67), Size(26, 17)),
        (Size(64, 48), Size(64, 48)),
    ],
)
def test_area_resize_is_opencvs(source: Size, target: Size) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (source.height, source.width, 3), np.uint8)
    ours = AreaResize(source, target, CPU)(torch.from_numpy(picture)).numpy()
    theirs = cv2.resize(picture.astype(np.float32), target, interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_a_side_that_grows_is_interpolated() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    ours = AreaResize(Size(32, 24), Size(96, 64), CPU)(torch.from_numpy(picture)).numpy()
    theirs = cv2.resize(picture.astype(np.float32), (96, 64), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_network_sees_rgb_from_minus_1_to_1_in_its_fastest_layout(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    seen: list[Tensor] = []

    def look(_network: MODNet, pixels: Tensor) -> Tensor:
        seen.append(pixels.clone(memory_format=torch.preserve_format))
        return pixels[:, :1]

    monkeypatch.setattr(MODNet, "forward", look)
    path = FramePath(FRAME_SIZE, MATTE_SIZE, MODNet().eval(), dtype, CPU, PLAIN)
    tensors = tensors_on(CPU)
    tensors.frame.copy_(torch.tensor([0, 51, 255]))  # blue, green, red
    path.render(tensors, Compositing.TRANSPARENT)
    (pixels,) = seen
    assert pixels.shape == (1, 3, MATTE_SIZE.height, MATTE_SIZE.width)
    assert pixels.dtype == dtype
    assert pixels.stride(1) == 1  # channels_last
    expected = torch.tensor([1.0, -0.6, -1.0])
    torch.testing.assert_close(pixels[0, :, 0, 0].float(), expected, atol=1e-3, rtol=0)


def test_the_callers_network_is_left_alone() -> None:
    network = MODNet().eval()
    FramePath(FRAME_SIZE, MATTE_SIZE, network, torch.float16, CPU, PLAIN)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
