"""The real renderer on simulated CUDA: numbers, transfers, order, errors, planted mistakes."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from livematte.background import Background, Blur, Picture, Transparent
from livematte.errors import BackgroundError, DeviceError, MatteError, RenderError
from livematte.frame import Frame, Image, Size
from livematte.matting.matte_guard import MatteGuard
from livematte.matting.room_blur import taps, taps_size
from livematte.network.modnet import MODNet
from livematte.options.refinement import DEFAULT, PLAIN, Refinement
from livematte.render.cuda.device import CudaDevice, Mirror, Work
from livematte.render.cuda.frame import Compositing, FramePath, FrameTensors
from livematte.render.cuda.renderer import CudaRenderer, _SlotWork

from .pictures import FRAME_SIZE, MATTE_SIZE, TRUSTING, Trusting, frame, room_picture
from .simulation import Log, SimulatedCuda, SimulatedTensor, simulated_cuda

Opened = tuple[CudaRenderer, SimulatedCuda]

PASCAL = (6, 1)
AMPERE = (8, 6)


class Room(Picture):
    """Moves on `pictures_per_frame` times a frame: 0 stands still."""

    description = "room"

    def __init__(self, pictures_per_frame: float = 0.0) -> None:
        self._pictures_per_frame = pictures_per_frame
        self._shown = -1
        self._picture = room_picture()

    def picture_at(self, size: Size, seconds: float) -> Image:
        assert size == FRAME_SIZE
        due = round(30 * seconds * self._pictures_per_frame)
        if due != self._shown:
            self._shown, self._picture = due, room_picture(1000 + due)
        return self._picture


def opened(
    network: MODNet,
    capability: tuple[int, int] = PASCAL,
    seed: int = 0,
    refinement: Refinement = PLAIN,
    guard: MatteGuard = TRUSTING,
) -> Opened:
    with simulated_cuda(seed=seed, capability=capability) as cuda:
        renderer = CudaRenderer(
            "cuda",
            FRAME_SIZE,
            MATTE_SIZE,
            network,
            cuda=cuda,
            refinement=refinement,
            guard=guard,
        )
    cuda.log = Log()
    return renderer, cuda


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors are quicker by far on one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def shared(network: MODNet, one_thread: None) -> Opened:  # noqa: ARG001
    """A renderer in float32 that leaves every test with nothing in flight."""
    return opened(network)


@pytest.fixture
def renderer(shared: Opened) -> Iterator[CudaRenderer]:
    renderer, cuda = shared
    cuda.log = Log()
    yield renderer
    while renderer.collect(timeout_seconds=0.1) is not None:
        pass
    assert not cuda.executor.races


def on_the_cpu(network: MODNet, frame: Frame, background: Background) -> tuple[Image, Image]:
    """The same frame path on the CPU, one operation after the other: image and alpha."""
    pixels = torch.from_numpy(frame.image)
    tensors = FrameTensors(
        frame=pixels,
        picture=pixels,
        blur_taps=torch.empty(0),
        image=torch.empty_like(pixels),
        alpha=torch.empty_like(pixels[..., 0]),
        forget=torch.zeros(1, dtype=torch.bool),
        light_wrap=torch.zeros(1),
        pixels=torch.empty(MATTE_SIZE.height, MATTE_SIZE.width, 3, dtype=torch.uint8),
        raw=torch.empty(MATTE_SIZE.height, MATTE_SIZE.width, dtype=torch.uint8),
        is_alpha=torch.empty(1, dtype=torch.uint8),
    )
    kind = Compositing.TRANSPARENT
    if isinstance(background, Picture):
        kind = Compositing.PICTURE
        picture = background.picture_at(frame.size, frame.media_seconds)
        tensors = FrameTensors(**{**vars(tensors), "picture": torch.from_numpy(picture)})
    elif isinstance(background, Blur):
        kind = Compositing.BLUR
        given = taps(Blur.reduced_size(frame.size), background.reduced_sigma(frame.size))
        tensors = FrameTensors(**{**vars(tensors), "blur_taps": torch.from_numpy(given)})
    path = FramePath(frame.size, MATTE_SIZE, network, torch.float32, torch.device("cpu"), PLAIN)
    path.render(tensors, kind)
    return tensors.image.numpy(), tensors.alpha.numpy()


def submit(renderer: CudaRenderer, index: int, background: Background) -> None:
    """Of a frame whose memory is written again as soon as it may be."""
    submitted = frame(index)
    assert renderer.submit(submitted, background)


@pytest.mark.parametrize("background", [Room(), Blur(20), Transparent()])
def test_float32_is_bit_for_bit_the_cpus(
    renderer: CudaRenderer, network: MODNet, background: Background
) -> None:
    submit(renderer, 3, background)
    rendered = renderer.collect(timeout_seconds=20)
    assert rendered is not None
    image, alpha = on_the_cpu(network, frame(3), background)
    assert len(np.unique(alpha)) > 100, "the network's mattes are too dull to tell anything"
    np.testing.assert_array_equal(rendered.image, image)
    np.testing.assert_array_equal(rendered.alpha, alpha)
    assert (rendered.index, rendered.captured_seconds, rendered.media_seconds) == (3, 8, 0.1)
    assert rendered.transparent == isinstance(background, Transparent)


def test_float16_is_close_to_float32(one_thread: None) -> None:  # noqa: ARG001
    torch.manual_seed(0)
    network = MODNet().eval()
    renderer, _ = opened(network, AMPERE)
    assert renderer.description.startswith("CUDA float16 on NVIDIA Simulated")
    submit(renderer, 0, Transparent())
    rendered = renderer.collect(timeout_seconds=20)
    assert rendered is not None
    _, single = on_the_cpu(network, frame(0), Transparent())
    difference = np.abs(rendered.alpha.astype(int) - single)
    assert 0 < difference.mean() < 1


def run(
    renderer: CudaRenderer, backgrounds: list[Background], random: Random, network: MODNet
) -> None:
    """Submit and collect at random moments; every frame must be its own, on its own background."""
    expected: list[tuple[Image, Image]] = []
    collected = 0
    while collected < len(backgrounds):
        index = len(expected)
        if index < len(backgrounds) and random.random() < 0.6:
            submitted = frame(index)
            if renderer.submit(submitted, backgrounds[index]):
                expected.append(on_the_cpu(network, submitted, backgrounds[index]))
                submitted.image[...] = 0
        if random.random() < 0.5:
            rendered = renderer.collect(timeout_seconds=0)
            if rendered is not None:
                assert rendered.index == collected, "out of order"
                image, alpha = expected[collected]
                assert np.array_equal(rendered.alpha, alpha), "another frame's matte"
                assert np.array_equal(rendered.image, image), "on another background"
                collected += 1


def mixed_backgrounds(count: int, random: Random) -> list[Background]:
    """Moving and still pictures, blur of changing strength, nothing: in random order."""
    still, film = Room(), Room(pictures_per_frame=1)
    return [
        random.choice((still, film, Transparent(), Blur(random.choice((4, 20, 100)))))
        for _ in range(count)
    ]


def test_every_frame_is_its_own_on_the_background_it_was_submitted_with(
    renderer: CudaRenderer, network: MODNet
) -> None:
    random = Random(1)
    run(renderer, mixed_backgrounds(24, random), random, network)


def test_per_frame_nothing_but_two_copies_and_a_graph(
    renderer: CudaRenderer, shared: Opened
) -> None:
    _, cuda = shared
    pixels = FRAME_SIZE.width * FRAME_SIZE.height
    blur_bytes = 4 * taps_size(Blur.reduced_size(FRAME_SIZE))
    judged = 4 * MATTE_SIZE.width * MATTE_SIZE.height + 1
    upload, download = ("upload", 3 * pixels), ("download", 4 * pixels + judged)
    room, film = Room(), Room(pictures_per_frame=1)
    frames: list[tuple[Background, int]] = [
        *[(Transparent(), 0)] * 3,
        *[(room, 3 * pixels)] * 3,  # once into each slot
        *[(room, 0)] * 3,
        *[(film, 3 * pixels)] * 3,
        *[(Blur(7), blur_bytes)] * 3,
        *[(Blur(7), 0)] * 3,
        *[(Blur(8), blur_bytes)],
        *[(film, 3 * pixels)],
    ]
    for index, (background, background_bytes) in enumerate(frames):
        cuda.log = Log()
        submit(renderer, index, background)
        assert renderer.collect(timeout_seconds=20) is not None
        changed = [("upload", background_bytes)] if background_bytes else []
        assert cuda.log.copies == [upload, *changed, download]
        assert cuda.log.replays == 1
        assert not cuda.log.waits
        assert not cuda.log.allocations
        assert not cuda.log.kernels


def test_per_frame_the_host_takes_no_memory_of_a_frames_size(renderer: CudaRenderer) -> None:
    slot = renderer._ring.free_slot()
    assert slot is not None
    submitted, room = frame(0), Room()
    room.picture_at(FRAME_SIZE, submitted.media_seconds)
    tracemalloc.start()
    slot.work.fill(submitted, room, 0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < submitted.image.nbytes / 4


def test_neighbouring_frames_may_overlap(renderer: CudaRenderer, shared: Opened) -> None:
    _, cuda = shared
    before = len(cuda.executor.operations)
    submit(renderer, 0, Transparent())
    submit(renderer, 1, Transparent())
    first, second = np.split(np.array(cuda.executor.operations[before:]), 2)
    assert [operation.label for operation in first] == ["upload", "replay", "download"]
    assert second[0].may_overlap(first[1])
    assert second[1].may_overlap(first[2])
    assert first[1].is_before(second[1]), "graphs share memory and must not overlap"


def test_two_threads(renderer: CudaRenderer, network: MODNet) -> None:
    frames = 20
    expected = [on_the_cpu(network, frame(index), Blur(9)) for index in range(frames)]

    def submit_all() -> None:
        index = 0
        while index < frames:
            if renderer.submit(frame(index), Blur(9)):
                index += 1
            else:
                time.sleep(0.0005)

    submitting = threading.Thread(target=submit_all)
    submitting.start()
    for image, alpha in expected:
        rendered = renderer.collect(timeout_seconds=20)
        assert rendered is not None
        np.testing.assert_array_equal(rendered.image, image)
        np.testing.assert_array_equal(rendered.alpha, alpha)
    submitting.join()


def test_no_more_than_depth_are_in_flight(renderer: CudaRenderer) -> None:
    for index in range(renderer.depth):
        submit(renderer, index, Transparent())
    wrong_size = Frame(np.zeros((8, 8, 3), np.uint8), 9, 0, 0)
    assert not renderer.submit(wrong_size, Transparent())
    first = renderer.collect(timeout_seconds=20)
    assert first is not None
    assert first.index == 0
    submit(renderer, 2, Transparent())


def test_a_frame_of_another_size_is_refused(renderer: CudaRenderer) -> None:
    with pytest.raises(RenderError, match="8x8"):
        renderer.submit(Frame(np.zeros((8, 8, 3), np.uint8), 0, 0, 0), Transparent())
    submit(renderer, 1, Transparent())
    assert renderer.collect(timeout_seconds=20) is not None


def test_a_background_that_breaks_loses_no_slot(renderer: CudaRenderer) -> None:
    class Broken(Room):
        def picture_at(self, size: Size, seconds: float) -> Image:
            raise BackgroundError("It broke.", "Mend it.")

    for _ in range(5):
        with pytest.raises(BackgroundError):
            renderer.submit(frame(0), Broken())
    test_no_more_than_depth_are_in_flight(renderer)


def test_a_matte_that_is_no_number_is_an_error(network: MODNet, one_thread: None) -> None:  # noqa: ARG001
    renderer, _ = opened(network)
    weights = renderer._graphs.path._network.get_parameter("f_branch.conv_f.1.layers.0.weight")
    assert isinstance(weights, SimulatedTensor)
    weights.on_cpu.fill_(float("nan"))
    submit(renderer, 4, Transparent())
    with pytest.raises(RenderError, match="frame 4"):
        renderer.collect(timeout_seconds=20)


def test_what_cuda_reports_is_an_error_of_ours(network: MODNet, one_thread: None) -> None:  # noqa: ARG001
    renderer, cuda = opened(network)
    cuda.replay_error = RuntimeError("CUDA error: launch failure\nCompile with ...\n")
    with pytest.raises(RenderError, match=r"CUDA failed on cuda:0: CUDA error: launch failure\. "):
        renderer.submit(frame(0), Transparent())
    renderer.close()
    renderer.close()
    assert renderer.collect(timeout_seconds=20) is None
    assert not renderer.submit(frame(1), Transparent())


def test_too_little_memory_is_an_error_of_ours(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: Any) -> Mirror:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(CudaDevice, "mirror", out_of_memory)
    with pytest.raises(DeviceError, match="Not enough free memory on cuda:0"):
        opened(network)


def test_a_device_that_cannot_be_used_is_an_error_of_ours(network: MODNet) -> None:
    with simulated_cuda() as cuda, pytest.raises(DeviceError, match="only cuda:0"):
        CudaRenderer("cuda:1", FRAME_SIZE, MATTE_SIZE, network, cuda=cuda)


def test_description(renderer: CudaRenderer) -> None:
    assert renderer.description == (
        "CUDA float32 (float16 is slow on this GPU) on NVIDIA Simulated (cuda:0), matte at 64x32"
    )


# Planted mistakes: that the simulation finds them is what the tests above rest on.


def run_is_found_out(network: MODNet, complaint: str, seed: int = 0) -> None:
    with pytest.raises(AssertionError, match=complaint):  # noqa: PT012
        renderer, cuda = opened(network, seed=seed)
        random = Random(seed)
        run(renderer, mixed_backgrounds(12, random), random, network)
        assert not cuda.executor.races
        assert not cuda.log.waits
        assert not cuda.log.allocations


def test_slots_that_share_memory_are_found(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Mirror] = []
    mirror = CudaDevice.mirror

    def shared_mirror(self: CudaDevice, shape: tuple[int, ...], dtype: torch.dtype) -> Mirror:
        made.append(mirror(self, shape, dtype))
        return made[(len(made) - 1) % 6]  # a slot has six

    monkeypatch.setattr(CudaDevice, "mirror", shared_mirror)
    run_is_found_out(network, "another|race")


def test_a_picture_that_is_shared_by_the_slots_is_found(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Mirror] = []
    mirror = CudaDevice.mirror

    def shared_picture(self: CudaDevice, shape: tuple[int, ...], dtype: torch.dtype) -> Mirror:
        made.append(mirror(self, shape, dtype))
        return made[1] if len(made) % 6 == 2 else made[-1]

    monkeypatch.setattr(CudaDevice, "mirror", shared_picture)
    run_is_found_out(network, "another background|race")


def test_a_picture_that_is_never_uploaded_again_is_found(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = _SlotWork._hold

    def hold_for_ever(self: _SlotWork, background: Background, media_seconds: float) -> Any:
        changed = hold(self, background, media_seconds)
        return changed if self._stamp.index < 0 else ()

    monkeypatch.setattr(_SlotWork, "_hold", hold_for_ever)
    run_is_found_out(network, "another background")


def test_memory_that_is_not_pinned_is_found(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = CudaDevice.mirror

    def pageable(self: CudaDevice, shape: tuple[int, ...], dtype: torch.dtype) -> Mirror:
        return Mirror(torch.zeros(shape, dtype=dtype), mirror(self, shape, dtype).device)

    monkeypatch.setattr(CudaDevice, "mirror", pageable)
    run_is_found_out(network, "a copy that blocks")


def test_a_copy_that_blocks_is_found(network: MODNet, monkeypatch: pytest.MonkeyPatch) -> None:
    def upload(self: CudaDevice, work: Work, stream: Any) -> None:
        with self._cuda.stream(stream):
            for mirror in work.uploads:
                mirror.device.copy_(mirror.host)

    monkeypatch.setattr(CudaDevice, "upload", upload)
    run_is_found_out(network, "a copy that blocks")


def test_memory_taken_for_each_frame_is_found(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upload(self: CudaDevice, work: Work, stream: Any) -> None:
        with self._cuda.stream(stream):
            for mirror in work.uploads:
                mirror.device.copy_(mirror.host, non_blocking=True)
                torch.empty_like(mirror.device)

    monkeypatch.setattr(CudaDevice, "upload", upload)
    run_is_found_out(network, "empty_like|allocations")


def test_running_instead_of_capturing_is_found(
    network: MODNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph of nothing: its results would be those of the warm-up."""
    capture = CudaDevice.capture

    def capture_nothing(self: CudaDevice, run: Any, stream: Any, rehearse: Any) -> Any:
        run()
        return capture(self, lambda: None, stream, rehearse)

    monkeypatch.setattr(CudaDevice, "capture", capture_nothing)
    run_is_found_out(network, "another frame's matte")


