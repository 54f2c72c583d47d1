"""What every renderer promises, whatever it runs on. PyTorch's on the CPU are the reference."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Final

import cv2
import numpy as np
import pytest

from livematte.background import Background, Picture, Transparent, parse
from livematte.errors import RenderError
from livematte.frame import Frame, Image, Rendered, Size
from livematte.network import weights
from livematte.network.modnet import load_modnet
from livematte.network.size import network_size
from livematte.refinement import PLAIN, Refinement
from livematte.render.cuda import CudaRenderer
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import Renderer, open_renderer
from livematte.render.torch_cpu import TorchRenderer
from livematte.sources import Demo
from tests.cuda.simulation import simulated_cuda

SIZE: Final = Size(640, 360)
SHORT_SIDE: Final = 224
PATIENCE_SECONDS: Final = 20.0


def open_on(device: str, precision: str = "auto") -> Renderer:
    return open_renderer(
        device,
        frame_size=SIZE,
        matte_short_side=SHORT_SIDE,
        weights_name="photographic",
        precision=precision,
    ).renderer


@contextmanager
def simulated_cuda_renderer(refinement: Refinement) -> Iterator[Renderer]:
    """The CUDA renderer on CUDA's rules and the CPU's arithmetic; see `tests.cuda.simulation`.

    It says that it is a card on which float16 is slow, because it is even slower here.
    """
    state = weights.fold(weights.read(weights.find("photographic")))
    with simulated_cuda(capability=(6, 1)) as cuda:
        matte_size = network_size(SIZE, SHORT_SIDE)
        yield CudaRenderer(
            "cuda:0", SIZE, matte_size, load_modnet(state), cuda, refinement=refinement
        )


MAKERS: Final[dict[str, Callable[[], AbstractContextManager[Renderer]]]] = {
    "fake": lambda: nullcontext(FakeRenderer(SIZE)),
    "torch": lambda: nullcontext(open_on("torch:cpu")),
    "openvino fp32": lambda: nullcontext(open_on("cpu", "fp32")),
    "openvino int8": lambda: nullcontext(open_on("cpu", "int8")),
    "simulated cuda": lambda: simulated_cuda_renderer(PLAIN),
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


def test_soft_pixels_are_mixed_by_their_alpha(renderer: Renderer, images: list[Image]) -> None:
    picture = render(renderer, make_frame(images[0]), parse("#1e90ff"))
    alpha = picture.alpha[..., np.newaxis] / 255
    expected = alpha * images[0] + (1 - alpha) * np.array([0xFF, 0x90, 0x1E])
    assert np.abs(picture.image - expected).max() <= 2


def test_a_transparent_picture_hides_the_room_in_invisible_pixels_too(
    renderer: Renderer, images: list[Image]
) -> None:
    picture = render(renderer, make_frame(images[0]), Transparent())
    assert not picture.image[picture.alpha == 0].any()
    np.testing.assert_array_equal(picture.image[picture.alpha > 0], images[0][picture.alpha > 0])


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


def test_each_picture_has_the_matte_of_its_own_frame(
    renderer: Renderer, images: list[Image]
) -> None:
    alone = [copy_of(render(renderer, make_frame(each), parse("navy"))) for each in images]
    submitted = 0
    collected: list[Rendered] = []
    order = [0, 1, 2, 3, 2, 0, 3, 1]
    while len(collected) < len(order):
        while submitted < len(order) and renderer.submit(
            make_frame(images[order[submitted]], submitted), parse("navy")
        ):
            submitted += 1
        picture = renderer.collect(PATIENCE_SECONDS)
        assert picture is not None
        collected.append(copy_of(picture))
    assert [each.index for each in collected] == list(range(len(order)))
    for picture, which in zip(collected, order, strict=True):
        np.testing.assert_array_equal(picture.alpha, alone[which].alpha)
        np.testing.assert_array_equal(picture.image, alone[which].image)


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
    renderer: Renderer, images: list[Image], text: str
) -> None:
    background, frame = parse(text), make_frame(images[0])
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
    if kind == "fake":
        pytest.skip("the fake has no network")
    state = weights.fold(weights.read(weights.find("photographic")))
    reference = TorchRenderer(SIZE, network_size(SIZE, SHORT_SIDE), load_modnet(state))
    for image in images:
        expected = copy_of(render(reference, make_frame(image), parse("navy")))
        picture = render(renderer, make_frame(image), parse("navy"))
        difference = np.abs(picture.alpha.astype(float) - expected.alpha) / 255
        assert difference.mean() <= TOLERANCES[kind]


def test_closing_twice_is_fine(kind: str) -> None:
    with MAKERS[kind]() as opened:
        opened.close()
        opened.close()
