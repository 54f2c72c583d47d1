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

from livematte.backgrounds.parse import parse
from livematte.frame import Frame, Image, Size
from livematte.network import weights
from livematte.network.modnet import load_modnet
from livematte.network.size import network_size
from livematte.render.torch_cpu.renderer import TorchRenderer
from tests.lab import CLIP, needs_lab, run_in_lab

pytestmark = [pytest.mark.lab, needs_lab]

SIZE: Final = Size(320, 240)
MATTE_SHORT_SIDE: Final = 224
BACKGROUND: Final = "#1e90ff"
BACKGROUND_BGR: Final = (0xFF, 0x90, 0x1E)
WATCHED_SECONDS: Final = 6
"""How long the call goes on after the first matted picture."""

COLOR_TOLERANCE: Final = 4
"""A virtual camera carries 4:2:0 video: a colour comes back by this much different at most."""

CALL: Final = """
set -u
ffmpeg -loglevel error -re -stream_loop -1 -i "$CLIP" -vf scale=320:240 -pix_fmt yuv420p \
    -f v4l2 /dev/video-feed &
feeder=$!
gives_pictures() { v4l2-ctl -d "$1" --all 2>/dev/null | grep -q 'Video Capture$'; }
until gives_pictures /dev/video-feed; do sleep 0.1; done
"$PYTHON" -m livematte --camera /dev/video-feed --size 320x240 --matte-size "$MATTE" \
    --background "$BACKGROUND" --no-preview --virtual-camera /dev/video-out 2> "$OUT/said" &
livematte=$!
until gives_pictures /dev/video-out; do sleep 0.1; done
# The other end of the call, from the first moment to the last.
ffmpeg -loglevel error -y -f v4l2 -i /dev/video-out -fps_mode passthrough \
    -pix_fmt bgr24 -f rawvideo "$OUT/pictures.bgr" &
watcher=$!
until grep -q . "$OUT/said"; do sleep 0.1; done
sleep "$SECONDS_WATCHED"
kill -INT $livematte; wait $livematte
ended=$?
sleep 0.5
kill -INT $watcher; wait $watcher
kill $feeder
exit $ended
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
        "SECONDS_WATCHED": WATCHED_SECONDS,
        "OUT": out,
    }
    assignments = [f"{name}={value}" for name, value in values.items()]
    run_in_lab("env", *assignments, "bash", "-c", CALL, seconds=120)
    pictures = np.fromfile(out / "pictures.bgr", np.uint8)
    pictures = pictures.reshape(-1, SIZE.height, SIZE.width, 3)
    return pictures, (out / "said").read_text()


@pytest.fixture(scope="module")
def never_person() -> NDArray[np.bool_]:
    """Where no frame of the clip has anybody, nor the next few pixels: bool (H, W)."""
    state = weights.fold(weights.read(weights.find("photographic")))
    network = load_modnet(state)
    renderer = TorchRenderer(SIZE, network_size(SIZE, MATTE_SHORT_SIDE), network)
    person = np.zeros((SIZE.height, SIZE.width), np.uint8)
    for index, full_size in enumerate(clip_images(CLIP)):
        image = cv2.resize(full_size, SIZE, interpolation=cv2.INTER_AREA).astype(np.uint8)
        assert renderer.submit(Frame(image, index, 0.0, 0.0), parse("black"))
        picture = renderer.collect(10)
        assert picture is not None
        np.maximum(person, picture.alpha, out=person)
    return np.asarray(cv2.dilate(person, np.ones((13, 13), np.uint8)) == 0)


def clip_images(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [each.to_ndarray(format="bgr24").astype(np.uint8) for each in frames]


def is_background(picture: Image) -> NDArray[np.bool_]:
    """Where a picture is the background: bool (H, W)."""
    off = np.abs(picture.astype(int) - BACKGROUND_BGR).max(axis=2)
    return np.asarray(off <= COLOR_TOLERANCE)


def is_slate(picture: Image) -> bool:
    """Whether nobody is there: all but the band with the notice is background."""
    background = is_background(picture)
    third = SIZE.height // 3
    return bool(background[:third].all() and background[-third:].all())


def test_the_call_begins_and_ends_on_the_slate(call: tuple[NDArray[np.uint8], str]) -> None:
    slates = [is_slate(picture) for picture in call[0]]
    first, last = slates.index(False), len(slates) - slates[::-1].index(False)
    assert first > 0
    assert last < len(slates)
    assert not any(slates[first:last])
    assert last - first >= 5


def test_every_pixel_outside_the_person_is_the_backgrounds(
    call: tuple[NDArray[np.uint8], str], never_person: NDArray[np.bool_]
) -> None:
    assert never_person.mean() > 0.15
    for picture in call[0]:
        if not is_slate(picture):
            assert is_background(picture)[never_person].all()


def test_the_person_is_seen_in_front_of_it(call: tuple[NDArray[np.uint8], str]) -> None:
    for picture in call[0]:
        if not is_slate(picture):
            assert 0.1 < 1 - is_background(picture).mean() < 0.7


def test_it_says_what_it_does_and_nothing_else(call: tuple[NDArray[np.uint8], str]) -> None:
    lines = call[1].strip().splitlines()
    assert len(lines) == 2, call[1]
    for part in ("/dev/video-feed", "320x240", "on the CPU", BACKGROUND, "/dev/video"):
        assert part in lines[0]
    assert "frames/s" in lines[1]