def test_weights_given_back_are_found(network: MODNet) -> None:
    renderer, _ = opened(network)
    del renderer._graphs.path
    with pytest.raises(AssertionError, match="given back"):
        renderer.submit(frame(0), Transparent())


def test_a_wait_within_a_graph_is_found(network: MODNet, monkeypatch: pytest.MonkeyPatch) -> None:
    render = FramePath.render

    def render_and_look(self: FramePath, tensors: FrameTensors, kind: Compositing) -> None:
        render(self, tensors, kind)
        tensors.alpha.max().item()

    monkeypatch.setattr(FramePath, "render", render_and_look)
    with pytest.raises(DeviceError, match="not permitted when a stream is capturing"):
        opened(network)


class DoubtsOnce(Trusting):
    """Refuses one matte, the one of `DOUBTED`."""

    DOUBTED = 2

    def __init__(self) -> None:
        super().__init__()
        self._judged = 0

    def problem_of(self, levels: Image, pixels: Image, *, is_mirrored: bool = False) -> str:
        self._judged += 1
        return "The matte is noise" if self._judged == self.DOUBTED + 1 else ""


def test_of_a_refused_matte_nothing_is_remembered(network: MODNet, one_thread: None) -> None:  # noqa: ARG001
    """Frames on their way that remember it are refused, and what follows is as at the start."""
    room, refused = Room(), DoubtsOnce.DOUBTED
    doubting, _ = opened(network, refinement=DEFAULT, guard=DoubtsOnce())
    fresh, _ = opened(network, refinement=DEFAULT)
    for index in range(refused):
        submit(doubting, index, room)
        assert doubting.collect(timeout_seconds=20) is not None
    submit(doubting, refused, room)
    submit(doubting, refused + 1, room)
    for doubt in ("the matte is noise", "the previous matte was wrong"):
        with pytest.raises(MatteError, match=doubt):
            doubting.collect(timeout_seconds=20)
    # An even number of frames was seen, so that the mirror's turns are the same.
    for index in range(refused + 2, refused + 5):
        pictures = []
        for renderer in (doubting, fresh):
            submit(renderer, index, room)
            picture = renderer.collect(timeout_seconds=20)
            assert picture is not None
            pictures.append(picture.image.copy())
        np.testing.assert_array_equal(pictures[0], pictures[1])
    for renderer in (doubting, fresh):
        renderer.close()
