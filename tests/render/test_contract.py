"""What every renderer promises, whatever it runs on. PyTorch's on the CPU are the reference."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice, product
from typing import Final

import cv2
import numpy as np
import pytest

from livematte.background import Background, Picture, Transparent
from livematte.backgrounds.parse import parse
from livematte.errors import RenderError
from livematte.frame import Frame, Image, Rendered, Size
from livematte.matting.colours import estimate_foreground
from livematte.network import weights
from livematte.network.modnet import load_modnet
from livematte.network.size import network_size
from livematte.options.refinement import DEFAULT, PLAIN, QUALITIES, Refinement
from livematte.options.rendering import Device, RenderOptions
from livematte.render.cuda.renderer import CudaRenderer
from livematte.render.fake import FakeRenderer
from livematte.render.opening import open_renderer
from livematte.render.renderer import Renderer
from livematte.render.torch_cpu.renderer import TorchRenderer
from livematte.sources import Demo
from tests.cuda.simulation import simulated_cuda
from tests.render.changes import CHANGES, as_opened_with_it

SIZE: Final = Size(640, 360)
SHORT_SIDE: Final = 224
REFINED_SHORT_SIDE: Final = 160
"""Of refined renderers, which do as much again for every frame, but not with the network."""
SMALL: Final = Size(320, 180)
LARGE: Final = Size(1920, 1080)
PATIENCE_SECONDS: Final = 20.0


def open_on(device: str, precision: str = "auto") -> Renderer:
    return open_renderer(
        RenderOptions(
            Device.parse(device), precision, matte_short_side=SHORT_SIDE, refinement=PLAIN
        ),
        SIZE,
    ).renderer


def open_refined(
    device: str, precision: str, *, size: Size = SIZE, refinement: Refinement = DEFAULT
) -> Renderer:
    return open_renderer(
        RenderOptions(
            Device.parse(device),
            precision,
            matte_short_side=REFINED_SHORT_SIDE,
            refinement=refinement,
        ),
        size,
    ).renderer


REFINED: Final = {
    "torch refined": ("torch:cpu", "fp32"),
    "openvino fp32 refined": ("cpu", "fp32"),
    "openvino int8 refined": ("cpu", "int8"),
}
"""Kinds whose mattes depend on the frames before, and whose soft pixels hold other colours."""


@contextmanager
def simulated_cuda_renderer() -> Iterator[Renderer]:
    """The CUDA renderer on CUDA's rules and the CPU's arithmetic; see `tests.cuda.simulation`.

    Refined it is held to the CPU's in `tests.cuda.test_cuda_refine`, because it is slow here.

    It says that it is a card on which float16 is slow, because it is even slower here.
    """
    state = weights.fold(weights.read(weights.find("photographic")))
    with simulated_cuda(capability=(6, 1)) as cuda:
        matte_size = network_size(SIZE, SHORT_SIDE)
        yield CudaRenderer("cuda:0", SIZE, matte_size, load_modnet(state), cuda, refinement=PLAIN)


MAKERS: Final[dict[str, Callable[[], AbstractContextManager[Renderer]]]] = {
    "fake": lambda: nullcontext(FakeRenderer(SIZE)),
    "torch": lambda: nullcontext(open_on("torch:cpu")),
    "openvino fp32": lambda: nullcontext(open_on("cpu", "fp32")),
    "openvino int8": lambda: nullcontext(open_on("cpu", "int8")),
    **{
        kind: lambda wish=wish: nullcontext(open_refined(*wish))  # type: ignore[misc]
        for kind, wish in REFINED.items()
    },
    "simulated cuda": simulated_cuda_renderer,
    "cuda": lambda: nullcontext(open_on("cuda")),
}

TOLERANCES: Final = {
    "torch": 0.0,
    "openvino fp32": 1e-5,
    "openvino int8": 4e-3,
    "simulated cuda": 1e-4,
    "cuda": 2e-3,
}
"""By how much a renderer's alpha may differ from the reference's, in [0, 1], on average."""


@pytest.fixture(
    params=[pytest.param(each, marks=[pytest.mark.gpu] * (each == "cuda")) for each in MAKERS],
    scope="module",
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def renderer(kind: str) -> Iterator[Renderer]:
    """One renderer for many tests; each of them collects all that it submits."""
    with MAKERS[kind]() as opened:
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def images() -> list[Image]:
    """Four moments of the demo, so that people and rooms differ."""
    with Demo(SIZE, realtime=False) as demo:
        return [frame.image.copy() for frame in islice(demo.frames(), 0, 64, 16)]


def make_frame(image: Image, index: int = 0) -> Frame:
    return Frame(image, index, captured_seconds=100.0 + index, media_seconds=index / 30)


def copy_of(picture: Rendered) -> Rendered:
    return Rendered(
        picture.image.copy(),
        picture.alpha.copy(),
        picture.index,
        picture.captured_seconds,
        picture.media_seconds,
        picture.transparent,
    )


def render(renderer: Renderer, frame: Frame, background: Background) -> Rendered:
    assert renderer.submit(frame, background)
    picture = renderer.collect(PATIENCE_SECONDS)
    assert picture is not None
    return picture


@pytest.mark.parametrize("text", ["navy", "blur:20", "transparent"])
def test_a_picture_bears_the_marks_of_its_frame(
    renderer: Renderer, images: list[Image], text: str
) -> None:
    frame = make_frame(images[0], index=17)
    picture = render(renderer, frame, parse(text))
    assert (picture.index, picture.captured_seconds, picture.media_seconds) == (
        17,
        frame.captured_seconds,
        frame.media_seconds,
    )
    assert picture.size == SIZE
    assert picture.transparent == (text == "transparent")


@pytest.mark.parametrize("text", ["#1e90ff", "white", "black"])
def test_outside_the_person_there_is_the_background_to_the_last_bit(
    renderer: Renderer, images: list[Image], text: str
) -> None:
    background = parse(text)
    assert isinstance(background, Picture)
    for image in images:
        picture = render(renderer, make_frame(image), background)
        outside = picture.alpha == 0
        assert outside.mean() > 0.2
        behind = background.picture_at(SIZE, 0.0)
        np.testing.assert_array_equal(picture.image[outside], behind[outside])
        inside = picture.alpha == 255
        assert inside.mean() > 0.02
        difference = cv2.absdiff(picture.image, image)[inside]
        assert difference.max() <= 1


def test_soft_pixels_are_mixed_by_their_alpha(
    kind: str, renderer: Renderer, images: list[Image]
) -> None:
    picture = render(renderer, make_frame(images[0]), parse("#1e90ff"))
    alpha = picture.alpha[..., np.newaxis] / 255
    person = images[0]
    if kind in REFINED:
        person = estimate_foreground(person, picture.alpha)
    expected = alpha * person + (1 - alpha) * np.array([0xFF, 0x90, 0x1E])
    assert np.abs(picture.image - expected).max() <= 2


def test_a_transparent_picture_hides_the_room_in_invisible_pixels_too(
    renderer: Renderer, images: list[Image]
) -> None:
    """Also of a renderer that refines nothing."""
    picture = render(renderer, make_frame(images[0]), Transparent())
    visible = picture.alpha > 0
    assert not picture.image[~visible].any()
    person = estimate_foreground(images[0], picture.alpha)
    difference = cv2.absdiff(picture.image, person)[visible]
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99) <= 8


def test_a_blurred_room_holds_nothing_of_the_person(
    renderer: Renderer, images: list[Image]
) -> None:
    """In a room of one colour the blur has nothing to mix in but the person, and must not."""
    room = np.array([0x5A, 0x3C, 0x1E])
    image = render(renderer, make_frame(images[0]), parse("#1e3c5a")).image.copy()
    picture = render(renderer, make_frame(image), parse("blur:30"))
    outside = picture.alpha == 0
    near = cv2.dilate((~outside).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    assert (outside & near).mean() > 0.02
    # A plain blur is off by 60 here; what is left is of pixels that are a little of both.
    assert np.abs(picture.image[outside & near].astype(int) - room).max() <= 10


def test_a_blurred_room_is_blurred(renderer: Renderer, images: list[Image]) -> None:
    rng = np.random.default_rng(1)
    image = images[0].copy()
    image[:, :80] = rng.integers(0, 100, (SIZE.height, 80, 3), np.uint8)
    picture = render(renderer, make_frame(image), parse("blur:20"))
    strip = np.s_[40:-40, 20:60]
    outside = picture.alpha[strip] == 0
    assert outside.all()
    assert picture.image[strip].std() < 0.15 * image[strip].std()
    assert abs(picture.image[strip].mean() - image[strip].mean()) < 4


def render_overlapping(
    renderer: Renderer, frames: list[Image], background: Background
) -> list[Rendered]:
    """The pictures of frames of which as many are in flight as may be."""
    submitted = 0
    collected: list[Rendered] = []
    while len(collected) < len(frames):
        while submitted < len(frames) and renderer.submit(
            make_frame(frames[submitted], submitted), background
        ):
            submitted += 1
        picture = renderer.collect(PATIENCE_SECONDS)
        assert picture is not None
        collected.append(copy_of(picture))
    assert [each.index for each in collected] == list(range(len(frames)))
    return collected


def test_each_picture_has_the_matte_of_its_own_frame(
    kind: str, renderer: Renderer, images: list[Image]
) -> None:
    order = [0, 1, 2, 3, 2, 0, 3, 1]
    frames = [images[which] for which in order]
    if kind in REFINED:
        # What came before is part of their mattes, so that it has to be the same.
        with MAKERS[kind]() as alone, MAKERS[kind]() as overlapping:
            expected = [copy_of(render(alone, make_frame(each), parse("navy"))) for each in frames]
            pictures = render_overlapping(overlapping, frames, parse("navy"))
            alone.close()
            overlapping.close()
    else:
        by_image = [copy_of(render(renderer, make_frame(each), parse("navy"))) for each in images]
        expected = [by_image[which] for which in order]
        pictures = render_overlapping(renderer, frames, parse("navy"))
    for picture, wanted in zip(pictures, expected, strict=True):
        np.testing.assert_array_equal(picture.alpha, wanted.alpha)
        np.testing.assert_array_equal(picture.image, wanted.image)


def test_each_picture_has_the_background_it_was_submitted_with(
    renderer: Renderer, images: list[Image]
) -> None:
    alpha = render(renderer, make_frame(images[0]), parse("navy")).alpha
    row, column = np.argwhere(alpha == 0)[0]
    names = ["navy", "red", "white", "blur:10", "lime", "transparent", "navy"]
    seen: list[tuple[int, ...]] = []
    submitted = 0
    while len(seen) < len(names):
        while submitted < len(names) and renderer.submit(
            make_frame(images[0], submitted), parse(names[submitted])
        ):
            submitted += 1
        picture = renderer.collect(PATIENCE_SECONDS)
        assert picture is not None
        seen.append(tuple(picture.image[row, column].tolist()))
    plain = [seen[each] for each in (0, 1, 2, 4, 5, 6)]
    assert plain == [(128, 0, 0), (0, 0, 255), (255,) * 3, (0, 255, 0), (0,) * 3, (128, 0, 0)]


def test_no_more_than_depth_are_in_flight(renderer: Renderer, images: list[Image]) -> None:
    for index in range(renderer.depth):
        assert renderer.submit(make_frame(images[0], index), parse("navy"))
    assert not renderer.submit(make_frame(images[1], 99), parse("red"))
    for index in range(renderer.depth):
        picture = renderer.collect(PATIENCE_SECONDS)
        assert picture is not None
        assert picture.index == index
        assert renderer.submit(make_frame(images[0], renderer.depth + index), parse("navy"))
    for _ in range(renderer.depth):
        assert renderer.collect(PATIENCE_SECONDS) is not None


def test_it_becomes_ready_for_a_frame_again(renderer: Renderer, images: list[Image]) -> None:
    assert renderer.wait_until_ready(0.0)
    while renderer.submit(make_frame(images[0]), parse("navy")):
        pass
    for _ in range(renderer.depth):
        assert renderer.collect(PATIENCE_SECONDS) is not None
    assert renderer.wait_until_ready(0.0)


def test_the_stages_that_are_timed_make_up_most_of_the_time(
    kind: str, renderer: Renderer, images: list[Image]
) -> None:
    if kind in ("fake", "simulated cuda", "cuda"):
        pytest.skip("it does not tell how long its stages take")
    render(renderer, make_frame(images[0]), parse("navy"))
    renderer.timings.clear()
    started = time.perf_counter()
    for _ in range(5):
        render(renderer, make_frame(images[0]), parse("navy"))
    elapsed = time.perf_counter() - started
    stages = renderer.timings.by_stage()
    assert list(stages) == ["resize", "network", "refine", "composite"]
    assert {len(seconds) for seconds in stages.values()} == {5}
    assert 0.7 * elapsed < sum(map(sum, stages.values())) <= elapsed


def test_a_picture_stays_as_it_is_until_the_next_collect(
    renderer: Renderer, images: list[Image]
) -> None:
    picture = render(renderer, make_frame(images[0]), parse("navy"))
    kept = copy_of(picture)
    submitted = 0
    while renderer.submit(make_frame(images[1], submitted), parse("red")):
        submitted += 1
    assert submitted == renderer.depth
    np.testing.assert_array_equal(picture.image, kept.image)
    np.testing.assert_array_equal(picture.alpha, kept.alpha)
    for _ in range(submitted):
        assert renderer.collect(PATIENCE_SECONDS) is not None


def test_collect_gives_up_in_time(renderer: Renderer) -> None:
    started = time.monotonic()
    assert renderer.collect(0.1) is None
    assert 0.05 < time.monotonic() - started < 1


def test_a_frame_of_another_size_is_refused_and_harms_nothing(
    renderer: Renderer, images: list[Image]
) -> None:
    with pytest.raises(RenderError, match="320x240"):
        renderer.submit(make_frame(np.zeros((240, 320, 3), np.uint8)), parse("navy"))
    assert render(renderer, make_frame(images[0], 5), parse("navy")).index == 5


def test_frames_and_backgrounds_are_not_written_to(renderer: Renderer, images: list[Image]) -> None:
    image, background = images[0].copy(), parse("navy")
    assert isinstance(background, Picture)
    behind = background.picture_at(SIZE, 0.0).copy()
    render(renderer, make_frame(image), background)
    np.testing.assert_array_equal(image, images[0])
    np.testing.assert_array_equal(background.picture_at(SIZE, 0.0), behind)


def test_one_thread_submits_and_another_collects(renderer: Renderer, images: list[Image]) -> None:
    count = 12

    def submit_all() -> None:
        for index in range(count):
            while not renderer.submit(make_frame(images[index % 4], index), parse("navy")):
                time.sleep(0.001)

    thread = threading.Thread(target=submit_all)
    thread.start()
    indices = []
    for _ in range(count):
        picture = renderer.collect(PATIENCE_SECONDS)
        assert picture is not None
        indices.append(picture.index)
    thread.join()
    assert indices == list(range(count))


@pytest.mark.parametrize("text", ["navy", "blur:20", "transparent"])
def test_no_frame_sized_memory_is_allocated_for_a_frame(
    kind: str, renderer: Renderer, images: list[Image], text: str
) -> None:
    """Who refines needs some of the network's size, which is little beside a large frame."""
    background, frame = parse(text), make_frame(images[0])
    if kind in REFINED:
        renderer = open_refined(*REFINED[kind], size=LARGE)
        frame = make_frame(cv2.resize(images[0], LARGE).astype(np.uint8))
    for _ in range(3):
        render(renderer, frame, background)
    tracemalloc.start()
    try:
        for _ in range(3):
            render(renderer, frame, background)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < frame.image.nbytes


