"""Mattes from Python, held to the network's own file in ONNX Runtime."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

import livematte
from livematte import Matter, cutout, matte
from livematte.errors import DeviceError, UsageError
from livematte.frame import Image
from livematte.matting.edges import SURE
from livematte.options.rendering import TORCH_CPU, RenderOptions
from livematte.render.opening import open_still_network
from livematte.render.openvino.still import SIZES_KEPT
from tests.network.pictures import REFERENCE, astronaut_photo, reference_matte


@pytest.fixture(scope="module")
def astronaut() -> Image:
    return astronaut_photo()


@pytest.fixture(scope="module")
def matter() -> Matter:
    return Matter()


@pytest.mark.skipif(
    not REFERENCE.exists(), reason="the authors' ONNX file is not beside the checkout"
)
@pytest.mark.parametrize("short_side", [288, 512])
def test_the_astronauts_matte_is_onnx_runtimes(astronaut: Image, short_side: int) -> None:
    side = (short_side, short_side)
    small = cv2.resize(astronaut, side, interpolation=cv2.INTER_AREA).astype(np.float32)
    expected = reference_matte((small / 127.5 - 1).transpose(2, 0, 1)[None])[0, 0]
    resized = cv2.resize(expected, (512, 512), interpolation=cv2.INTER_LINEAR)
    got = Matter(matte_short_side=short_side).matte(astronaut)
    assert got.shape == (512, 512)
    assert got.dtype == np.float32
    assert np.abs(got - resized).mean() < 1e-3


def test_the_package_gives_mattes_and_cut_outs(astronaut: Image) -> None:
    alpha, person = matte(astronaut), cutout(astronaut)
    assert person.shape == (512, 512, 4)
    assert person.dtype == np.uint8
    assert np.abs(person[..., 3] / 255 - alpha).max() <= 0.5 / 255 + 1e-6
    invisible = person[..., 3] == 0
    assert invisible.mean() > 0.2
    assert not person[invisible].any()
    sure = person[..., 3] == 255
    np.testing.assert_array_equal(person[sure][:, :3], astronaut[sure])
    with pytest.raises(AttributeError):
        _ = livematte.missing  # type: ignore[attr-defined]


def test_it_can_be_pickled_with_and_without_its_network(astronaut: Image, matter: Matter) -> None:
    before = pickle.dumps(Matter(matte_short_side=256))
    assert pickle.loads(before).matte_short_side == 256
    expected = matter.matte(astronaut)
    pickled = pickle.dumps(matter)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(pickle.loads(pickled).matte(astronaut), expected)


def test_batches_of_one_size_and_of_many(astronaut: Image, matter: Matter) -> None:
    alpha = matter.matte(astronaut)
    whole = matter({"image": np.stack([astronaut, astronaut]), "name": np.array(["a", "b"])})
    assert whole["alpha"].shape == (2, 512, 512)
    np.testing.assert_array_equal(whole["alpha"][1], alpha)
    assert list(whole["name"]) == ["a", "b"]
    images = np.empty(2, object)
    images[0], images[1] = astronaut, astronaut[:300]
    mixed = matter({"image": images})["alpha"]
    assert [each.shape for each in mixed] == [(512, 512), (300, 512)]


def test_many_threads_and_sizes_at_once_do_not_mix_up_mattes(astronaut: Image) -> None:
    matter = Matter(matte_short_side=224, parallel=4)
    pictures = [astronaut[: 512 - 32 * each] for each in range(SIZES_KEPT + 2)]
    alone = [Matter(matte_short_side=224).matte(each) for each in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(matter.matte, pictures * 2))
    for got, expected in zip(together, alone * 2, strict=True):
        # The network's last bit may decide whether a pixel is sure, which is seen in a few around.
        off = np.abs(got - expected)
        assert off.max() < 1.5 * SURE
        assert (off > 2e-4).mean() < 1e-3


def test_pytorch_gives_the_same_matte(astronaut: Image, matter: Matter) -> None:
    on_torch = Matter(device="torch:cpu")
    assert on_torch.load() == "PyTorch fp32 on the CPU"
    assert np.abs(on_torch.matte(astronaut) - matter.matte(astronaut)).mean() < 1e-5


def test_a_panorama_and_a_single_pixel(matter: Matter) -> None:
    for shape in ((1, 1, 3), (3, 4000, 3), (4000, 1, 3)):
        assert matter.matte(np.full(shape, 90, np.uint8)).shape == shape[:2]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
        [[1]],
    ],
)
def test_what_is_no_rgb_picture_is_refused(image: Image, matter: Matter) -> None:
    with pytest.raises(ValueError, match="image: expected"):
        matter.matte(image)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="Matte size 100"):
        Matter(matte_short_side=100)
    with pytest.raises(UsageError, match="warp"):
        Matter(device="warp")
    with pytest.raises(DeviceError, match="int8"):
        open_still_network(RenderOptions(TORCH_CPU, "int8"))
