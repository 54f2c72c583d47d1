from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from livematte.frame import Size
from livematte.network import layout, weights
from livematte.network.modnet import IBNorm, MODNet, load_modnet
from tests.network.make_golden import GOLDEN
from tests.network.make_golden import SIZE as GOLDEN_SIZE
from tests.network.pictures import REFERENCE, astronaut, reference_matte


@pytest.fixture(scope="module")
def modnet() -> MODNet:
    return load_modnet(weights.fold(weights.read(weights.find("photographic"))))


def matte(modnet: MODNet, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        alpha = modnet(torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last))
    return np.asarray(alpha.numpy(), np.float32)


@pytest.mark.skipif(
    not REFERENCE.exists(), reason="the authors' ONNX file is not beside the checkout"
)
@pytest.mark.parametrize("size", [Size(512, 288), Size(512, 512), Size(672, 512)], ids=str)
def test_it_agrees_with_the_authors_own_file_in_onnx_runtime(modnet: MODNet, size: Size) -> None:
    pixels = astronaut(size)
    difference = np.abs(matte(modnet, pixels) - reference_matte(pixels))
    assert difference.shape == (1, 1, size.height, size.width)
    assert difference.mean() < 1e-5
    assert difference.max() < 1e-3


def test_it_agrees_with_the_golden_matte(modnet: MODNet) -> None:
    golden = cv2.imread(str(GOLDEN), cv2.IMREAD_GRAYSCALE)
    assert golden is not None
    made = matte(modnet, astronaut(GOLDEN_SIZE))[0, 0] * 255
    assert 0.2 < golden.mean() / 255 < 0.6
    assert np.abs(made - golden).max() <= 0.5 + 1e-3 * 255


def test_ibnorm_is_what_its_paper_says() -> None:
    """Against PyTorch's own InstanceNorm; the other half is in the convolution before."""
    x = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (2, 8, 9, 7)).astype(np.float32))
    out = IBNorm()(x)
    torch.testing.assert_close(out[:, :4], x[:, :4])
    torch.testing.assert_close(out[:, 4:], torch.nn.functional.instance_norm(x[:, 4:]))


def test_ibnorm_does_not_overflow_in_half_precision() -> None:
    x = torch.from_numpy(
        np.random.default_rng(0).normal(60, 300, (1, 8, 96, 96)).astype(np.float32)
    )
    half = IBNorm()(x.half()).float()
    assert half.isfinite().all()
    torch.testing.assert_close(half[:, 4:], IBNorm()(x)[:, 4:], atol=0.03, rtol=0.02)


def test_the_layout_names_every_parameter_of_the_network() -> None:
    state = {name: np.zeros(shape, np.float32) for name, shape in layout.SHAPES.items()}
    folded = weights.fold(state)
    with torch.device("meta"):
        parameters = MODNet().state_dict()
    assert {name: tuple(each.shape) for name, each in parameters.items()} == {
        name: each.shape for name, each in folded.items()
    }
