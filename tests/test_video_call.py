"""A whole video call: a real camera device, livematte, a virtual camera, and who watches it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.background import parse
from livematte.frame import Frame, Image, Size
from livematte.network import weights
from livematte.network.modnet import load_modnet
from livematte.network.size import network_size
from livematte.render.cpu import CpuRenderer
from tests.lab import CLIP, needs_lab, run_in_lab

pytestmark = [pytest.mark.lab, needs_lab]

SIZE: Final = Size(640, 480)
MATTE_SHORT_SIDE: Final = 224
BACKGROUND: Final = "#1e90ff"
BACKGROUND_BGR: Final = (0xFF, 0x90, 0x1E)
PICTURES: Final = 12

COLOR_TOLERANCE: Final = 4
"""A virtual camera carries 4:2:0 video: a colour comes back by this much different at most."""

CALL: Final = """
set -u
ffmpeg -loglevel error -re -stream_loop -1 -i "$CLIP" -pix_fmt yuv420p -f v4l2 /dev/video-feed &
feeder=$!
sleep 2
"$PYTHON" -m livematte --camera /dev/video-feed --size 640x480 --matte-size "$MATTE" \
    --background "$BACKGROUND" --no-preview --virtual-camera /dev/video-out &
livematte=$!
for _ in $(seq 100); do
    v4l2-ctl -d /dev/video-out --all 2>/dev/null | grep -q 'Video Capture$' && break
    sleep 0.2
done
ffmpeg -loglevel error -y -f v4l2 -i /dev/video-out -frames:v "$PICTURES" -fps_mode passthrough \
    -pix_fmt bgr24 -f rawvideo "$OUT/pictures.bgr"
read_back=$?
kill -INT $livematte; wait $livematte
ended=$?
kill $feeder
exit $((read_back + ended))
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> tuple[NDArray[np.uint8], str]:
    """What a client of the virtual camera saw, (N, H, W, 3) in BGR, and what livematte printed."""
    out = tmp_path_factory.mktemp("call")
    values = {
        "CLIP": CLIP,
        "PYTHON": sys.executable,
        "MATTE": MATTE_SHORT_SIDE,
        "BACKGROUND": BACKGROUND,
        "PICTURES": PICTURES,
        "OUT": out,
    }
    assignments = [f"{name}={value}" for name, value in values.items()]
    said = run_in_lab("env", *assignments, "bash", "-c", CALL, seconds=120)
    pictures = np.fromfile(out / "pictures.bgr", np.uint8)
    return pictures.reshape(-1, SIZE.height, SIZE.width, 3), said


@pytest.fixture(scope="module")
def never_person() -> NDArray[np.bool_]:
    """Where no frame of the clip has anybody, nor the next few pixels: bool (H, W)."""
    state = weights.fold(weights.read(weights.find("photographic")))
    network = load_modnet(state)
    renderer = CpuRenderer(SIZE, network_size(SIZE, MATTE_SHORT_SIDE), network)
    person = np.zeros((SIZE.height, SIZE.width), np.uint8)
    for index, image in enumerate(clip_images(CLIP)):
        assert renderer.submit(Frame(image, index, 0.0, 0.0), parse("black"))
        picture = renderer.collect(10)
        assert picture is not None
        np.maximum(person, picture.alpha, out=person)
    return np.asarray(cv2.dilate(person, np.ones((9, 9), np.uint8)) == 0)


def clip_images(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [each.to_ndarray(format="bgr24").astype(np.uint8) for each in frames]


def test_every_pixel_outside_the_person_is_the_backgrounds(
    call: tuple[NDArray[np.uint8], str], never_person: NDArray[np.bool_]
) -> None:
    pictures, _ = call
    assert len(pictures) == PICTURES
    assert never_person.mean() > 0.15
    for picture in pictures:
        # The slate writes its notice in the middle; it shows nothing of a room either.
        if is_slate(picture):
            continue
        off = np.abs(picture[never_person].astype(int) - BACKGROUND_BGR)
        assert off.max() <= COLOR_TOLERANCE


def test_the_person_is_seen_in_front_of_it(call: tuple[NDArray[np.uint8], str]) -> None:
    pictures, _ = call
    matted = [each for each in pictures if not is_slate(each)]
    assert len(matted) >= PICTURES // 2
    for picture in matted:
        person = np.abs(picture.astype(int) - BACKGROUND_BGR).max(axis=2) > 40
        assert 0.1 < person.mean() < 0.7


def is_slate(picture: Image) -> bool:
    """Whether there is nobody: all of the lower third is background."""
    return bool(
        np.abs(picture[SIZE.height * 2 // 3 :].astype(int) - BACKGROUND_BGR).max()
        <= COLOR_TOLERANCE
    )


def test_it_says_what_it_does_and_nothing_else(call: tuple[NDArray[np.uint8], str]) -> None:
    _, said = call
    lines = said.strip().splitlines()
    assert len(lines) == 2, said
    for part in ("/dev/video-feed", "640x480", "on the CPU", BACKGROUND, "/dev/video-out"):
        assert part in lines[0]
    assert "frames/s" in lines[1]
