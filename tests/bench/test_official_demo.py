from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from livematte.backgrounds.parse import parse
from livematte.bench.official_demo import (
    CUT,
    OfficialDemo,
    cut,
    load_published_modnet,
    to_input,
)
from livematte.frame import Frame, Size
from livematte.network import weights
from livematte.network.modnet import MODNet, load_modnet
from livematte.sources import Demo

SIZE = Size(1280, 720)


@pytest.fixture(scope="module")
def frame() -> Frame:
    with Demo(SIZE, realtime=False) as demo:
        return next(islice(demo.frames(), 1))


@pytest.fixture(scope="module")
def published() -> MODNet:
    return load_published_modnet(weights.read(weights.find("photographic")))


def test_its_matte_is_that_of_livematte_s_network(frame: Frame, published: MODNet) -> None:
    ours = load_modnet(weights.fold(weights.read(weights.find("photographic"))))
    pixels = to_input(cut(frame.image))
    with torch.no_grad():
        expected, matte = ours(pixels), published(pixels)
    assert expected.mean() > 0.1
    assert (matte - expected).abs().max() < 1e-4


def test_it_does_the_work_of_all_norms_that_were_published(published: MODNet) -> None:
    layers = list(published.modules())

    def count(kind: type[nn.Module]) -> int:
        return sum(isinstance(layer, kind) for layer in layers)

    # 52 convolutions in the encoder; 16 in the branches with IBNorm, and a last one without.
    assert count(nn.Conv2d) == 52 + 16 + 1
    assert count(nn.BatchNorm2d) == 52 + 16
    assert count(nn.InstanceNorm2d) == 16
    assert count(nn.Identity) == 0


def test_the_network_sees_the_middle_of_the_frame_in_rgb_from_minus_1_to_1() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    image[:, 640:] = (255, 0, 0)  # blue on the right half
    pixels = to_input(cut(image))
    assert pixels.shape == (1, 3, CUT.height, CUT.width)
    assert pixels.is_contiguous()
    left, right = pixels[0, :, 0, 10], pixels[0, :, 0, -10]
    assert left.tolist() == [-1, -1, -1]
    assert right.tolist() == [-1, -1, 1]
    assert (pixels[0, 2, 0] > 0).sum() == CUT.width // 2


def test_it_shows_the_person_on_white(frame: Frame) -> None:
    renderer = OfficialDemo(SIZE)
    assert renderer.submit(frame, parse("navy"))
    picture = renderer.collect(60)
    assert picture is not None
    assert picture.size == CUT
    middle = cut(frame.image)[..., ::-1]
    person, room = picture.alpha > 249, picture.alpha == 0
    assert person.mean() > 0.1
    assert room.mean() > 0.1
    np.testing.assert_allclose(picture.image[person], middle[person], atol=6)
    assert picture.image[room].min() >= 253
    assert set(renderer.timings.by_stage()) == {"resize", "network", "composite"}
