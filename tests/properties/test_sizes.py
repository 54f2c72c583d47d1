"""Pictures of any size, one pixel to 8K and odd ones: right in shape and range, everywhere."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st

from livematte.background import Background
from livematte.backgrounds.parse import parse
from livematte.errors import LivematteError
from livematte.frame import Frame, Image, Size
from livematte.matter import Matter
from livematte.matting.colours import estimate_foreground
from livematte.matting.composite import Compositor
from livematte.matting.edges import upsample_matte
from livematte.matting.holes import fill_holes, find_holes
from livematte.matting.shrink import shrink, shrink_photo
from livematte.matting.steady import Refiner, View
from livematte.network.size import SHORT_SIDES, STRIDE, network_size
from livematte.options.refinement import PARTS, QUALITIES, choose_refinement
from livematte.pipeline.slate import slate
from livematte.sinks import open_output
from tests.properties.cases import cases, not_hanging

SMALL = st.integers(1, 5) | st.integers(1, 200)
SEEDS = st.integers(0, 2**32 - 1)
EXTREMES = [Size(1, 1), Size(1, 4320), Size(7680, 1), Size(7681, 4321)]


def noise(seed: int, size: Size, channels: int = 3) -> Image:
    shape = (size.height, size.width, channels)[: 2 if channels == 1 else 3]
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def soft(seed: int, size: Size) -> Image:
    """A matte with all kinds of pixels: 0, 255 and between."""
    random = np.random.default_rng(seed)
    levels = random.normal(127, 200, (random.integers(1, 6), random.integers(1, 6)))
    enlarged = cv2.resize(levels.clip(0, 255), size, interpolation=cv2.INTER_LINEAR)
    return enlarged.reshape(size.height, size.width).astype(np.uint8)


BACKGROUNDS = st.sampled_from(["navy", "blur:4", "blur:100", "transparent"])


def compose(
    size: Size, seed: int, background: Background, colours: bool, light_wrap: float
) -> tuple[Image, Image, Image]:
    """The frame, its matte and what comes of them."""
    image, alpha = noise(seed, size), soft(seed, size)
    out = noise(seed + 1, size)
    frame = Frame(image, 0, 0.0, 0.0)
    Compositor(size, colours=colours, light_wrap=light_wrap).compose(frame, alpha, background, out)
    return image, alpha, out


@cases(
    200,
    width=SMALL,
    height=SMALL,
    seed=SEEDS,
    background=BACKGROUNDS,
    colours=st.booleans(),
    light_wrap=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_compositing(
    width: int, height: int, seed: int, background: str, colours: bool, light_wrap: float
) -> None:
    size = Size(width, height)
    image, alpha, out = compose(size, seed, parse(background), colours, light_wrap)
    if background == "navy":
        assert (out[alpha == 0] == (128, 0, 0)).all()
    if background == "transparent":
        assert not out[alpha == 0].any()
    if light_wrap == 0 or background == "transparent":
        assert (out[alpha == 255] == image[alpha == 255]).all()


@pytest.mark.parametrize("size", EXTREMES, ids=str)
@pytest.mark.parametrize("background", ["navy", "blur:20"])
def test_compositing_extremes(size: Size, background: str) -> None:
    with not_hanging():
        image, alpha, out = compose(size, 1, parse(background), True, 0.3 * (size.height < 9))
        if size.height > 9:
            assert (out[alpha == 255] == image[alpha == 255]).all()


@cases(150, width=SMALL, height=SMALL, small=st.tuples(SMALL, SMALL), seed=SEEDS)
def test_upsampling(width: int, height: int, small: tuple[int, int], seed: int) -> None:
    size = Size(width, height)
    matte = (soft(seed, Size(*small)) / np.float32(255)).astype(np.float32)
    upsampled = upsample_matte(matte, noise(seed, Size(*small)), noise(seed, size))
    assert upsampled.shape == (height, width)
    assert upsampled.dtype == np.float32
    assert upsampled.min() >= 0
    assert upsampled.max() <= 1


@pytest.mark.parametrize("size", EXTREMES, ids=str)
def test_upsampling_to_extremes(size: Size) -> None:
    seen = network_size(size, 288)
    with not_hanging():
        matte = (soft(1, seen) / np.float32(255)).astype(np.float32)
        image = noise(1, size)
        upsampled = upsample_matte(matte, shrink_photo(image, seen), image)
    assert Size.of(upsampled) == size
    assert np.isfinite(upsampled).all()


@cases(100, width=SMALL, height=SMALL, seed=SEEDS)
def test_foreground_and_holes(width: int, height: int, seed: int) -> None:
    size = Size(width, height)
    image, alpha = noise(seed, size), soft(seed, size)
    foreground = estimate_foreground(image, alpha)
    assert foreground.shape == image.shape
    assert not foreground[alpha == 0].any()
    matte = (alpha / np.float32(255)).astype(np.float32)
    if holes := find_holes(matte):
        filled = fill_holes(matte, holes, np.ones_like(matte), image)
        assert filled.shape == matte.shape
        assert np.isfinite(filled).all()


@cases(
    150,
    width=SMALL | st.integers(7000, 8192),
    height=SMALL,
    text=st.text(max_size=40) | st.sampled_from(["", "\n", "one moment", "é" * 30]),
    background=BACKGROUNDS,
)
def test_slates(width: int, height: int, text: str, background: str) -> None:
    made = slate(Size(width, height), parse(background), text)
    assert made.size == Size(width, height)
    assert not made.alpha.any()


SIDES = st.integers(1, 3) | st.integers(1, 8192) | st.integers(1, 10**6)


@cases(150, width=SIDES, height=SIDES, short_side=st.sampled_from(SHORT_SIDES))
def test_what_the_network_sees_is_never_enormous(width: int, height: int, short_side: int) -> None:
    size = network_size(Size(width, height), short_side)
    assert size.width % STRIDE == size.height % STRIDE == 0
    assert size.width * size.height <= 5 * (short_side + STRIDE) ** 2


@cases(
    80,
    sizes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
    seed=SEEDS,
    quality=st.sampled_from(list(QUALITIES)),
    without=st.sets(st.sampled_from(PARTS)),
    margin=st.integers(-10, 10),
)
def test_refining(
    sizes: list[tuple[int, int]], seed: int, quality: str, without: set[str], margin: int
) -> None:
    """The size may change from frame to frame, and mattes may be anything."""
    refiner = Refiner(choose_refinement(quality, without, margin))
    for width, height in sizes:
        size = Size(width * STRIDE, height * STRIDE)
        matte = (soft(seed, size) / np.float32(255)).astype(np.float32)
        shown = noise(seed, size)
        views = [View(shown.copy(), matte, each) for each in refiner.next_views(shown)]
        refined, pixels = refiner.refine(views)
        assert Size.of(refined) == Size.of(pixels) == size
        assert refined.min() >= 0
        assert refined.max() <= 1


@cases(100, width=SMALL, height=SMALL, to=st.tuples(SMALL, SMALL), level=st.integers(0, 255))
def test_shrinking(width: int, height: int, to: tuple[int, int], level: int) -> None:
    image = np.full((height, width, 3), level, np.uint8)
    out = np.empty((to[1], to[0], 3), np.uint8)
    shrink(image, out)
    assert (out == level).all()
    assert (shrink_photo(image, Size(*to)) == level).all()


@cases(
    60,
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    name=st.sampled_from(["a.mp4", "a.mov", "a.webm", "b%d.png"]),
)
def test_files_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, name: str
) -> None:
    """A size that a format cannot hold is said at the start."""
    folder = tmp_path_factory.mktemp("files")
    sink = open_output(folder / name, transparent=False)
    made = slate(Size(width, height), parse("navy"), "x")
    picture = type(made)(made.image, made.alpha, 0, 0.0, 0.0)
    try:
        sink.open(picture.size, Fraction(30))
        sink.send(picture)
    except LivematteError:
        sink.abort()
        assert not list(folder.iterdir())
        assert min(width, height) < 16
        return
    sink.close()
    assert len(list(folder.iterdir())) == 1


@pytest.fixture(scope="module")
def matter() -> Matter:
    return Matter(matte_short_side=224)


@cases(
    12,
    side=st.integers(1, 40),
    other=st.sampled_from([1, 2, 7, 100, 1001]),
    upright=st.booleans(),
    seed=SEEDS,
)
def test_the_network_takes_any_picture(
    matter: Matter, side: int, other: int, upright: bool, seed: int
) -> None:
    size = Size(side, other) if upright else Size(other, side)
    image = noise(seed, size)
    alpha = matter.matte(image)
    assert alpha.shape == image.shape[:2]
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_a_matte_at_8k(matter: Matter) -> None:
    with not_hanging():
        alpha = matter.matte(noise(1, Size(7681, 4321)))
    assert alpha.shape == (4321, 7681)


@cases(
    60,
    shape=st.lists(st.integers(0, 4), max_size=4),
    kind=st.sampled_from(["uint8", "float32", "int64", "bool", "object"]),
)
def test_what_is_no_picture_is_refused(matter: Matter, shape: list[int], kind: str) -> None:
    array = np.zeros(shape, kind)
    if kind == "uint8" and len(shape) == 3 and shape[2] == 3 and array.size:
        return
    with pytest.raises(ValueError, match="expected uint8"):
        matter.matte(array)


def test_a_picture_that_is_not_contiguous(matter: Matter) -> None:
    image = noise(1, Size(60, 80))
    np.testing.assert_array_equal(
        matter.matte(image[::-1, ::2]), matter.matte(np.ascontiguousarray(image[::-1, ::2]))
    )
