"""`livematte bench quality`: how good the mattes of labelled footage are.

Three settings run side by side on every photo, and on every clip in front of every background: the
plain network at two sizes, and the product with its normal settings. All mattes are measured as
8-bit output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.backgrounds.solid import CHROMA_GREEN, solid
from livematte.bench.contact_sheet import Row
from livematte.bench.footage import Footage, Pair, read_pair
from livematte.bench.metrics import from_uint8
from livematte.bench.quality_report import (
    PHOTOS,
    PLAIN_288,
    PLAIN_512,
    PRODUCT,
    Measured,
    QualityReport,
)
from livematte.bench.scene import Scene, Shot, scenes_of
from livematte.bench.tally import ClipTally, TrueClip, Truth
from livematte.errors import RenderError
from livematte.frame import Frame, Image, Size
from livematte.matter import Matter, to_uint8
from livematte.matting.colours import estimate_foreground
from livematte.matting.shrink import shrink_photo
from livematte.network.size import DEFAULT_SHORT_SIDE, network_size
from livematte.options.refinement import PLAIN
from livematte.options.rendering import CPU, RenderOptions
from livematte.render.opening import open_renderer, open_still_network
from livematte.render.renderer import Renderer
from livematte.render.still import StillNetwork

if TYPE_CHECKING:
    from livematte.background import Picture

PLAIN_SHORT_SIDES: Final = {PLAIN_288: 288, PLAIN_512: 512}

FRAME_SECONDS: Final = 1 / 30

PATIENCE_SECONDS: Final = 60.0
"""How long to wait for one frame."""

OnRow = Callable[[Row], None]
Note = Callable[[str, str], None]
"""Called with a setting's name and a description of what computes its mattes."""


def matter_of(options: RenderOptions) -> Matter:
    """A `Matter` for photos; automatic settings are as in `livematte image`."""
    return Matter(
        matte_short_side=options.matte_short_side or DEFAULT_SHORT_SIDE,
        device=str(options.device),
        precision="fp32" if options.precision == "auto" else options.precision,
        weights=options.weights,
    )


def measure_quality(
    footage: Footage,
    product: RenderOptions,
    *,
    frames: int | None = None,
    backgrounds: int | None = None,
    noise_levels: float = 0.0,
    on_progress: Callable[[str], None] = lambda _sentence: None,
    on_row: OnRow | None = None,
) -> QualityReport:
    """Measure the plain network's and the product's mattes on all the footage.

    frames, backgrounds: how many frames of each clip, and how many backgrounds; None for all.
    noise_levels: standard deviation of the noise that is added to the frames of clips.
    on_progress: called with a sentence that says what is being measured.
    on_row: called with pictures of each photo, and of the middle of each clip on each background.

    Raises the errors of reading the footage and opening renderers.
    """
    settings = {
        **{
            name: RenderOptions(CPU, "fp32", side, refinement=PLAIN)
            for name, side in PLAIN_SHORT_SIDES.items()
        },
        PRODUCT: product,
    }
    used: dict[str, dict[str, None]] = {name: {} for name in settings}

    def note(name: str, description: str) -> None:
        used[name][description] = None

    pictures = _measure_photos(footage.pairs, product, note, on_progress, on_row)
    scenes = scenes_of(footage, frames=frames, backgrounds=backgrounds, noise_levels=noise_levels)
    for number, scene in enumerate(scenes):
        told = f"clip {number + 1} of {len(scenes)}: {scene.name}"
        pictures.append(_measure_scene(scene, settings, told, note, on_progress, on_row))
    descriptions = {name: tuple(each) for name, each in used.items()}
    return QualityReport(descriptions, noise_levels, tuple(pictures))


def _measure_photos(
    pairs: Sequence[Pair],
    product: RenderOptions,
    note: Note,
    on_progress: Callable[[str], None],
    on_row: OnRow | None,
) -> list[Measured]:
    if not pairs:
        return []
    photos = _Photos(product, note)  # loads networks that clips do not need
    measured = []
    for number, pair in enumerate(pairs):
        on_progress(f"photo {number + 1} of {len(pairs)}: {pair.name}")
        measured.append(photos.measure(pair, on_row))
    return measured


