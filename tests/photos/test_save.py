from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from livematte.background import Background
from livematte.backgrounds.parse import parse
from livematte.frame import Image
from livematte.media.photo.read import Photo
from livematte.photos.save import Matted, Save, encode, matted
from tests.photos.pictures import SRGB, portrait

GREEN = parse("#00ff00")


@pytest.fixture
def alpha() -> Image:
    alpha = np.zeros((128, 128), np.uint8)
    cv2.circle(alpha, (64, 64), 40, 255, -1)
    return cv2.GaussianBlur(alpha, (0, 0), 4).astype(np.uint8)


@pytest.fixture
def result(alpha: Image) -> Matted:
    return matted(Photo(portrait(), None, SRGB), alpha, set(Save))


def opened(
    result: Matted, kind: Save, image_format: str = "png", background: Background = GREEN
) -> Pillow.Image:
    return Pillow.open(io.BytesIO(encode(result, kind, image_format, background)))


def test_the_matte_is_grey_and_exact(result: Matted, alpha: Image) -> None:
    picture = opened(result, Save.ALPHA, "jpg")
    assert (picture.format, picture.mode) == ("PNG", "L")
    np.testing.assert_array_equal(np.array(picture), alpha)


@pytest.mark.parametrize("image_format", ["png", "webp"])
def test_a_cutout_has_alpha_the_profile_and_nothing_of_the_room(
    result: Matted, alpha: Image, image_format: str
) -> None:
    picture = opened(result, Save.CUTOUT, image_format)
    assert (picture.format, picture.mode) == (image_format.upper(), "RGBA")
    assert picture.info["icc_profile"] == SRGB
    pixels = np.array(picture)
    np.testing.assert_array_equal(pixels[..., 3], alpha)
    # Lossy pictures smear the person's colours by a block.
    smeared = 1 if image_format == "png" else 33
    far = cv2.dilate(alpha, np.ones((smeared, smeared), np.uint8)) == 0
    assert far.any()
    assert pixels[far][..., :3].max() <= (0 if image_format == "png" else 2)


def test_a_composite_is_the_background_where_nobody_is(result: Matted, alpha: Image) -> None:
    pixels = np.array(opened(result, Save.COMPOSITE))
    np.testing.assert_array_equal(pixels[alpha == 0], np.tile((0, 255, 0), ((alpha == 0).sum(), 1)))
    np.testing.assert_array_equal(pixels[alpha == 255], portrait()[alpha == 255])


def test_a_blurred_composite_keeps_the_person(result: Matted, alpha: Image) -> None:
    pixels = np.array(opened(result, Save.COMPOSITE, background=parse("blur:40")))
    np.testing.assert_array_equal(pixels[alpha == 255], portrait()[alpha == 255])
    assert np.abs(pixels[alpha == 0].astype(int) - portrait()[alpha == 0]).mean() > 5


def test_a_comparison_is_original_foreground_on_white_and_matte(
    result: Matted, alpha: Image
) -> None:
    pixels = np.array(opened(result, Save.COMPARISON))
    assert pixels.shape == (128, 384, 3)
    original, foreground, matte = np.split(pixels, 3, axis=1)
    np.testing.assert_array_equal(original, portrait())
    assert (foreground[alpha == 0] == 255).all()
    np.testing.assert_array_equal(foreground[alpha == 255], portrait()[alpha == 255])
    np.testing.assert_array_equal(matte, np.repeat(alpha[..., None], 3, axis=2))


def test_what_was_transparent_stays_transparent(alpha: Image) -> None:
    own = np.zeros((128, 128), np.uint8)
    own[:64] = 255
    result = matted(Photo(portrait(), own, None), alpha, {Save.ALPHA})
    assert not result.alpha[64:].any()
    np.testing.assert_array_equal(result.alpha[:64], alpha[:64])
