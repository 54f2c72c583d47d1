"""How often the guard refuses footage of people: `python -m tests.guard_footage DIR`.

DIR holds videos, transparent clips, photos with their alpha, and backgrounds, in folders of any
name (`livematte.bench.footage`). Clips are put on each background in several sizes and places.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.bench.footage import (
    Clip,
    Footage,
    find_footage,
    read_background,
    read_frame,
    read_pair,
)
from livematte.frame import Image, Size
from livematte.matting.matte_guard import MatteGuard
from livematte.matting.shrink import shrink
from livematte.matting.steady import View
from livematte.network import weights
from livematte.network.size import network_size
from livematte.render.openvino.network import OpenVinoModel

VIDEOS: Final = (".mkv", ".mp4")
ROOM: Final = Size(640, 360)
NOISE: Final = 1.5
PHOTO_FRAMES: Final = 24
"""A photo is shown for so long, with new noise for each frame."""

EVERYONE: Final = ("in the middle", "close-up", "very close", "far", "comes nearer", "enters")
HARD: Final = ("in the dark", "in fog", "lamp switched", "shaken")


Levels = NDArray[np.integer[Any] | np.floating[Any]]


class Scene(NamedTuple):
    """Successive frames, uint8 BGR (H, W, 3), of a kind that is counted for itself."""

    kind: str
    name: str
    frames: Iterable[Image]


def scenes(folder: Path) -> Iterator[Scene]:
    """What people look like, and the same in light and with cameras that are hard."""
    for path in sorted(each for each in folder.rglob("*") if each.suffix in VIDEOS):
        frames = list(_video(path))
        yield Scene("video", path.name, frames)
        for kind in HARD:
            yield Scene(kind, path.name, _hard(kind, frames[:240]))
    footage = find_footage(folder)
    for pair in footage.pairs:
        image, _ = read_pair(pair)
        yield Scene("photo", pair.name, (_noisy(image, index) for index in range(PHOTO_FRAMES)))
    yield from _composites(footage)


def _video(path: Path) -> Iterator[Image]:
    capture = cv2.VideoCapture(str(path))
    while (got := capture.read())[0]:
        yield got[1].astype(np.uint8, copy=False)


def _composites(footage: Footage) -> Iterator[Scene]:
    for clip in footage.clips:
        for background in footage.backgrounds:
            room = cv2.resize(read_background(background), ROOM, interpolation=cv2.INTER_AREA)
            for kind in EVERYONE:
                frames = _placed(clip, room.astype(np.uint8, copy=False), kind)
                yield Scene(f"clip {kind}", background.name, frames)


def _placed(clip: Clip, room: Image, kind: str) -> Iterator[Image]:
    """A clip on a room; its height, place and lower edge in parts of the room's."""
    for index, path in enumerate(clip.frames):
        there = 1 - abs(2 * index / len(clip.frames) - 1)
        height, place, bottom = {
            "in the middle": (0.7, 0.5, 1.0),
            "close-up": (1.0, 0.5, 1.0),
            "very close": (1.6, 0.5, 1.35),
            "far": (0.45, 0.5, 1.0),
            "comes nearer": (0.5 + 2.5 * there, 0.5, 1 + 1.1 * there),
            "enters": (1.1, 1.3 - 0.9 * there, 1.0),
        }[kind]
        colours, alpha = read_frame(path)
        scale = height * ROOM.height / colours.shape[0]
        move = np.array(
            [
                [scale, 0, place * ROOM.width - colours.shape[1] * scale / 2],
                [0, scale, (bottom - height) * ROOM.height],
            ]
        )
        over = cv2.warpAffine(colours * alpha[..., None], move, ROOM)
        opacity = cv2.warpAffine(alpha, move, ROOM)[..., None]
        yield _noisy((over + (1 - opacity) * room).astype(np.uint8), index)


def _hard(kind: str, frames: list[Image]) -> Iterator[Image]:
    random = np.random.default_rng(5)
    place = np.zeros(2)
    for index, frame in enumerate(frames):
        if kind == "in the dark":
            changed: Levels = frame * 0.1
        elif kind == "in fog":
            changed = frame * 0.3 + 150
        elif kind == "lamp switched":
            changed = frame * (0.15 if (index // 25) % 2 else 1.0)
        else:
            place = 0.8 * place + random.normal(0, 7, 2)
            height, width = frame.shape[:2]
            move = np.array(
                [[1.12, 0, place[0] - 0.06 * width], [0, 1.12, place[1] - 0.06 * height]]
            )
            changed = cv2.warpAffine(frame, move, (width, height), borderMode=cv2.BORDER_REFLECT)
        yield _noisy(changed, index)


def _noisy(image: Levels, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, NOISE, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


class Network:
    """The real network, which sees frames in the mirror in turn, as in a run; or both ways."""

    def __init__(self, short_side: int, *, both: bool) -> None:
        self._model = OpenVinoModel("CPU", weights.find("photographic"), "int8", None)
        self._short_side = short_side
        self._both = both

    def refused(self, frames: Iterable[Image]) -> Iterator[str]:
        """Of each frame why it is refused, "" if it is not."""
        guard, request = MatteGuard(), None
        for index, frame in enumerate(frames):
            if request is None:
                size = network_size(Size.of(frame), self._short_side)
                request = self._model.compile(size, lasting=False).requests[0]
                small = np.empty((size.height, size.width, 3), np.uint8)
            shrink(np.ascontiguousarray(frame), small)
            views = []
            for mirrored in (False, True) if self._both else (index % 2 == 0,):
                np.copyto(request.pixels, small[:, ::-1] if mirrored else small)
                request.run()
                views.append(View(request.pixels.copy(), request.matte.copy(), mirrored))
            yield guard.problem(views)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short-side", type=int, default=256)
    parser.add_argument("--both", action="store_true", help="as --matte-quality best")
    parser.add_argument("--kind", default="", help="only kinds that hold this")
    chosen = parser.parse_args()
    network = Network(chosen.short_side, both=chosen.both)
    frames, refused = Counter[str](), Counter[str]()
    for scene in scenes(chosen.folder):
        if chosen.kind not in scene.kind:
            continue
        problems = list(network.refused(scene.frames))
        frames[scene.kind] += len(problems)
        refused[scene.kind] += sum(map(bool, problems))
        why = ", ".join(
            f"{count} {each}" for each, count in Counter(filter(None, problems)).items()
        )
        print(
            f"  {scene.kind}, {scene.name}: {len(problems)} frames, {why or 'none'} refused",
            flush=True,
        )
    for kind, count in frames.items():
        print(f"{kind:22}{count:7} frames{refused[kind]:5} refused")
    for told, kinds in (("as it is", frames.keys() - {*HARD}), ("made hard", {*HARD})):
        of = [sum(each[kind] for kind in kinds) for each in (frames, refused)]
        print(f"{told}: {of[1]} of {of[0]} frames refused")


if __name__ == "__main__":
    main()
