"""What is transparent is attacked: whoever ignores alpha must not find the room in the colours."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor

from livematte.background import Transparent
from livematte.frame import Frame, Image, Rendered
from livematte.matting.composite import Compositor
from livematte.media.photo.read import Photo
from livematte.network.modnet import MODNet
from livematte.options.refinement import PLAIN, Refinement
from livematte.photos.save import Save, encode, matted
from livematte.render.cuda.frame import Compositing, FramePath, FrameTensors
from livematte.sinks import ImageFolder, VideoWriter
from livematte.video.save import OnBlack
from tests.attacker import SIZE, person_in, require_no_room, rooms

ROOMS = rooms()


def on_the_cpu(image: Image, alpha: Image, *, colours: bool) -> Image:
    out = np.full_like(image, 99)
    compositor = Compositor(SIZE, colours=colours)
    compositor.compose(Frame(image, 0, 0.0, 0.0), alpha, Transparent(), out)
    return out


def on_the_gpu(image: Image, alpha: Image, refinement: Refinement) -> Image:
    class Given(FramePath):
        def _mattes(self, views: Tensor) -> Tensor:
            return torch.from_numpy(alpha / np.float32(255))[None]

    frame, none = torch.from_numpy(image), torch.zeros(1)
    out, made = torch.empty_like(frame), torch.empty_like(frame[..., 0])
    tensors = FrameTensors(
        frame,
        none,
        none,
        out,
        made,
        forget=torch.zeros(1, dtype=torch.bool),
        light_wrap=none,
        pixels=torch.empty_like(frame),
        raw=torch.empty_like(made),
        is_alpha=torch.empty(1, dtype=torch.uint8),
    )
    path = Given(SIZE, SIZE, MODNet().eval(), torch.float32, torch.device("cpu"), refinement)
    path.render(tensors, Compositing.TRANSPARENT)
    np.testing.assert_array_equal(made.numpy(), alpha)
    return out.numpy()


@pytest.mark.parametrize("name", ROOMS)
def test_low_alpha_holds_the_persons_colours_whether_they_are_refined_or_not(name: str) -> None:
    room = ROOMS[name]
    image, alpha = person_in(room)
    plain, refined = (on_the_cpu(image, alpha, colours=each) for each in (False, True))
    np.testing.assert_array_equal(plain, refined)
    assert not plain[alpha == 0].any()
    np.testing.assert_array_equal(plain[alpha == 255], image[alpha == 255])
    require_no_room(plain, alpha, room)
    with pytest.raises(AssertionError):
        require_no_room(image, alpha, room)


@pytest.mark.parametrize("name", ["checks", "text", "noise of 4"])
def test_nor_does_a_gpu_write_the_room(name: str) -> None:
    room = ROOMS[name]
    image, alpha = person_in(room)
    plain = on_the_gpu(image, alpha, PLAIN)
    refined = on_the_gpu(image, alpha, Refinement(steady=False, islands=False, edges=False))
    np.testing.assert_array_equal(plain, refined)
    assert not plain[alpha == 0].any()
    require_no_room(plain, alpha, room)
    assert np.abs(plain.astype(int) - on_the_cpu(image, alpha, colours=True)).mean() < 1


def test_where_nobody_is_sure_there_is_one_colour_and_no_picture() -> None:
    """The network takes the room for a little of a person, and there is none."""
    room = ROOMS["text"]
    alpha = np.full(room.shape[:2], 120, np.uint8)
    out = on_the_cpu(room, alpha, colours=True).reshape(-1, 3)
    assert out.std(axis=0).max() < 3
    assert not on_the_cpu(room, np.zeros_like(alpha), colours=True).any()


# --- files


def rendered(name: str) -> tuple[Rendered, Image]:
    room = ROOMS[name]
    image, alpha = person_in(room)
    out = on_the_cpu(image, alpha, colours=False)
    return Rendered(out, alpha, 0, 0.0, 0.0, transparent=True), room


def colours_in(path: Path) -> Image:
    """The first picture's colours as they were stored, in BGR."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


@pytest.mark.parametrize("name", ["checks", "noise of 4"])
@pytest.mark.parametrize("ending", [".webm", ".mov"])
def test_videos_with_alpha_hold_nothing_of_the_room(tmp_path: Path, ending: str, name: str) -> None:
    picture, room = rendered(name)
    writer = VideoWriter(tmp_path / f"out{ending}", transparent=True)
    writer.open(SIZE, Fraction(30))
    writer.send(picture)
    writer.close()
    require_no_room(colours_in(tmp_path / f"out{ending}"), picture.alpha, room)


def test_pngs_of_frames_hold_nothing_of_the_room(tmp_path: Path) -> None:
    picture, room = rendered("checks")
    for sink in (ImageFolder(tmp_path / "cutout"), OnBlack(ImageFolder(tmp_path / "fill"))):
        sink.open(SIZE, Fraction(30))
        sink.send(picture)
        sink.close()
    cutout = cv2.imread(str(tmp_path / "cutout" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert cutout is not None
    np.testing.assert_array_equal(cutout[..., 3], picture.alpha)
    assert not cutout[picture.alpha == 0].any()
    require_no_room(cutout[..., :3].astype(np.uint8), picture.alpha, room)
    fill = cv2.imread(str(tmp_path / "fill" / "000000.png"))
    assert fill is not None
    undone = fill / np.maximum(picture.alpha, 1)[..., None] * 255
    require_no_room(undone.clip(0, 255).astype(np.uint8), picture.alpha, room)


@pytest.mark.parametrize("image_format", ["png", "webp"])
@pytest.mark.parametrize("name", ["text", "noise of 4"])
def test_cut_outs_of_photos_hold_nothing_of_the_room(name: str, image_format: str) -> None:
    room = ROOMS[name]
    image, alpha = person_in(room)
    result = matted(Photo(image, None, None), alpha, {Save.CUTOUT})
    file = encode(result, Save.CUTOUT, image_format, Transparent())
    pixels = np.asarray(Pillow.open(io.BytesIO(file)))
    np.testing.assert_array_equal(pixels[..., 3], alpha)
    require_no_room(pixels[..., :3], alpha, room)