def test_it_agrees_with_the_reference(kind: str, renderer: Renderer, images: list[Image]) -> None:
    if kind not in TOLERANCES:
        pytest.skip("it has no network, or refines what the network says")
    state = weights.fold(weights.read(weights.find("photographic")))
    reference = TorchRenderer(SIZE, network_size(SIZE, SHORT_SIDE), load_modnet(state), PLAIN)
    for image in images:
        expected = copy_of(render(reference, make_frame(image), parse("navy")))
        picture = render(renderer, make_frame(image), parse("navy"))
        difference = np.abs(picture.alpha.astype(float) - expected.alpha) / 255
        assert difference.mean() <= TOLERANCES[kind]


@pytest.mark.parametrize(
    ("kind", "quality", "tolerance"),
    [
        ("openvino fp32 refined", "balanced", 1e-4),
        ("openvino fp32 refined", "best", 1e-4),
        ("openvino int8 refined", "balanced", 1e-3),
    ],
)
def test_refined_sequences_agree_with_the_reference(
    kind: str, quality: str, tolerance: float
) -> None:
    renderer, reference, plain = (
        open_refined(*REFINED[each], refinement=refinement)
        for each, refinement in (
            (kind, QUALITIES[quality]),
            ("torch refined", QUALITIES[quality]),
            (kind, PLAIN),
        )
    )
    refined_by = []
    with Demo(SIZE, realtime=False) as demo:
        for frame in islice(demo.frames(), 6):
            expected = copy_of(render(reference, frame, parse("navy")))
            picture = render(renderer, frame, parse("navy"))
            difference = np.abs(picture.alpha.astype(float) - expected.alpha) / 255
            assert difference.mean() <= tolerance
            assert np.abs(picture.image.astype(float) - expected.image).mean() / 255 <= tolerance
            unrefined = render(plain, frame, parse("navy")).alpha
            refined_by.append(np.abs(unrefined.astype(float) - expected.alpha).mean() / 255)
    assert min(refined_by) > 1.2 * tolerance, "else they would agree without being refined"
    for each in (renderer, reference, plain):
        each.close()


