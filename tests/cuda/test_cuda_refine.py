"""The refinement on the GPU, in PyTorch on the CPU, against the one that OpenCV does.

People and rooms are the demo's, and mattes the network's, unless a test draws its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.background import Background, Blur, Picture, Transparent
from livematte.backgrounds.solid import solid
from livematte.frame import Frame, Image, Size
from livematte.matting import room_blur
from livematte.matting.cells import Matte
from livematte.matting.colours import estimate_foreground
from livematte.matting.composite import Compositor
from livematte.matting.enlarge import MatteEnlarger
from livematte.matting.sameness import BANDS, CELL, noise_by_band
from livematte.matting.shrink import shrink
from livematte.matting.steady import Refiner, View, move_edge, take_out_islands
from livematte.network import weights
from livematte.network.modnet import MODNet, load_modnet
from livematte.network.size import PIXEL_MEAN, PIXEL_SCALE, network_size
from livematte.options.refinement import DEFAULT, MARGINS, PLAIN, Refinement
from livematte.options.rendering import CUDA, RenderOptions
from livematte.render.cuda import backend
from livematte.render.cuda import renderer as cuda
from livematte.render.cuda import sameness as cuda_sameness
from livematte.render.cuda.area import AreaResize
from livematte.render.cuda.box import BoxBlur, box_blur_within
from livematte.render.cuda.colours import CudaColours
from livematte.render.cuda.edges import CudaEdges
from livematte.render.cuda.frame import Compositing, FramePath, FrameTensors
from livematte.render.cuda.renderer import CudaRenderer
from livematte.render.cuda.steady import CudaRefiner, with_edge_moved, without_islands
from livematte.render.opening import open_renderer
from livematte.render.torch_cpu.renderer import TorchRenderer
from livematte.sources import Demo
from tests.render.changes import CHANGES, as_opened_with_it

from . import pictures
from .simulation import Log, simulated_cuda

CPU: Final = torch.device("cpu")
SIZE: Final = Size(480, 270)
MATTE_SIZE: Final = network_size(SIZE, 160)
FRAMES: Final = 7

EVERYTHING: Final = replace(DEFAULT, margin=-3, light_wrap=0.6)
ROOM: Final = solid("#ffd070")
BACKGROUNDS: Final[list[Background]] = [ROOM, Blur(20), Transparent()]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors are quicker by far on one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def images() -> list[Image]:
    """Frames of the demo far enough apart that the person moves a pixel or two."""
    with Demo(SIZE, realtime=False) as demo:
        return [frame.image.copy() for frame in islice(demo.frames(), 0, 4 * FRAMES, 4)]


@pytest.fixture(scope="module")
def modnet() -> MODNet:
    return load_modnet(weights.fold(weights.read(weights.find("photographic"))))


Say = Callable[[Image], Matte]


@pytest.fixture(scope="module")
def say(modnet: MODNet) -> Say:
    """What the network says of a frame at its size, uint8 BGR (h, w, 3)."""
    known: dict[bytes, Matte] = {}

    def matte_of(pixels: Image) -> Matte:
        key = pixels.tobytes()
        if key not in known:
            rgb = torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1)[None]
            with torch.no_grad():
                known[key] = modnet((rgb - PIXEL_MEAN) / PIXEL_SCALE)[0, 0].numpy()
        return known[key].copy()

    return matte_of


def small(image: Image) -> Image:
    pixels = np.empty((MATTE_SIZE.height, MATTE_SIZE.width, 3), np.uint8)
    shrink(image, pixels)
    return pixels


def by_opencv(refiner: Refiner, pixels: Image, say: Say) -> tuple[Matte, list[bool]]:
    views = []
    for is_mirrored in refiner.next_views(pixels):
        seen = np.ascontiguousarray(pixels[:, ::-1]) if is_mirrored else pixels
        views.append(View(seen, say(seen), is_mirrored))
    return refiner.refine(views)[0], [view.is_mirrored for view in views]


def by_torch(refiner: CudaRefiner, pixels: Image, say: Say) -> tuple[Matte, list[bool]]:
    shown = torch.from_numpy(pixels).float()
    views = [view.numpy().astype(np.uint8) for view in refiner.views(shown)]
    mattes = torch.from_numpy(np.stack([say(view) for view in views]))
    refined: Matte = refiner.refine(mattes, shown).numpy().copy()
    return refined, [not np.array_equal(view, pixels) for view in views]


# At the network's size.


@pytest.mark.parametrize(
    "refinement",
    [
        PLAIN,
        replace(PLAIN, steady=True),
        replace(PLAIN, both_views=True),
        replace(PLAIN, steady=True, both_views=True),
        replace(PLAIN, islands=True),
        replace(DEFAULT, margin=8),
        replace(DEFAULT, margin=-3),
    ],
    ids=repr,
)
def test_mattes_of_a_sequence_are_refined_as_on_the_cpu(
    images: list[Image], say: Say, refinement: Refinement
) -> None:
    ours, theirs = CudaRefiner(MATTE_SIZE, refinement, CPU), Refiner(refinement)
    for image in images:
        pixels = small(image)
        refined, shown = by_torch(ours, pixels, say)
        expected, expected_shown = by_opencv(theirs, pixels, say)
        assert shown == expected_shown
        # OpenCV compares looks in whole levels.
        assert np.abs(refined - expected).mean() < 2e-4
        assert refined.min() >= 0
        assert refined.max() <= 1


@pytest.mark.parametrize(("gain", "haze", "noise"), [(0.15, 0, 0), (0.12, 110, 1), (0.25, 0, 5)])
def test_faint_and_noisy_pictures_are_judged_as_on_the_cpu(
    images: list[Image], say: Say, gain: float, haze: float, noise: float
) -> None:
    random, steady = np.random.default_rng(8), replace(PLAIN, steady=True)
    ours, theirs = CudaRefiner(MATTE_SIZE, steady, CPU), Refiner(steady)
    for index in range(2 * FRAMES):
        image = images[max(0, index - FRAMES)]
        lit = gain * small(image) + haze + random.normal(0, noise, (*MATTE_SIZE[::-1], 3))
        pixels = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
        matte = say(small(image))
        shown = torch.from_numpy(pixels).float()
        assert theirs.next_views(pixels) == (False,)
        assert torch.equal(ours.views(shown)[0], shown)
        refined = ours.refine(torch.from_numpy(matte)[None], shown).numpy()
        expected, _ = theirs.refine([View(pixels, matte, is_mirrored=False)])
        assert np.abs(refined - expected).mean() < 5e-4


@pytest.mark.parametrize("moving", [0, 30, 60])
def test_noise_is_that_of_what_stands_still(moving: int) -> None:
    """Of each brightness, though a part of the picture moves, and a part is black."""
    random = np.random.default_rng(moving)
    band = np.sort(random.integers(0, BANDS, (64, 112)), axis=0).astype(np.uint8)
    sigma = 0.1 * band
    change = np.abs(random.normal(0, 1, (64, 112, 3))).max(axis=2) * sigma
    change[:, :moving] += 20
    change = change.astype(np.float32)
    theirs = noise_by_band(change, band)
    ours = cuda_sameness.noise_by_band(torch.from_numpy(change), torch.from_numpy(band).long())
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert theirs[0] == 0
    for each in range(2, 5):
        assert 0.5 < theirs[each] / (0.1 * each) < 2


def test_a_steady_matte_is_the_mean_where_the_picture_stands_still_and_new_elsewhere() -> None:
    refiner = CudaRefiner(Size(64, 32), replace(PLAIN, steady=True), CPU)
    pixels = torch.full((32, 64, 3), 90.0)
    refined = torch.zeros(32, 64)
    for number in range(4):
        pixels[:, 40:] = 40.0 * number  # the right moves
        refiner.views(pixels)
        refined = refiner.refine(torch.full((1, 32, 64), 0.1 + 0.2 * number), pixels)
    torch.testing.assert_close(refined[:, :30], torch.full((32, 30), 0.4))
    torch.testing.assert_close(refined[:, 45:], torch.full((32, 19), 0.7))


def test_every_second_frame_is_shown_in_the_mirror_and_turned_back() -> None:
    refiner = CudaRefiner(Size(64, 32), replace(PLAIN, steady=True), CPU)
    pixels = 4 * torch.arange(64.0)[None, :, None].expand(32, 64, 3)
    shown = []
    for _ in range(4):
        (view,) = refiner.views(pixels)
        shown.append(int(view[0, 0, 0]))
        refined = refiner.refine(view[None, ..., 0] / 256, pixels)
        torch.testing.assert_close(refined, pixels[..., 0] / 256)
    assert shown == [0, 252, 0, 252]


def test_what_is_no_number_is_not_remembered() -> None:
    refiner = CudaRefiner(Size(64, 32), DEFAULT, CPU)
    pixels = torch.full((32, 64, 3), 90.0)
    for value in (0.5, float("nan"), 0.5):
        refiner.views(pixels)
        refined = refiner.refine(torch.full((1, 32, 64), value), pixels)
    torch.testing.assert_close(refined, torch.full((32, 64), 0.5))


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("refinement", [DEFAULT, replace(DEFAULT, both_views=True)])
def test_a_matte_of_all_or_nothing_is_passed_on_and_forgotten(
    refinement: Refinement, level: float
) -> None:
    refiner = CudaRefiner(Size(64, 32), refinement, CPU)
    pixels = torch.full((32, 64, 3), 90.0)
    for value in (0.5, level, 0.5):
        mattes = torch.full((len(refiner.views(pixels)), 32, 64), 0.5)
        mattes[-1] = value  # of two views the second
        refined = refiner.refine(mattes, pixels)
        torch.testing.assert_close(refined, torch.full((32, 64), value))


def lamp_scene(index: int) -> tuple[Image, Matte, Matte]:
    """Someone beside a lamp that comes and goes in either view: picture, matte, mirrored matte."""
    rng = np.random.default_rng(4)
    behind = rng.integers(40, 200, (12, 20, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    plain, lamp = np.zeros((96, 160), np.float32), np.s_[20:44, 110:140]
    plain[24:, 16 + index // 4 : 80] = 1
    plain[52:60, 40:52] = 0.3 if index % 5 == 3 else 1.0
    mirrored = plain.copy()
    plain[lamp] = (0.9, 0.9, 0.0, 0.4, 0.2, 1.0, 1.0)[index % 7]
    mirrored[lamp] = 0.0 if index > 60 else (0.9, 1.0, 0.7)[index % 3]
    if index % 9 == 8:
        behind[20:44, 110:120] = 255 - behind[20:44, 110:120]
    return behind, plain, mirrored


@pytest.mark.parametrize("islands", [False, True])
def test_memory_and_the_mirror_are_tied_to_people_as_on_the_cpu(islands: bool) -> None:
    refinement = replace(PLAIN, steady=True, islands=islands)
    ours, theirs = CudaRefiner(Size(160, 96), refinement, CPU), Refiner(refinement)
    turns = []
    for index in range(120):
        pixels, plain, mirrored = lamp_scene(index)
        shown = torch.from_numpy(pixels).float()
        (view,) = ours.views(shown)
        is_mirrored = not np.array_equal(view.numpy(), pixels)
        turns.append(is_mirrored)
        assert theirs.next_views(pixels) == (is_mirrored,)
        said = np.ascontiguousarray(mirrored[:, ::-1]) if is_mirrored else plain
        refined = ours.refine(torch.from_numpy(said)[None], shown).numpy()
        seen = np.ascontiguousarray(pixels[:, ::-1]) if is_mirrored else pixels
        expected, _ = theirs.refine([View(seen, said, is_mirrored)])
        assert np.abs(refined - expected).mean() < 2e-4
    assert 2 <= sum(turns) < 40  # as they dispute, but not for ever


def islands_and_snake() -> Matte:
    """A person, a speck far away, a diagonal snake from the person, and a doubt and a hole."""
    matte = np.zeros((96, 160), np.float32)
    matte[36:, 30:80] = 1
    matte[4:9, 140:150] = 0.9  # a speck
    for step in range(9):  # cells that touch by their corners, from the person to the upper edge
        row, column = 36 - CELL * (step + 1), 80 + CELL * step
        matte[row : row + CELL, column : column + CELL] = 0.5
    matte[60:68, 40:48] = 0.6  # a doubt within the person
    matte[60:72, 60:72] = 0.1  # a hole, and a rim around it
    return matte


def without_islands_by_torch(matte: Matte, said: Matte) -> Matte:
    mattes = without_islands(torch.from_numpy(matte)[None], torch.from_numpy(said))
    settled: Matte = mattes[0].numpy()
    return settled


def without_islands_by_opencv(matte: Matte) -> Matte:
    settled = matte.copy()
    take_out_islands(settled, matte)
    return settled


def test_islands_are_taken_out_and_a_snake_is_kept() -> None:
    matte = islands_and_snake()
    settled = without_islands_by_torch(matte, matte)
    np.testing.assert_array_equal(settled, without_islands_by_opencv(matte))
    assert not settled[4:9, 140:150].any()
    assert settled[2, 114] == 0.5  # the snake's head
    assert (settled[60:68, 40:48] == 1).all()
    assert settled[65, 65] == np.float32(0.1)


def test_what_is_new_in_what_the_network_says_is_a_person_as_on_the_cpu() -> None:
    said = islands_and_snake()
    remembered = 0.7 * said
    expected = remembered.copy()
    take_out_islands(expected, said)
    assert (expected != remembered).any()
    settled = without_islands_by_torch(remembered, said)
    np.testing.assert_array_equal(settled, expected)


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 6, 7])  # the others have no islands
def test_islands_of_any_shape_are_those_of_the_cpu(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(128, 224)).astype(np.float32), (0, 0), 6)
    matte = np.clip(0.5 + 12 * noise, 0, 1).astype(np.float32)
    expected = without_islands_by_opencv(matte)
    assert (expected != matte).any()
    settled = without_islands_by_torch(matte, matte)
    np.testing.assert_array_equal(settled, expected)


def test_nothing_is_taken_out_where_nobody_is_sure_to_be() -> None:
    matte = islands_and_snake()
    matte[36:, 30:80] *= 0.8
    np.testing.assert_array_equal(without_islands_by_torch(matte, matte), matte)


@pytest.mark.parametrize("margin", [margin for margin in MARGINS if margin])
def test_the_edge_goes_where_it_goes_on_the_cpu(images: list[Image], say: Say, margin: int) -> None:
    matte = say(small(images[0]))
    moved = with_edge_moved(torch.from_numpy(matte), margin).numpy()
    np.testing.assert_allclose(moved, move_edge(matte, margin), atol=1e-6)
    assert (moved.mean() > matte.mean()) == (margin > 0)


# Blurs.


@pytest.mark.parametrize("radius", [1, 3, 9])
@pytest.mark.parametrize(
    ("border", "theirs"), [("reflect", cv2.BORDER_REFLECT_101), ("edge", cv2.BORDER_REPLICATE)]
)
def test_box_blur_is_opencvs(radius: int, border: Any, theirs: int) -> None:
    picture = np.random.default_rng(0).random((8, 17), np.float32)  # less high than the window
    ours = BoxBlur(Size(17, 8), radius, border, CPU)(torch.from_numpy(picture)[None])[0]
    side = (2 * radius + 1, 2 * radius + 1)
    np.testing.assert_allclose(ours, cv2.blur(picture, side, borderType=theirs), atol=1e-6)


def test_box_blur_with_nothing_beyond_the_border_is_opencvs() -> None:
    picture = np.random.default_rng(0).random((8, 17), np.float32)
    ours = box_blur_within(torch.from_numpy(picture)[None], 3)[0]
    theirs = cv2.blur(picture, (7, 7), borderType=cv2.BORDER_CONSTANT)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


# At the frame's size.


def test_edges_are_those_of_the_cpu(images: list[Image], say: Say) -> None:
    enlarged = {edges: np.empty((SIZE.height, SIZE.width), np.uint8) for edges in (True, False)}
    ours = CudaEdges(SIZE, MATTE_SIZE, CPU)
    for image in images[::3]:
        pixels = small(image)
        matte = say(pixels)
        for edges, alpha in enlarged.items():
            MatteEnlarger(SIZE, edges=edges).enlarge(matte, pixels, image, alpha)
        seen, frame = torch.from_numpy(pixels).float(), torch.from_numpy(image)
        alpha = 255 * ours.enlarge(torch.from_numpy(matte), seen, frame)[..., 0].numpy()
        # Rounding to whole levels is a quarter of one on average, where alpha is soft.
        assert np.abs(alpha - enlarged[True]).mean() < 255 * 2e-4
        assert np.abs(alpha - enlarged[False].astype(float)).mean() > 255 * 8e-4


def soft_alpha(image: Image, say: Say) -> Image:
    matte = cv2.resize(say(small(image)), SIZE, interpolation=cv2.INTER_LINEAR)
    return cv2.convertScaleAbs(matte, alpha=255).astype(np.uint8)


def test_colours_are_those_of_the_cpu(images: list[Image], say: Say) -> None:
    image = images[0]
    alpha = soft_alpha(image, say)
    matte = torch.from_numpy(alpha / np.float32(255))[..., None]
    ours = CudaColours(SIZE, CPU).estimate(torch.from_numpy(image), matte).round().numpy()
    soft = (alpha > 12) & (alpha < 243)
    theirs = estimate_foreground(image, alpha)
    # The CPU rounds the reduced copies to whole levels, from which both extrapolate.
    assert np.abs(ours - theirs)[soft].mean() < 2
    assert np.abs(ours - image.astype(float))[soft].mean() > 8
    np.testing.assert_array_equal(ours[alpha == 255], image[alpha == 255])


def frame_tensors(
    image: Image, background: Background, matte_size: Size = MATTE_SIZE, light_wrap: float = 0.0
) -> FrameTensors:
    size = Size.of(image)
    picture, taps = torch.zeros(1), torch.zeros(1)
    if isinstance(background, Picture):
        picture = torch.from_numpy(background.picture_at(size, 0.0))
    elif isinstance(background, Blur):
        sigma = background.reduced_sigma(size)
        taps = torch.from_numpy(room_blur.taps(Blur.reduced_size(size), sigma))
    frame = torch.from_numpy(image)
    return FrameTensors(
        frame,
        picture,
        taps,
        torch.empty_like(frame),
        torch.empty_like(frame[..., 0]),
        torch.zeros(1, dtype=torch.bool),
        torch.tensor([light_wrap]),
        torch.empty(matte_size.height, matte_size.width, 3, dtype=torch.uint8),
        torch.empty(matte_size.height, matte_size.width, dtype=torch.uint8),
        torch.empty(1, dtype=torch.uint8),
    )


def kind_of(background: Background) -> Compositing:
    if isinstance(background, Picture):
        return Compositing.PICTURE
    return Compositing.BLUR if isinstance(background, Blur) else Compositing.TRANSPARENT


@pytest.mark.parametrize("background", BACKGROUNDS, ids=lambda each: each.description)
@pytest.mark.parametrize("light_wrap", [0.0, 0.7])
@pytest.mark.parametrize("colours", [False, True])
def test_composites_are_those_of_the_cpu(
    images: list[Image], say: Say, background: Background, light_wrap: float, colours: bool
) -> None:
    image = images[0]
    given = soft_alpha(image, say)

    class Given(FramePath):
        def _mattes(self, views: Tensor) -> Tensor:
            return torch.from_numpy(given / np.float32(255))[None]

    refinement = replace(PLAIN, colours=colours, light_wrap=light_wrap)
    path = Given(SIZE, SIZE, MODNet().eval(), torch.float32, CPU, refinement)
    tensors = frame_tensors(image, background, SIZE, light_wrap)
    path.render(tensors, kind_of(background))
    ours, alpha = tensors.image.numpy(), tensors.alpha.numpy()
    np.testing.assert_array_equal(alpha, given)

    theirs = np.empty_like(image)
    compositor = Compositor(SIZE, colours=colours, light_wrap=light_wrap)
    compositor.compose(Frame(image, 0, 0, 0), given, background, theirs)
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.mean() < 0.25
    estimated = colours or isinstance(background, Transparent)
    assert difference[(alpha > 0) & (alpha < 255)].mean() < (2 if estimated else 1)
    if isinstance(background, Picture):
        behind = background.picture_at(SIZE, 0.0)
        np.testing.assert_array_equal(ours[alpha == 0], behind[alpha == 0])
    elif isinstance(background, Transparent):
        assert not ours[alpha == 0].any()


def test_light_falls_on_the_edge_alone(images: list[Image], say: Say) -> None:
    given = soft_alpha(images[0], say)

    class Given(FramePath):
        def _mattes(self, views: Tensor) -> Tensor:
            return torch.from_numpy(given / np.float32(255))[None]

    lit, unlit = (frame_tensors(images[0], ROOM, SIZE, each) for each in (0.7, 0.0))
    for tensors, strength in ((lit, 0.7), (unlit, 0.0)):
        refinement = replace(PLAIN, light_wrap=strength)
        path = Given(SIZE, SIZE, MODNet().eval(), torch.float32, CPU, refinement)
        path.render(tensors, Compositing.PICTURE)
    brighter = lit.image.numpy().astype(int) - unlit.image.numpy()
    inside = cv2.erode(given, np.ones((61, 61), np.uint8)) == 255
    soft = (given > 100) & (given < 200)
    assert inside.any()
    assert not brighter[inside].any()
    assert brighter[soft].mean() > 5


# The whole of it.


@pytest.mark.parametrize("refinement", [DEFAULT, replace(EVERYTHING, both_views=True)], ids=repr)
def test_frames_of_a_sequence_are_those_of_the_cpus_renderer(
    images: list[Image], modnet: MODNet, refinement: Refinement
) -> None:
    reference = TorchRenderer(SIZE, MATTE_SIZE, modnet, refinement)
    path = FramePath(SIZE, MATTE_SIZE, modnet, torch.float32, CPU, refinement)
    for index, image in enumerate(images):
        background = BACKGROUNDS[index % 3]
        tensors = frame_tensors(image, background, light_wrap=refinement.light_wrap)
        path.render(tensors, kind_of(background))
        assert reference.submit(Frame(image, index, 0, index / 30), background)
        expected = reference.collect(1.0)
        assert expected is not None
        alpha = tensors.alpha.numpy().astype(int)
        assert np.abs(alpha - expected.alpha).mean() < 255 * 1e-3
        assert np.abs(tensors.image.numpy().astype(int) - expected.image).mean() < 1


def test_with_all_parts_off_the_matte_is_the_networks_enlarged(
    images: list[Image], modnet: MODNet
) -> None:
    path = FramePath(SIZE, MATTE_SIZE, modnet, torch.float32, CPU, PLAIN)
    for image in images[:3]:
        tensors = frame_tensors(image, ROOM)
        path.render(tensors, Compositing.PICTURE)
        bgr = AreaResize(SIZE, MATTE_SIZE, CPU)(tensors.frame).permute(2, 0, 1)
        with torch.no_grad():
            matte = modnet((bgr.flip(0)[None] - PIXEL_MEAN) / PIXEL_SCALE)
        enlarged = F.interpolate(matte, (SIZE.height, SIZE.width), mode="bilinear")[0, 0]
        difference = tensors.alpha.float() - 255 * enlarged
        assert difference.abs().max() < 0.51


@pytest.mark.parametrize("refinement", [EVERYTHING, replace(EVERYTHING, both_views=True)], ids=repr)
def test_graphs_begin_without_a_past_and_share_one(network: MODNet, refinement: Refinement) -> None:
    """To the last bit what the frame path makes of these frames, that has captured nothing."""
    with simulated_cuda(capability=(6, 1)) as device:
        opened = CudaRenderer(
            "cuda",
            pictures.FRAME_SIZE,
            pictures.MATTE_SIZE,
            network,
            cuda=device,
            refinement=refinement,
            guard=pictures.TRUSTING,
        )
    device.log = Log()
    path = FramePath(
        pictures.FRAME_SIZE, pictures.MATTE_SIZE, network, torch.float32, CPU, refinement
    )
    waiting: list[FrameTensors] = []

    def collect_one() -> None:
        rendered = opened.collect(timeout_seconds=20)
        assert rendered is not None
        expected = waiting.pop(0)
        np.testing.assert_array_equal(rendered.alpha, expected.alpha.numpy())
        np.testing.assert_array_equal(rendered.image, expected.image.numpy())

    # Frames that move a little, for a past to matter; in more slots and kinds than one.
    still, other = pictures.frame_picture(0), pictures.frame_picture(1)
    for index in range(8):
        image = cv2.addWeighted(still, 1 - index / 100, other, index / 100, 0).astype(np.uint8)
        background = BACKGROUNDS[index % 3]
        tensors = frame_tensors(
            image, background, pictures.MATTE_SIZE, light_wrap=refinement.light_wrap
        )
        path.render(tensors, kind_of(background))
        waiting.append(tensors)
        if len(waiting) > opened.depth:
            collect_one()
        assert opened.submit(Frame(image, index, 0, 0), background)
    while waiting:
        collect_one()
    assert device.log.replays == 8
    assert not device.log.waits
    assert not device.log.kernels
    assert not device.log.allocations
    assert not device.executor.races


def test_a_refinement_holds_from_its_frame_on(network: MODNet) -> None:
    """To the last bit what a frame path that was made with it makes of these frames."""
    refinements = CHANGES["a little of all"]
    still, other = pictures.frame_picture(0), pictures.frame_picture(1)
    frames = [
        cv2.addWeighted(still, 1 - index / 100, other, index / 100, 0).astype(np.uint8)
        for index in range(len(refinements))
    ]

    def opened_with(refinement: Refinement) -> Callable[[Image], FrameTensors]:
        path = FramePath(
            pictures.FRAME_SIZE, pictures.MATTE_SIZE, network, torch.float32, CPU, refinement
        )

        def render(image: Image) -> FrameTensors:
            tensors = frame_tensors(image, ROOM, pictures.MATTE_SIZE, refinement.light_wrap)
            path.render(tensors, Compositing.PICTURE)
            return tensors

        return render

    expected = list(as_opened_with_it(refinements, frames, opened_with))
    with simulated_cuda(capability=(6, 1)) as device:
        opened = CudaRenderer(
            "cuda",
            pictures.FRAME_SIZE,
            pictures.MATTE_SIZE,
            network,
            cuda=device,
            refinement=refinements[0],
            guard=pictures.TRUSTING,
        )
        submitted = 0
        for wanted in expected:
            while submitted < len(frames) and opened.submit(
                Frame(frames[submitted], submitted, 0, 0), ROOM, refinements[submitted]
            ):
                submitted += 1
            rendered = opened.collect(timeout_seconds=20)
            assert rendered is not None
            np.testing.assert_array_equal(rendered.alpha, wanted.alpha.numpy())
            np.testing.assert_array_equal(rendered.image, wanted.image.numpy())
    assert not device.executor.races


def test_light_wrap_grows_without_another_graph(network: MODNet) -> None:
    """As a slider moves it, with every frame."""
    with simulated_cuda(capability=(6, 1)) as device:
        opened = CudaRenderer(
            "cuda",
            pictures.FRAME_SIZE,
            pictures.MATTE_SIZE,
            network,
            cuda=device,
            refinement=replace(PLAIN, light_wrap=0.1),
            guard=pictures.TRUSTING,
        )
    device.log = Log()
    seen = []
    for index in range(6):
        refinement = replace(PLAIN, light_wrap=0.1 + index / 10)
        frame = Frame(pictures.frame_picture(0), index, 0, 0)
        assert opened.submit(frame, ROOM, refinement)
        picture = opened.collect(timeout_seconds=20)
        assert picture is not None
        seen.append(float(picture.image.mean()))
    assert seen == sorted(set(seen))
    assert not device.log.waits
    assert not device.log.allocations
    assert not device.log.kernels


def test_the_renderer_that_is_opened_refines_as_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Refinement] = []

    def note(*_: object, refinement: Refinement, **__: object) -> SimpleNamespace:
        given.append(refinement)
        return SimpleNamespace()

    monkeypatch.setattr(backend, "driver_problem", lambda: None)
    monkeypatch.setattr(cuda, "cuda_problem", lambda _device: None)
    monkeypatch.setattr(cuda, "CudaRenderer", note)
    open_renderer(RenderOptions(CUDA, matte_short_side=224, refinement=EVERYTHING), SIZE)
    assert given == [EVERYTHING]
