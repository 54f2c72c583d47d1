"""The person on a background: in their own colours, and in its light."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import pytest

from livematte.background import Background, Blur, Picture
from livematte.backgrounds.parse import parse
from livematte.frame import Frame, Image, Size
from livematte.matting.colours import estimate_foreground
from livematte.matting.composite import Compositor
from livematte.matting.room_blur import RoomBlur

SIZE: Final = Size(480, 360)
PERSON, ROOM = (40, 90, 210), (200, 220, 60)
BACKGROUNDS: Final = ("#204060", "blur:40", "transparent")


def soft_disc() -> tuple[Image, Image]:
    """A disc of one colour with a wide soft edge in a room of another, and its alpha.

    The room is dark further away, so that out of focus it is of another colour.
    """
    alpha = np.zeros((SIZE.height, SIZE.width), np.uint8)
    room = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    cv2.circle(room, (240, 180), 125, ROOM, -1)
    cv2.circle(alpha, (240, 180), 90, 255, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 8).astype(np.uint8)
    part = alpha[..., None] / 255
    return np.rint(part * PERSON + (1 - part) * room).astype(np.uint8), alpha


def hard_disc() -> Image:
    alpha = np.zeros((SIZE.height, SIZE.width), np.uint8)
    cv2.circle(alpha, (240, 180), 90, 255, -1)
    return alpha


def composed(
    image: Image, alpha: Image, background: str, *, colours: bool = False, light_wrap: float = 0.0
) -> Image:
    compositor = Compositor(SIZE, colours=colours, light_wrap=light_wrap)
    out = np.full_like(image, 77)
    compositor.compose(Frame(image, 0, 0.0, 0.0), alpha, parse(background), out)
    return out


def behind(image: Image, alpha: Image, background: Background) -> Image:
    """What is seen where nobody is."""
    if isinstance(background, Picture):
        return background.picture_at(SIZE, 0.0)
    out = np.zeros_like(image)
    if isinstance(background, Blur):
        RoomBlur(SIZE).blur(image, alpha, background.reduced_sigma(SIZE), out)
    return out


# --- colours


@pytest.mark.parametrize("text", BACKGROUNDS)
def test_soft_pixels_hold_the_persons_colour_and_not_the_rooms(text: str) -> None:
    image, alpha = soft_disc()
    soft = (alpha > 20) & (alpha < 235)
    part = alpha[soft][:, None] / 255
    if text == "transparent":
        expected = np.broadcast_to(PERSON, (len(part), 3))
    else:
        expected = part * PERSON + (1 - part) * behind(image, alpha, parse(text))[soft]
    # A cut-out never holds the frame's own colours.
    plain = image if text == "transparent" else composed(image, alpha, text)
    off, plainly_off = (
        np.abs(each[soft] - expected).mean()
        for each in (composed(image, alpha, text, colours=True), plain)
    )
    assert plainly_off > 10
    assert off < 0.4 * plainly_off


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("text", BACKGROUNDS)
def test_what_is_sure_is_exact(text: str, colours: bool) -> None:
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (SIZE.height, SIZE.width, 3), np.uint8)
    alpha = random.choice(
        np.array([0, 0, 1, 90, 254, 255, 255], np.uint8), (SIZE.height, SIZE.width)
    )
    out = composed(image, alpha, text, colours=colours)
    expected = behind(image, alpha, parse(text))
    np.testing.assert_array_equal(out[alpha == 0], expected[alpha == 0])
    np.testing.assert_array_equal(out[alpha == 255], image[alpha == 255])


@pytest.mark.parametrize("text", ["#204060", "blur:40"])
def test_without_colours_soft_pixels_are_mixed_by_their_alpha(text: str) -> None:
    random = np.random.default_rng(3)
    image = random.integers(0, 256, (SIZE.height, SIZE.width, 3), np.uint8)
    alpha = random.integers(0, 256, SIZE[::-1], np.uint8)
    part = alpha[..., None] / 255
    expected = part * image + (1 - part) * behind(image, alpha, parse(text))
    assert np.abs(composed(image, alpha, text) - expected).max() < 0.51


def test_the_persons_own_pattern_is_kept_in_soft_pixels() -> None:
    """A checked shirt out of focus at the edge is not to become a shirt of one colour."""
    image, alpha = soft_disc()
    checks = 40 * ((np.indices(alpha.shape) // 3).sum(axis=0) % 2 * 2 - 1)
    part = alpha[..., None] / 255
    image = np.clip(image + part * checks[..., None], 0, 255).astype(np.uint8)
    out = composed(image, alpha, "transparent", colours=True).astype(float)
    soft = (alpha > 150) & (alpha < 235)
    light, dark = (out[soft & sign].mean() for sign in (checks > 0, checks < 0))
    assert light - dark > 40


def test_a_cut_out_of_a_video_has_the_colours_of_a_photos() -> None:
    image, alpha = soft_disc()
    for colours in (True, False):
        made = composed(image, alpha, "transparent", colours=colours)
        np.testing.assert_array_equal(made, estimate_foreground(image, alpha))


def test_a_compositor_can_be_used_again_for_whatever_comes() -> None:
    """Nothing is left behind of a picture or of a background in the buffers."""
    image, alpha = soft_disc()
    pictures = [(image, alpha), (255 - image, 255 - alpha), (image, alpha)]
    compositor = Compositor(SIZE, colours=True, light_wrap=0.5)
    for text in (*BACKGROUNDS, *BACKGROUNDS):
        for each, matte in pictures:
            out = np.full_like(image, 99)
            compositor.compose(Frame(each, 0, 0.0, 0.0), matte, parse(text), out)
            fresh = composed(each, matte, text, colours=True, light_wrap=0.5)
            np.testing.assert_array_equal(out, fresh)


# --- light


def test_what_light_does_not_reach_is_blended_all_the_same() -> None:
    """Soft pixels far within the person, and on a background that gives no light."""
    image, alpha = soft_disc()
    alpha[170:190, 230:250] = 252
    for text in ("black", "white"):
        within = np.s_[170:190, 230:250]
        lit, unlit = (composed(image, alpha, text, light_wrap=each)[within] for each in (1.0, 0.0))
        np.testing.assert_array_equal(lit, unlit)


def changed_by_light(image: Image, alpha: Image, text: str, strength: float = 0.6) -> Image:
    """By how much light makes each channel brighter: int (H, W, 3)."""
    lit = composed(image, alpha, text, light_wrap=strength)
    return np.asarray(lit.astype(int) - composed(image, alpha, text))


def test_light_falls_only_on_the_person_near_the_edge_and_only_brightens() -> None:
    image, alpha = soft_disc()
    change = changed_by_light(image, alpha, "white")
    assert change.min() >= 0
    assert not change[alpha == 0].any()
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width]
    distance = np.hypot(rows - 180, columns - 240)
    edge = (distance > 80) & (distance < 90)
    assert change[edge].mean() > 10
    assert not change[distance < 60].any()
    means = [change[(distance >= far) & (distance < far + 4)].mean() for far in (70, 76, 82)]
    assert means == sorted(means), "the more the nearer to the edge"


def test_a_brighter_background_gives_more_light_and_a_black_one_none() -> None:
    image, alpha = soft_disc()
    light = [changed_by_light(image, alpha, each).sum() for each in ("black", "#606060", "white")]
    assert light[0] == 0
    assert light[2] > 1.5 * light[1] > 0


def test_light_is_of_the_backgrounds_colour_and_as_strong_as_it_was_told() -> None:
    image, alpha = soft_disc()
    weak, strong = (changed_by_light(image, alpha, "#0000ff", each) for each in (0.2, 1.0))
    assert not strong[..., 1:].any()
    assert strong[..., 0].sum() > 3 * weak[..., 0].sum() > 0


def test_without_strength_there_is_no_light() -> None:
    image, alpha = soft_disc()
    assert not changed_by_light(image, alpha, "white", 0.0).any()
    assert not changed_by_light(image, alpha, "white", 1e-9).any()


def test_no_light_falls_on_a_cut_out() -> None:
    image, alpha = soft_disc()
    assert not changed_by_light(image, alpha, "transparent").any()


def test_the_light_shows_nothing_of_the_old_room() -> None:
    alpha = hard_disc()
    random = np.random.default_rng(2)
    rooms = random.integers(0, 256, (2, SIZE.height, SIZE.width, 3), np.uint8)
    for each in rooms:
        each[alpha == 255] = PERSON
    one, other = (composed(each, alpha, "#a0b0c0", light_wrap=1.0) for each in rooms)
    np.testing.assert_array_equal(one, other)
    assert (one[alpha == 255] != PERSON).any(), "there is light"
