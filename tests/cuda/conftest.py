"""A network whose mattes are worth compositing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from livematte.network.modnet import MODNet

from .pictures import MATTE_SIZE


@pytest.fixture(scope="session")
def network() -> MODNet:
    """Weights at random, the last layer such that mattes hold 0, 1 and much between."""
    torch.manual_seed(0)
    network = MODNet().eval().requires_grad_(False)
    last = network.get_submodule("f_branch.conv_f.1.layers.0")
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    pixels = torch.rand(1, 3, MATTE_SIZE.height, MATTE_SIZE.width) * 2 - 1
    logits = torch.logit(network(pixels))
    scale = 5 / logits.std()
    last.bias.copy_((last.bias - logits.mean()) * scale)
    last.weight.mul_(scale)
    return network
