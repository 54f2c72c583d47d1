"""Many photos, several at once, each from its file to its results on one core.

    worker 1    read, network, upsample, encode, write | read, network, ...
    worker 2      read, network, upsample, encode, write | read, ...

No core waits for another this way, whereas a network on all cores leaves them idle between layers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np

from livematte.background import Background, Transparent, parse
from livematte.errors import LivematteError, MatteError, SinkError, UsageError
from livematte.frame import Image, Size
from livematte.matte_guard import MatteGuard
from livematte.matter import Matter, to_uint8
from livematte.network.size import LIVE_SHORT_SIDE, network_size
from livematte.photos.find import Failure, Photograph
from livematte.photos.memory import MemoryBudget
from livematte.photos.read import Photo, open_photo
from livematte.photos.results import Results
from livematte.photos.save import FORMATS, Save, comparison, encode, matted
from livematte.render.shrink import shrink_photo


class Report(NamedTuple):
    """How a job went: how many photos have results, which have not, and how many were not tried."""

    done: int
    failures: list[Failure]
    left: int


class PhotoJob:
    """Mattes photos and writes what was asked for. It prints nothing, and runs once."""

    def __init__(
        self,
        photos: Sequence[Photograph],
        matter: Matter,
        results: Results,
        *,
        kinds: Sequence[Save] = (Save.ALPHA,),
        image_format: str = "png",
        background: Background | None = None,
        parallel: int = 1,
        on_done: Callable[[Photograph, LivematteError | None], None] = lambda _photo, _error: None,
        on_comparison: Callable[[Image], None] | None = None,
    ) -> None:
        """kinds: what is written of each photo; a folder for each kind if there are several.

        image_format: of all kinds but the matte, which is a PNG: png, webp or jpg.
        background: of composites; None for green.
        parallel: how many photos at once; `matter` is made for as many.
        on_done: called after each photo, with why it failed if it did.
        on_comparison: given a comparison, uint8 RGB, of each photo, to be shown.
            Both are called by the thread that called `run`.

        Raises `UsageError` if what is asked for cannot be.
        """
        _check(kinds, image_format, background)
        self._photos = photos
        self._matter = matter
        self._results = results
        self._kinds = list(dict.fromkeys(kinds))
        self._format = image_format
        self._background = background or parse("green")
        self._parallel = parallel
        self._on_done = on_done
        self._on_comparison = on_comparison
        self._stopping = threading.Event()
        self._memory = MemoryBudget()

    def stop(self) -> None:
        """End soon, with the photos that are being worked on; from any thread or signal handler."""
        self._stopping.set()

    def run(self) -> Report:
        """Run to the end, or until it is stopped. A photo that fails does not stop the others.

        Raises `LivematteError` if nothing can go on: no network, or no room for the results.
        """
        self._matter.load()
        failures: list[Failure] = []
        done = 0
        waiting = iter(self._photos)
        running: dict[Future[Image | None], Photograph] = {}
        opencv_threads = cv2.getNumThreads()
        try:
            if self._parallel > 1:
                cv2.setNumThreads(1)  # the other cores have photos of their own
            with ThreadPoolExecutor(self._parallel) as pool:
                while True:
                    room = 0 if self._stopping.is_set() else self._parallel - len(running)
                    for photo in islice(waiting, room):
                        running[pool.submit(self._work, photo)] = photo
                    if not running:
                        break
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        photo = running.pop(future)
                        error = self._settle(future)
                        if error is None:
                            done += 1
                        else:
                            failures.append(Failure(photo.path, str(error)))
                        self._on_done(photo, error)
        finally:
            cv2.setNumThreads(opencv_threads)
            self._results.close()
        return Report(done, failures, len(self._photos) - done - len(failures))

    def _settle(self, future: Future[Image | None]) -> LivematteError | None:
        """Why a photo failed, if it did. Raises what concerns all of them."""
        try:
            shown = future.result()
        except SinkError:
            raise
        except LivematteError as error:
            return error
        if shown is not None and self._on_comparison is not None:
            self._on_comparison(shown)
        return None

    def _work(self, photo: Photograph) -> Image | None:
        names = [self._name(photo, kind) for kind in self._kinds]
        self._results.require_free(names)
        with open_photo(photo.path) as opened, self._memory.reserved(opened.pixels):
            decoded = opened.decode()
            shown = {Save.COMPARISON} if self._on_comparison is not None else set()
            result = matted(decoded, self._alpha(decoded), {*self._kinds, *shown})
            for name, kind in zip(names, self._kinds, strict=True):
                self._results.put(name, encode(result, kind, self._format, self._background))
            return comparison(result) if shown else None

    def _alpha(self, photo: Photo) -> Image:
        alpha = to_uint8(self._matter.matte(photo.image))
        _require_sound(photo.image, alpha)
        return alpha

    def _name(self, photo: Photograph, kind: Save) -> str:
        folder = f"{kind.value}/" if len(self._kinds) > 1 else ""
        return f"{folder}{photo.name}{kind.ending(self._format)}"


def _require_sound(image: Image, alpha: Image) -> None:
    """Raises `MatteError` if a photo's matte cannot be right.

    image: uint8 RGB (H, W, 3). alpha: uint8 (H, W). Of one picture a guard judges what it can.
    """
    size = network_size(Size.of(image), LIVE_SHORT_SIDE)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if doubt := MatteGuard().problem_of(small, shrink_photo(image, size)):
        raise MatteError(doubt)


def _check(kinds: Sequence[Save], image_format: str, background: Background | None) -> None:
    if image_format not in FORMATS:
        raise UsageError(
            f"Format {image_format!r} is not known.", f"Choose one of {', '.join(FORMATS)}."
        )
    if Save.CUTOUT in kinds and image_format == "jpg":
        raise UsageError("A JPEG cannot be transparent.", "Use --format png or webp for cutouts.")
    if background is not None and Save.COMPOSITE not in kinds:
        raise UsageError(
            "A background was given, and no composite asked for.",
            "Add --save composite, or leave out --background.",
        )
    if isinstance(background, Transparent):
        raise UsageError("A composite has a background.", "Use --save cutout instead.")