def open_changing(kind: str, refinement: Refinement) -> Renderer:
    if kind == "fake":
        return FakeRenderer(SMALL, refinement=refinement)
    return open_refined(*REFINED[kind], size=SMALL, refinement=refinement)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("fake", "a little of all"),
        ("torch refined", "a little of all"),
        *product(
            ["openvino int8 refined"], [each for each in CHANGES if each != "a little of all"]
        ),
    ],
)
def test_a_refinement_holds_from_its_frame_on(kind: str, changes: str) -> None:
    """To the last bit as if the renderer had been opened with it. CUDA's: `tests.cuda`."""
    refinements = CHANGES[changes]
    with Demo(SMALL, realtime=False) as demo:
        frames = [make_frame(each.image.copy(), each.index) for each in islice(demo.frames(), 8)]
    frames = frames[: len(refinements)]
    background = parse("#1e90ff")
    opened: list[Renderer] = []

    def opened_with(refinement: Refinement) -> Callable[[Frame], Rendered]:
        opened.append(fresh := open_changing(kind, refinement))
        return lambda frame: copy_of(render(fresh, frame, background))

    expected = list(as_opened_with_it(refinements, frames, opened_with))
    unchanged = list(map(opened_with(refinements[0]), frames))
    assert any(
        (each.image != wanted.image).any() for each, wanted in zip(unchanged, expected, strict=True)
    ), "else a change would not be seen"
    renderer = open_changing(kind, refinements[0])
    opened.append(renderer)
    # What does not change need not be said.
    pairs = zip([refinements[0], *refinements], refinements, strict=False)
    asked = [None if before == wish else wish for before, wish in pairs]
    submitted = 0
    for wanted in expected:
        while submitted < len(frames) and renderer.submit(
            frames[submitted], background, asked[submitted]
        ):
            submitted += 1
        picture = renderer.collect(PATIENCE_SECONDS)
        assert picture is not None
        assert picture.index == wanted.index
        np.testing.assert_array_equal(picture.alpha, wanted.alpha)
        np.testing.assert_array_equal(picture.image, wanted.image)
    for each in opened:
        each.close()


