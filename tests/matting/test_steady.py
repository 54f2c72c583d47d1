"""Mattes over time, without islands, and with the edge where it was told to be."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final, NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.frame import Image
from livematte.matting.cells import Matte
from livematte.matting.sameness import SAME
from livematte.matting.steady import UNCONFIRMED, Refiner, View, move_edge, take_out_islands
from livematte.options.refinement import DEFAULT, PLAIN, Refinement

STEADY: Final = Refinement(islands=False, edges=False, colours=False)
HEIGHT, WIDTH = 96, 160
FRAME_SCALE: Final = 3
"""By how much frames are larger than what the network sees of them."""


def refine(refiner: Refiner, pixels: Image, matte: Matte) -> Matte:
    """What becomes of a frame of which the network says the same in the mirror."""
    views = [
        View(np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(matte[:, ::-1]), True)
        if is_mirrored
        else View(pixels.copy(), matte.copy(), False)
        for is_mirrored in refiner.next_views(pixels)
    ]
    refined, seen = refiner.refine(views)
    np.testing.assert_array_equal(seen, pixels)
    assert refined.dtype == np.float32
    return refined


@functools.cache
def room() -> Image:
    """A patterned picture, so that nothing goes by a colour that is the same all over."""
    tiles = np.random.default_rng(5).integers(40, 200, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return tiles.repeat(8, axis=0).repeat(8, axis=1)


@functools.cache
def seen(noise: float, gain: float = 1) -> list[Image]:
    """What the network sees of a still room, with noise of so many levels in the frames' pixels."""
    random = np.random.default_rng(6)
    frame = gain * room().repeat(FRAME_SCALE, axis=0).repeat(FRAME_SCALE, axis=1)
    pictures = []
    for _ in range(20):
        noisy = np.clip(np.rint(frame + random.normal(0, noise, frame.shape)), 0, 255)
        small = cv2.resize(noisy, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        pictures.append(np.rint(small).astype(np.uint8))
    return pictures


def half() -> Matte:
    """A person on the left and none on the right, with a soft edge between them."""
    columns = np.arange(WIDTH, dtype=np.float32)
    row = np.clip((WIDTH / 2 - columns) / 8 + 0.5, 0, 1)
    return np.repeat(row[None], HEIGHT, axis=0)


def square(left: float, side: int = 32) -> Matte:
    """A square whose left edge is at a column that need not be whole."""
    columns = np.arange(WIDTH, dtype=np.float32)
    row = np.clip(np.minimum(columns + 1 - left, left + side - columns), 0, 1)
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[32 : 32 + side] = row
    return matte


def painted(matte: Matte, behind: Image, level: int) -> Image:
    part = matte[..., None]
    return np.rint(part * level + (1 - part) * behind).astype(np.uint8)


# --- steadiness


@pytest.mark.parametrize(("noise", "gain"), [(0.0, 1.0), (3.0, 1.0), (0.0, 0.2), (2.0, 0.4)])
def test_a_matte_that_flickers_in_a_still_picture_becomes_steady(noise: float, gain: float) -> None:
    random, refiner = np.random.default_rng(1), Refiner(STEADY)
    said, refined = [], []
    for pixels in islice(cycle(seen(noise, gain)), 60):
        flicker = random.normal(0, 0.1, (HEIGHT, WIDTH)).astype(np.float32)
        said.append(np.full((HEIGHT, WIDTH), 0.7, np.float32) + flicker)
        refined.append(refine(refiner, pixels, said[-1]))
    before, after = (np.std(each[20:], axis=0).mean() for each in (said, refined))
    assert after < 0.25 * before
    assert np.mean(refined[20:]) == pytest.approx(0.7, abs=0.005)


def test_the_first_frame_is_not_shown_in_the_mirror() -> None:
    refiner = Refiner(STEADY)
    assert [refiner.next_views(room()) for _ in range(4)] == [(False,), (True,), (False,), (True,)]


@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_of_the_room_that_was_taken_for_a_person_nothing_is_kept(alpha: float) -> None:
    """At once and all over, as the network does when it has seen its mistake."""
    refiner = Refiner(STEADY)
    for _ in range(20):
        refined = refine(refiner, room(), np.full((HEIGHT, WIDTH), alpha, np.float32))
    assert refined.min() > alpha - 0.01
    said = np.zeros((HEIGHT, WIDTH), np.float32)
    said[:8, :8] = 1  # or the matte would pass for one of a broken network
    refined = refine(refiner, room(), said)
    assert refined[16:, 16:].max() <= UNCONFIRMED + 1e-6


def test_someone_whom_the_network_misses_is_kept_for_one_frame() -> None:
    refiner = Refiner(STEADY)
    for _ in range(20):
        refine(refiner, room(), with_person())
    nobody_broad = np.zeros((HEIGHT, WIDTH), np.float32)
    nobody_broad[40:52, 84:96] = 1  # or the matte would pass for one of a broken network
    assert refine(refiner, room(), nobody_broad)[28:, 20:76].min() > 0.9
    assert refine(refiner, room(), nobody_broad)[32:, 20:64].max() <= UNCONFIRMED + 1e-6


# --- what memory and the mirror may add to a frame's own matte


def with_lamp(alpha: float, *, is_near: bool = False) -> Matte:
    """A person, and something in the room that the network takes for one too."""
    matte = with_person()
    left = 80 if is_near else 110
    matte[36:60, left : left + 30] = alpha
    return matte


LAMP: Final = np.s_[36:60, 110:140]


def asked(refiner: Refiner, pixels: Image, plain: Matte, mirrored: Matte) -> tuple[Matte, bool]:
    """What becomes of a frame of which the network says another thing in the mirror."""
    (is_mirrored,) = refiner.next_views(pixels)
    view = View(pixels.copy(), plain.copy(), False)
    if is_mirrored:
        view = View(pixels[:, ::-1].copy(), mirrored[:, ::-1].copy(), True)
    return refiner.refine([view])[0], is_mirrored


@pytest.mark.parametrize("gain", [1.0, 0.35, 0.2, 0.1])
@pytest.mark.parametrize("is_near", [False, True], ids=["far away", "beside the person"])
@pytest.mark.parametrize("alpha", [0.4, 0.7, 1.0])
def test_what_the_network_gives_up_is_given_up_at_once(
    gain: float, is_near: bool, alpha: float
) -> None:
    """However long it was taken for a person, and whatever of it is still half believed."""
    pixels = np.rint(gain * room()).astype(np.uint8)
    for frames in (1, 2, 20):
        for left in (0.0, 0.2):
            refiner = Refiner(STEADY)
            for _ in range(frames):
                refine(refiner, pixels, with_lamp(alpha, is_near=is_near))
            refined = refine(refiner, pixels, with_lamp(left, is_near=is_near))
            assert refined[36:60, 92:140].max() <= left + 1e-6
            assert refined[28:, 20:76].min() > 0.9


def test_what_one_view_alone_takes_for_a_person_is_shown_by_neither() -> None:
    """And then there is no mirror for a while, so that there is no more of it."""
    for plain, mirrored in ((0.0, 1.0), (1.0, 0.0)):
        refiner, turns = Refiner(STEADY), []
        for _ in range(60):
            refined, is_mirrored = asked(refiner, room(), with_lamp(plain), with_lamp(mirrored))
            turns.append(is_mirrored)
            if is_mirrored:
                assert refined[LAMP].max() <= 1e-6
        assert turns[:2] == [False, True]
        assert sum(turns) == 2


def test_who_is_seen_to_come_is_shown_by_the_mirror_alone() -> None:
    refiner = Refiner(STEADY)
    for _ in range(3):
        refine(refiner, room(), with_person())
    pixels = room().copy()
    pixels[36:60, 110:140] = 255 - pixels[36:60, 110:140] // 2
    refined, is_mirrored = asked(refiner, pixels, with_lamp(1.0), with_lamp(1.0))
    assert is_mirrored
    assert refined[38:58, 112:138].min() > 0.9


def test_holes_in_a_person_are_filled_by_what_is_remembered() -> None:
    """However wide: a face of which the network loses the middle for a frame."""
    refiner, holed = Refiner(STEADY), with_person()
    holed[44:76, 32:64] = 0.3
    for _ in range(20):
        refine(refiner, room(), with_person())
    assert refine(refiner, room(), holed)[24:, 16:80].min() > 0.9


def test_what_moves_is_followed_with_no_lag_and_no_ghost() -> None:
    refiner, behind = Refiner(STEADY), np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    for left in range(8, 120, 5):
        matte = square(left)
        refined = refine(refiner, painted(matte, behind, 220), matte)
        np.testing.assert_allclose(refined, matte, atol=0.01)


@pytest.mark.parametrize(
    ("contrast", "rows", "faintness"),
    [(30, slice(36, 60), SAME / 30), (80, slice(HEIGHT), 0.05), (170, slice(HEIGHT), 0.05)],
)
def test_slow_movement_leaves_no_ghost(contrast: int, rows: slice, faintness: float) -> None:
    """Of a person who is hardly brighter than the room there is as much as colours cannot tell."""
    refiner, behind = Refiner(STEADY), np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    for _ in range(30):
        refine(refiner, painted(square(40), behind, 50 + contrast), square(40))
    for step in range(1, 41):
        matte = square(40 + step / 4)
        refined = refine(refiner, painted(matte, behind, 50 + contrast), matte)
        # Of the edge itself little is seen in a frame, so there a pixel may be late.
        inner, outer = (change(matte, np.ones((3, 3))) for change in (cv2.erode, cv2.dilate))
        assert (refined <= outer + faintness)[rows].all()
        assert (refined >= inner - faintness)[rows].all()


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_who_sits_still_stays(noise: float) -> None:
    refiner = Refiner(DEFAULT)
    for pixels in islice(cycle(seen(noise)), 200):
        refined = refine(refiner, pixels, half())
    np.testing.assert_allclose(refined, half(), atol=1e-3)


NOT_QUITE: Final = 0.02
"""A matte of nothing at all, or of everything, is taken for a fault."""


def person() -> Matte:
    return np.full((HEIGHT, WIDTH), 1 - NOT_QUITE, np.float32)


def nobody() -> Matte:
    return np.full((HEIGHT, WIDTH), NOT_QUITE, np.float32)


def test_a_mistake_in_a_still_picture_hardly_shows_and_is_forgotten() -> None:
    refiner = Refiner(STEADY)
    for _ in range(30):
        refine(refiner, room(), person())
    assert refine(refiner, room(), nobody()).min() > 0.9
    for _ in range(30):
        refined = refine(refiner, room(), person())
    assert refined.min() > 0.96


def test_what_is_said_for_a_second_is_believed() -> None:
    refiner = Refiner(STEADY)
    for _ in range(200):
        refine(refiner, room(), person())
    for _ in range(30):
        refined = refine(refiner, room(), nobody())
    assert refined.max() < 0.2


@pytest.mark.parametrize("change", [30, -30])
def test_in_another_light_all_is_forgotten_at_once(change: int) -> None:
    refiner, matte = Refiner(STEADY), np.full((HEIGHT, WIDTH), 0.3, np.float32)
    for _ in range(30):
        refine(refiner, room(), person())
    lit = np.clip(room().astype(int) + change, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(refine(refiner, lit, matte), matte, atol=1e-6)


def test_only_where_the_picture_changes_is_the_past_forgotten() -> None:
    refiner = Refiner(STEADY)
    for _ in range(30):
        refine(refiner, room(), person())
    changed = room().copy()
    changed[:, :40] = 255 - changed[:, :40]
    refined = refine(refiner, changed, nobody())
    assert refined[:, 44:].min() > 0.85
    # A colour near the middle stays nearly the same when it is inverted.
    assert (refined[:, :38] < 0.1).mean() > 0.75


@pytest.mark.parametrize(("width", "height"), [(224, 128), (112, 64)])
def test_a_matte_of_another_size_goes_on_from_what_is_known(width: int, height: int) -> None:
    refiner, matte = Refiner(STEADY), half()
    blurred = cv2.GaussianBlur(room().astype(np.float32), (0, 0), 4)
    smooth = np.clip(127 + 4 * (blurred - blurred.mean()), 0, 255).astype(np.uint8)
    for _ in range(30):
        refine(refiner, smooth, matte)
    nothing = np.full((height, width), NOT_QUITE, np.float32)
    refined = refine(refiner, cv2.resize(smooth, (width, height)).astype(np.uint8), nothing)
    expected = cv2.resize(matte, (width, height))
    # Of a soft edge the past lets go where the network says that nobody is near.
    sure = np.abs(expected - 0.5) > 0.49
    np.testing.assert_allclose(refined[sure], expected[sure], atol=0.15)
    assert refined.shape == (height, width)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_matte_of_all_or_nothing_is_passed_on_and_forgotten(level: float) -> None:
    """Averaged with what was before it would let the room shine through, now or afterwards."""
    refiner, extreme = Refiner(DEFAULT), np.full((HEIGHT, WIDTH), level, np.float32)
    for _ in range(5):
        refine(refiner, room(), half())
    np.testing.assert_array_equal(refine(refiner, room(), extreme), extreme)
    np.testing.assert_allclose(refine(refiner, room(), half()), half(), atol=1e-3)


def test_a_refined_matte_is_the_callers_to_keep() -> None:
    refiner = Refiner(DEFAULT)
    first = refine(refiner, room(), half())
    kept = first.copy()
    refine(refiner, 255 - room(), 1 - half())
    np.testing.assert_array_equal(first, kept)


# --- who has left, in any light


class Light(NamedTuple):
    """What becomes of a picture's levels: times `gain`, by channel, plus `haze`, plus noise.

    noise: standard deviation in levels, at the network's size. shot: its variance a level.
    late: the gain from the middle of the clip on, in parts of that before.
    """

    gain: float = 1.0
    haze: float = 0.0
    noise: float = 0.6
    shot: float = 0.0
    late: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


LIGHTS: Final = {
    "bright": Light(),
    "bright and noisy": Light(noise=4),
    "half": Light(0.5),
    "dim": Light(0.3),
    "dark": Light(0.2),
    "darker": Light(0.14),
    "darkest": Light(0.08),
    "clean and dark": Light(0.12, noise=0),
    "clean and bright": Light(noise=0),
    "dark and noisy": Light(0.25, noise=3),
    "dark, of few photons": Light(0.2, noise=0.2, shot=0.1),
    "fog": Light(0.12, 110),
    "thin fog": Light(0.3, 60),
    "clean fog": Light(0.12, 110, noise=0),
    "blue": Light(0.25, tint=(1.2, 0.5, 0.3)),
    "red and dark": Light(0.15, tint=(0.2, 0.4, 1.3)),
    "a lamp goes off": Light(late=0.15),
    "a lamp goes on": Light(0.1, late=3),
}
WALKS: Final = {"creeps": (1, 99), "walks": (5, 99), "runs": (12, 99), "stops": (4, 5)}
"""Columns a frame, and for how many frames."""
STILL: Final = 10
CLIP: Final = 26
MOST_WRONG: Final = 4
"""Pixels of a frame."""


@functools.cache
def texture(seed: int, level: float, contrast: float) -> NDArray[np.float32]:
    """Coloured patches of many sizes."""
    random = np.random.default_rng(seed)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for sigma in (2, 6, 18):
        patches = random.normal(0, 1, picture.shape).astype(np.float32)
        patches = cv2.GaussianBlur(patches, (0, 0), sigma).astype(np.float32)
        picture += patches / patches.std()
    picture = level + contrast / math.sqrt(3) * picture
    return np.clip(picture, 0, 255).astype(np.float32, copy=False)


def someone(clothes: str) -> tuple[NDArray[np.float32], Matte]:
    """Head and shoulders at the left: float32 BGR (HEIGHT, WIDTH, 3) and alpha."""
    shape = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(shape, (34, 36), (13, 17), 0, 0, 360, 1.0, -1)
    body = shape.copy()
    cv2.ellipse(shape, (34, 96), (28, 42), 0, 0, 360, 1.0, -1)
    of_room = texture(1, 110, 45).mean(axis=(0, 1)) + texture(2, 0, 12) - 6
    worn = {"light": texture(2, 190, 25), "dark": texture(2, 35, 15), "as the room": of_room}
    skin = np.array((110, 130, 180), np.float32) + texture(3, 0, 25)
    colours = np.where(body[..., None] > 0, skin, worn[clothes]).astype(np.float32)
    return colours, cv2.GaussianBlur(shape, (0, 0), 1).astype(np.float32)


def clip_of(light: Light, walk: tuple[int, int], clothes: str) -> Iterator[tuple[Image, Matte]]:
    """Someone sits still and then goes, out of the picture if there is time."""
    random, behind = np.random.default_rng(9), texture(1, 110, 45)
    colours, shape = someone(clothes)
    speed, most = walk
    for index in range(CLIP):
        columns = speed * min(max(0, index - STILL), most)
        shift = np.array([[1, 0, columns], [0, 1, 0]], np.float32)
        alpha = cv2.warpAffine(shape, shift, (WIDTH, HEIGHT))
        person_now = cv2.warpAffine(colours, shift, (WIDTH, HEIGHT))
        scene = alpha[..., None] * person_now + (1 - alpha[..., None]) * behind
        gain = light.gain * (light.late if index >= (STILL + CLIP) // 2 else 1)
        lit = scene * gain * np.array(light.tint, np.float32) + light.haze
        sigma = np.sqrt(light.noise**2 + light.shot * lit)
        seen = np.clip(np.rint(lit + sigma * random.standard_normal(lit.shape)), 0, 255)
        yield seen.astype(np.uint8), np.clip(alpha, 0.001, 0.999).astype(np.float32)


@pytest.mark.parametrize(
    ("walk", "clothes"),
    [
        ("creeps", "as the room"),
        ("walks", "as the room"),
        ("runs", "light"),
        ("stops", "dark"),
    ],
)
@pytest.mark.parametrize("light", LIGHTS)
def test_nothing_stays_of_who_has_left_and_nobody_comes_with_holes(
    light: str, walk: str, clothes: str
) -> None:
    refiner, around = Refiner(STEADY), np.ones((13, 13), np.uint8)
    for pixels, alpha in clip_of(LIGHTS[light], WALKS[walk], clothes):
        refined = refine(refiner, pixels, alpha)
        room_shown = (cv2.dilate(alpha, around) < 0.05) & (refined > 0.25)
        hole = (cv2.erode(alpha, around) > 0.95) & (refined < 0.75)
        assert np.count_nonzero(room_shown) <= MOST_WRONG
        assert np.count_nonzero(hole) <= MOST_WRONG


# --- views


def test_every_second_frame_is_shown_in_the_mirror_if_mattes_are_averaged() -> None:
    refiner = Refiner(DEFAULT)
    shown = [refiner.next_views(room()) for _ in range(4)]
    assert sorted(shown[:2]) == [(False,), (True,)]
    assert shown[2:] == shown[:2]
    plain = Refiner(PLAIN)
    assert [plain.next_views(room()) for _ in range(3)] == [(False,)] * 3


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (1.0, 0.1, 0.1)])
def test_a_faint_picture_is_not_shown_in_the_mirror(tint: tuple[float, float, float]) -> None:
    refiner, coloured = Refiner(DEFAULT), room() * np.array(tint)
    for gain, haze, expected in ((1, 0, {True, False}), (0.2, 0, {False}), (0.2, 120, {False})):
        pixels = (gain * coloured + haze).astype(np.uint8)
        assert {refiner.next_views(pixels) for _ in range(4)} == {(each,) for each in expected}
    both = Refiner(Refinement(**{**vars(DEFAULT), "both_views": True}))
    assert both.next_views((0.2 * room()).astype(np.uint8)) == (False, True)


def test_one_view_alone_shows_nothing_of_a_still_room() -> None:
    """Even where there is little to average it with."""
    for frames in range(1, 6):
        refiner = Refiner(STEADY)
        for _ in range(frames):
            refine(refiner, room(), nobody())
        assert refine(refiner, room(), half()).max() < 0.3
        for _ in range(20):
            refined = refine(refiner, room(), half())
        np.testing.assert_allclose(refined, half(), atol=0.2)


def test_a_view_that_takes_the_room_for_a_person_every_other_time_shows_none_of_it() -> None:
    refiner = Refiner(STEADY)
    shown = [refine(refiner, room(), (nobody(), half())[index % 2]) for index in range(40)]
    assert max(each.max() for each in shown) < 0.35  # it was the mean, 0.5


def test_what_is_wrong_in_one_view_is_halved_by_the_average() -> None:
    """The network that says more of what is on its left, in the mirror as without."""
    refiner = Refiner(STEADY)
    lean = np.repeat(np.linspace(0.1, -0.1, WIDTH, dtype=np.float32)[None], HEIGHT, axis=0)
    for _ in range(40):
        ((is_mirrored),) = refiner.next_views(room())
        pixels = room()[:, ::-1].copy() if is_mirrored else room()
        refined, seen = refiner.refine([View(pixels, 0.5 + lean, is_mirrored)])
        np.testing.assert_array_equal(seen, room())
    np.testing.assert_allclose(refined, 0.5, atol=0.01)


def test_both_views_of_a_frame_are_averaged() -> None:
    refiner = Refiner(Refinement(**{**vars(PLAIN), "both_views": True}))
    assert [refiner.next_views(room()) for _ in range(2)] == [(False, True)] * 2
    random = np.random.default_rng(3)
    plain, mirrored = random.random((2, HEIGHT, WIDTH), np.float32)
    views = [View(room(), plain, False), View(room()[:, ::-1].copy(), mirrored, True)]
    refined, seen = refiner.refine(views)
    np.testing.assert_allclose(refined, (plain + mirrored[:, ::-1]) / 2, atol=1e-6)
    np.testing.assert_array_equal(seen, room())


def test_plain_is_the_matte_as_it_was() -> None:
    refiner, random = Refiner(PLAIN), np.random.default_rng(4)
    for _ in range(3):
        matte = random.random((HEIGHT, WIDTH), np.float32)
        np.testing.assert_array_equal(refine(refiner, room(), matte), matte)


# --- islands


def with_person() -> Matte:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[24:, 16:80] = 1
    return matte


def without_islands(matte: Matte, said: Matte | None = None) -> Matte:
    changed = matte.copy()
    take_out_islands(changed, matte if said is None else said)
    return changed


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_a_speck_far_from_the_person_is_taken_out(alpha: float) -> None:
    matte = with_person()
    matte[10:22, 120:136] = alpha
    np.testing.assert_array_equal(without_islands(matte), with_person())


def test_what_is_connected_to_the_person_is_kept() -> None:
    matte = with_person()
    matte[40:43, 80:150] = 0.5  # an arm, out of focus
    np.testing.assert_array_equal(without_islands(matte), matte)


def test_what_is_faint_connects_nothing_to_the_person() -> None:
    matte = with_person()
    matte[40:43, 80:120] = 0.15
    matte[36:48, 120:136] = 0.6
    expected = with_person()
    expected[40:43, 80:92] = 0.15  # as fine hair may be
    np.testing.assert_allclose(without_islands(matte), expected)


def test_islands_are_taken_out_beside_a_person_of_whom_little_is_remembered() -> None:
    remembered = with_person() * 0.7
    remembered[10:22, 120:136] = 0.6
    said = with_person()
    said[10:22, 120:136] = 0.6
    np.testing.assert_array_equal(without_islands(remembered, said), with_person() * 0.7)


def test_a_second_person_is_kept() -> None:
    matte = with_person()
    matte[60:, 110:150] = 1
    np.testing.assert_array_equal(without_islands(matte), matte)


def test_nothing_is_taken_out_while_nobody_is_solid() -> None:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[24:, 16:80] = 0.8
    matte[10:16, 120:126] = 1
    np.testing.assert_array_equal(without_islands(matte), matte)


def test_a_doubt_within_the_person_is_settled() -> None:
    matte = with_person()
    matte[50:60, 40:52] = 0.6
    np.testing.assert_array_equal(without_islands(matte), with_person())


def test_a_gap_through_which_the_room_is_seen_stays_open() -> None:
    matte = with_person()
    matte[50:60, 40:52] = 0.6
    matte[53:57, 44:48] = 0
    np.testing.assert_array_equal(without_islands(matte), matte)


@pytest.mark.parametrize("islands", [True, False])
def test_islands_can_be_left_in(islands: bool) -> None:
    matte = with_person()
    matte[10:16, 120:126] = 1
    refiner = Refiner(Refinement(**{**vars(PLAIN), "islands": islands}))
    refined = refine(refiner, room(), matte)
    np.testing.assert_array_equal(refined, with_person() if islands else matte)


# --- margin


@pytest.mark.parametrize("margin", [-10, -5, -3, -1, 1, 2, 5, 10])
@pytest.mark.parametrize("rows", [288, 360])
def test_the_edge_moves_by_pixels_of_a_frame_of_720_rows(margin: int, rows: int) -> None:
    matte = np.zeros((rows, 120), np.float32)
    matte[:, :60] = 1
    moved = move_edge(matte, margin)
    np.testing.assert_allclose(moved.sum(axis=1), 60 + margin * rows / 720, atol=1e-3)
    assert 0 <= moved.min() <= moved.max() <= 1
    slope = np.tri(rows, 120, -150, np.float32)
    assert np.sign(move_edge(slope, margin).sum() - slope.sum()) == np.sign(margin)


def test_the_edge_moves_as_far_at_corners_and_slopes() -> None:
    """By an octagon: a disc becomes one that is larger, not a square."""
    disc = np.zeros((360, 360), np.float32)
    cv2.circle(disc, (180, 180), 60, 1.0, -1)
    for margin in (-10, 10):
        moved = move_edge(disc, margin)
        rows, columns = np.nonzero(moved > 0.5)
        radius = np.hypot(rows - 180, columns - 180).max()
        assert radius == pytest.approx(60 + margin / 2, abs=1.5)


def test_a_refiner_moves_the_edge_and_remembers_it_unmoved() -> None:
    refiner = Refiner(Refinement(islands=False, edges=False, colours=False, margin=-10))
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[:, :80] = 1
    for _ in range(20):
        refined = refine(refiner, room(), matte)
    np.testing.assert_allclose(refined.sum(axis=1), 80 - 10 * HEIGHT / 720, atol=1e-3)