class _Photos:
    """Measures photos, with the network alone and as `livematte image` does."""

    def __init__(self, product: RenderOptions, note: Note) -> None:
        self._network = open_still_network(RenderOptions(CPU, "fp32"))
        self._matter = matter_of(product)
        for name, side in PLAIN_SHORT_SIDES.items():
            note(name, f"photos: {self._network.description}, short side {side}")
        side = self._matter.matte_short_side
        note(PRODUCT, f"photos: {self._matter.load()}, short side {side}")

    def measure(self, pair: Pair, on_row: OnRow | None) -> Measured:
        image, true_alpha = read_pair(pair)
        mattes = {
            name: to_uint8(_plain_matte(self._network, image, side))
            for name, side in PLAIN_SHORT_SIDES.items()
        }
        mattes[PRODUCT] = to_uint8(self._matter.matte(image))
        if on_row is not None:
            bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
            on_row(_row(pair.name, bgr, true_alpha, mattes, _on_green(bgr, mattes[PRODUCT])))
        truth = Truth(true_alpha)
        errors = {name: truth.errors(from_uint8(matte)) for name, matte in mattes.items()}
        return Measured(pair.name, PHOTOS, 1, errors)


def _plain_matte(network: StillNetwork, image: Image, short_side: int) -> NDArray[np.float32]:
    """The network's matte, enlarged without refining: float32 (H, W) of `image`, RGB (H, W, 3)."""
    size = Size.of(image)
    small = shrink_photo(image, network_size(size, short_side))
    matte = network.matte(cv2.cvtColor(small, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False))
    return cv2.resize(matte, size, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def _on_green(bgr: Image, alpha: Image) -> Image:
    green = solid(CHROMA_GREEN).picture_at(Size.of(bgr), 0.0)
    weight = from_uint8(alpha)
    return cv2.blendLinear(estimate_foreground(bgr, alpha), green, weight, 1 - weight).astype(
        np.uint8, copy=False
    )


def _measure_scene(
    scene: Scene,
    settings: Mapping[str, RenderOptions],
    told: str,
    note: Note,
    on_progress: Callable[[str], None],
    on_row: OnRow | None,
) -> Measured:
    """Measure all settings side by side, so that each frame is composited only once."""
    new, size, middle = scene.picture(), scene.size(), scene.frames // 2
    shown: Shot | None = None
    true_clip = TrueClip()
    runs: dict[str, _Run] = {}
    with ExitStack() as stack:
        for name, setting in settings.items():
            runs[name] = _Run(open_renderer(setting, size).renderer, new, middle)
            stack.callback(runs[name].close)
        for index, shot in enumerate(scene.shots()):
            on_progress(f"{told}, frame {index + 1} of {scene.frames}")
            truth = true_clip.truth(shot.alpha)
            shown = shot if index == middle else shown
            for run in runs.values():
                run.give(shot, truth)
        for name, run in runs.items():
            run.finish()
            note(name, run.description)
    if on_row is not None and shown is not None:
        mattes = {name: run.middle[0] for name, run in runs.items()}
        on_row(_row(scene.name, shown.image, shown.alpha, mattes, runs[PRODUCT].middle[1]))
    errors = {name: run.tally.errors() for name, run in runs.items()}
    return Measured(scene.name, scene.framing.value, scene.frames, errors)


class _Run:
    """One setting's run through a clip."""

    def __init__(self, renderer: Renderer, background: Picture, middle: int) -> None:
        """middle: index of the frame whose matte and picture `self.middle` keeps."""
        self.tally = ClipTally()
        self.middle: tuple[Image, Image]
        self._renderer = renderer
        self._background = background
        self._middle = middle
        self._given = 0
        self._in_flight: deque[tuple[Shot, Truth]] = deque()

    @property
    def description(self) -> str:
        return self._renderer.description

    def give(self, shot: Shot, truth: Truth) -> None:
        """Submit a frame; while there is no room for it, measure finished ones."""
        seconds = self._given * FRAME_SECONDS
        frame = Frame(shot.image, self._given, seconds, seconds)
        while not self._renderer.submit(frame, self._background):
            self._measure_oldest()
        self._in_flight.append((shot, truth))
        self._given += 1

    def finish(self) -> None:
        """Measure all frames that are still in flight."""
        while self._in_flight:
            self._measure_oldest()

    def close(self) -> None:
        self._renderer.close()

    def _measure_oldest(self) -> None:
        rendered = self._renderer.collect(PATIENCE_SECONDS)
        if rendered is None:
            raise RenderError(
                f"{self.description} gave no picture in {PATIENCE_SECONDS:g} seconds.",
                "Try again with --device cpu.",
            )
        shot, truth = self._in_flight.popleft()
        self.tally.add(rendered.alpha, rendered.image, shot, truth)
        if rendered.index == self._middle:
            self.middle = rendered.alpha.copy(), rendered.image.copy()


def _row(
    name: str,
    picture: Image,
    true_alpha: NDArray[np.float32],
    mattes: Mapping[str, Image],
    composite: Image,
) -> Row:
    shown = {"picture": picture, "true matte": to_uint8(true_alpha), **mattes}
    return Row(name, {**shown, f"{PRODUCT}, composite": composite}).reduced()