MARK: Final = (255, 0, 255)
"""The colour of a room, in BGR, that neither a person nor a background has."""


@pytest.mark.parametrize("kind", ["torch refined", "openvino int8 refined"])
def test_nothing_of_the_room_is_remembered_where_nobody_is(kind: str, images: list[Image]) -> None:
    """Someone moves to and fro before a marked room, and uncovers it."""
    with nullcontext(open_on("cpu")) as plain:
        there = render(plain, make_frame(images[0]), parse("magenta")).image.copy()
        plain.close()
    refinement = Refinement(light_wrap=0.5)
    renderer = open_refined(*REFINED[kind], refinement=refinement)
    backgrounds = [parse(each) for each in ("#204060", "transparent")]
    for index in range(16):
        shift = np.array([[1, 0, 60 * np.sin(index / 2)], [0, 1, 0]])
        moved = cv2.warpAffine(there, shift, SIZE, borderValue=MARK).astype(np.uint8)
        background = backgrounds[index % 2]
        picture = render(renderer, make_frame(moved, index), background)
        outside = picture.alpha == 0
        assert 0.2 < outside.mean() < 0.9
        expected = (
            background.picture_at(SIZE, 0.0)
            if isinstance(background, Picture)
            else np.zeros_like(moved)
        )
        np.testing.assert_array_equal(picture.image[outside], expected[outside])
        # Nor where hardly anybody is.
        if isinstance(background, Picture):
            assert np.abs(picture.image.astype(int) - MARK).max(axis=2).min() > 40
    renderer.close()


def test_closing_twice_is_fine(kind: str) -> None:
    with MAKERS[kind]() as opened:
        opened.close()
        opened.close()
