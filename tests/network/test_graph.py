from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from livematte.frame import Size
from livematte.network import weights
from livematte.network.graph import build_modnet, openvino
from livematte.network.modnet import MODNet, load_modnet
from tests.network.pictures import astronaut

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


@pytest.fixture(scope="module")
def state() -> weights.State:
    return weights.fold(weights.read(weights.find("photographic")))


@pytest.fixture(scope="module")
def modnet(state: weights.State) -> MODNet:
    return load_modnet(state)


@pytest.mark.parametrize("size", [Size(512, 288), Size(288, 384), Size(320, 320)], ids=str)
def test_it_is_the_network_that_pytorch_has(
    state: weights.State, modnet: MODNet, size: Size
) -> None:
    pixels = astronaut(size)
    compiled = openvino.Core().compile_model(build_modnet(state), "CPU", EXACT)
    got = np.asarray(compiled(pixels)[0])
    with torch.inference_mode():
        expected = modnet(torch.from_numpy(pixels)).numpy()
    assert got.shape == expected.shape == (1, 1, size.height, size.width)
    assert expected.max() > 0.9
    assert np.abs(got - expected).max() < 1e-4


IMPORT_AND_RUN = """
import os, socket, sys

def forbidden(*arguments, **options):
    print("went online:", arguments, flush=True)
    os._exit(1)

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = forbidden
import numpy as np

from livematte.network.openvino_runtime import load_openvino

openvino = load_openvino()
parameter = openvino.opset15.parameter([1], openvino.Type.f32)
model = openvino.Model([openvino.opset15.relu(parameter)], [parameter], "relu")
assert openvino.Core().compile_model(model, "CPU")([np.float32([-1])])[0] == 0
loaded = [name for name in sys.modules if name.startswith("openvino_telemetry")]
assert [sys.modules[name] for name in loaded] == [None], loaded
"""


def test_openvino_comes_without_its_telemetry(tmp_path: Path) -> None:
    """Nothing is sent, and no identifier is left in the user's home."""
    home = {name: str(tmp_path) for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")}
    # CI is where OpenVINO's telemetry keeps quiet of itself.
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | home
    finished = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_RUN],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # Telemetry goes online from a process of its own, whose exit code nobody sees.
    assert finished.stdout == ""
    assert list(tmp_path.rglob("*")) == []
