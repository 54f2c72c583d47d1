"""What only a GPU can show. With LIVEMATTE_REQUIRE_GPU=1 these fail, not skip, where none is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import pytest
import skimage.data
import torch

from livematte.background import Background, Blur, Transparent
from livematte.backgrounds.solid import solid
from livematte.frame import Frame, Rendered, Size
from livematte.network import weights
from livematte.network.modnet import MODNet, load_modnet
from livematte.options.refinement import DEFAULT, PLAIN
from livematte.render.cuda.renderer import CudaRenderer, cuda_problem
from livematte.render.torch_cpu.renderer import TorchRenderer

pytestmark = pytest.mark.gpu

FRAME_SIZE: Final = Size(512, 512)
MATTE_SIZE: Final = Size(288, 288)
BACKGROUNDS: Final = [solid("navy"), Blur(20), Transparent()]


@pytest.fixture(scope="module")
def network() -> MODNet:
    return load_modnet(weights.fold(weights.read(weights.find("photographic"))))


@pytest.fixture(scope="module")
def renderer(network: MODNet) -> Iterator[CudaRenderer]:
    assert cuda_problem("cuda:0") is None
    renderer = CudaRenderer("cuda:0", FRAME_SIZE, MATTE_SIZE, network, refinement=PLAIN)
    print(renderer.description)
    yield renderer
    renderer.close()


def frame(index: int) -> Frame:
    """The astronaut, in BGR, moved a little from frame to frame."""
    astronaut = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    image = np.roll(astronaut[..., ::-1], 8 * index, axis=1)
    return Frame(np.ascontiguousarray(image), index, time.monotonic(), index / 30)


def collected(renderer: CudaRenderer | TorchRenderer) -> Rendered:
    rendered = renderer.collect(timeout_seconds=20)
    assert rendered is not None
    return rendered


@pytest.mark.parametrize("background", BACKGROUNDS, ids=lambda each: each.description)
def test_it_agrees_with_the_cpu(
    renderer: CudaRenderer, network: MODNet, background: Background
) -> None:
    cpu = TorchRenderer(FRAME_SIZE, MATTE_SIZE, network, PLAIN)
    agree(renderer, cpu, background)


def test_it_refines_as_the_cpu_does(network: MODNet) -> None:
    refinement = replace(DEFAULT, margin=-2, light_wrap=0.5)
    renderer = CudaRenderer("cuda:0", FRAME_SIZE, MATTE_SIZE, network, refinement=refinement)
    agree(renderer, TorchRenderer(FRAME_SIZE, MATTE_SIZE, network, refinement), BACKGROUNDS[0])
    renderer.close()


def agree(renderer: CudaRenderer, cpu: TorchRenderer, background: Background) -> None:
    for index in range(3):
        assert renderer.submit(frame(index), background)
        assert cpu.submit(frame(index), background)
        ours, reference = collected(renderer), collected(cpu)
        for picture, expected in ((ours.alpha, reference.alpha), (ours.image, reference.image)):
            difference = np.abs(picture.astype(int) - expected)
            assert difference.mean() < 1


def test_frames_in_flight_come_out_as_alone(renderer: CudaRenderer) -> None:
    alone = []
    for index in range(12):
        assert renderer.submit(frame(index), BACKGROUNDS[index % 3])
        alone.append(collected(renderer).image.copy())
    submitted = done = 0
    while done < len(alone):
        while submitted < len(alone) and renderer.submit(
            frame(submitted), BACKGROUNDS[submitted % 3]
        ):
            submitted += 1
        rendered = collected(renderer)
        assert rendered.index == done
        np.testing.assert_array_equal(rendered.image, alone[done])
        done += 1


def test_frames_take_no_memory_and_wait_for_nothing(renderer: CudaRenderer) -> None:
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for index in range(60):
            assert renderer.submit(frame(index), BACKGROUNDS[index % 3])
            collected(renderer)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before


def test_time_for_a_frame(renderer: CudaRenderer) -> None:
    """Measures and prints; what is fast enough depends on the device."""
    frames = [frame(index) for index in range(10)]
    background = solid("navy")
    latencies = []
    for each in frames * 10:
        started = time.perf_counter()
        assert renderer.submit(each, background)
        collected(renderer)
        latencies.append(1000 * (time.perf_counter() - started))
    started = time.perf_counter()
    done = 0
    for each in frames * 10:
        while not renderer.submit(each, background):
            collected(renderer)
            done += 1
    while done < 10 * len(frames):
        collected(renderer)
        done += 1
    rate = done / (time.perf_counter() - started)
    print(
        f"{renderer.description}: {statistics.median(latencies):.2f} ms a frame alone, "
        f"{rate:.0f} frames/s in flight"
    )
