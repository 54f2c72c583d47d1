"""Mattes many photos, several at once, each from its file to its results on one core.

    worker 1    read, network, upsample, encode, write | read, network, ...
    worker 2      read, network, upsample, encode, write | read, ...

This way no core waits for another. A network on all cores would leave them idle between layers.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np

from livematte.backgrounds.parse import parse
from livematte.errors import LivematteError, MatteError, SinkError, SourceError
from livematte.frame import Image, Size
from livematte.matter import Matter, to_uint8
from livematte.matting.matte_guard import MatteGuard
from livematte.matting.shrink import shrink_photo
from livematte.media.photo.memory import MemoryBudget, require_memory, usable_bytes
from livematte.media.photo.read import Photo, open_photo
from livematte.network.size import LIVE_SHORT_SIDE, network_size
from livematte.photos.find import Failure, Photograph
from livematte.photos.names import Naming, plan
from livematte.photos.options import PhotoOptions
from livematte.photos.results import Destination, ResultsError
from livematte.photos.save import Save, comparison, encode, matted, require_fitting

EMPTY_SHARE: Final = 0.002
"""Of a photo. If the person covers less, the photo counts as without a person."""

ALPHA_BYTES: Final = 14
ALL_BYTES: Final = 24
"""Per pixel, for a matte alone and for any other result; 200 megapixels took 12.6 and 20."""


class Report(NamedTuple):
    """How a job went.

    done: how many photos have results now. skipped: how many already had all of theirs.
    failures: photos without results, and why. left: how many were not tried.
    nobody: photos in which no person was found; their results are written, and empty.
    ended: why the job ended before all were tried, unless it was stopped.
    hdr: photos that are HDR; their results are SDR.
    """

    done: int
    skipped: int
    failures: list[Failure]
    left: int
    nobody: list[Path]
    ended: LivematteError | None
    hdr: Sequence[Path] = ()


class Outcome(NamedTuple):
    """The outcome of one photo: its comparison, if asked for, and whether the matte is empty."""

    comparison: Image | None = None
    is_empty: bool = False
    is_skipped: bool = False
    is_hdr: bool = False


class PhotoJob:
    """Mattes photos and writes the results. It prints nothing, and runs once."""

    def __init__(
        self,
        photos: Sequence[Photograph],
        matter: Matter,
        results: Destination,
        options: PhotoOptions = PhotoOptions(),  # noqa: B008 - it cannot be changed
        *,
        parallel: int = 1,
        on_comparison: Callable[[Image], None] | None = None,
    ) -> None:
        """parallel: how many photos at once; `matter` has to be made for as many.

        on_comparison: called with a comparison of each photo, uint8 RGB, to show it; by the thread
            that called `run`.

        Raises `UsageError` if two results would have the same name.
        """
        self._photos = photos
        self._matter = matter
        self._results = results
        self._options = options
        kinds = list(dict.fromkeys(options.kinds))
        self._names = plan(photos, kinds, options.image_format, options.naming or Naming())
        self._background = options.background or parse("green")
        self._parallel = parallel
        self._on_comparison = on_comparison
        self._stopping = threading.Event()
        self._memory = MemoryBudget()

    def stop(self) -> None:
        """End soon, after the photos in progress; from any thread or signal handler."""
        self._stopping.set()

    def run(
        self,
        on_done: Callable[[Photograph, LivematteError | None], None] = lambda _photo, _error: None,
    ) -> Report:
        """Run to the end, or until it is stopped. A photo that fails does not stop the others.

        on_done: called after each photo, with its error if it failed; by this thread.

        Raises `LivematteError` if the network cannot be loaded.
        """
        if self._photos:
            self._matter.load()
        failures: list[Failure] = []
        nobody: list[Path] = []
        hdr: list[Path] = []
        done = skipped = 0
        ended: LivematteError | None = None
        waiting = iter(zip(self._photos, self._names, strict=True))
        running: dict[Future[Outcome], Photograph] = {}
        opencv_threads = cv2.getNumThreads()
        try:
            if self._parallel > 1:
                cv2.setNumThreads(1)  # the other cores have photos of their own
            with ThreadPoolExecutor(self._parallel) as pool:
                while True:
                    is_ending = ended is not None or self._stopping.is_set()
                    room = 0 if is_ending else self._parallel - len(running)
                    for photo, names in islice(waiting, room):
                        running[pool.submit(self._work, photo, names)] = photo
                    if not running:
                        break
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        photo = running.pop(future)
                        error = self._settle(future, photo)
                        if error is not None:
                            failures.append(Failure(photo.path, str(error)))
                            ended = ended or (error if self._ends_all(error) else None)
                        elif future.result().is_skipped:
                            skipped += 1
                        else:
                            done += 1
                            nobody += [photo.path] * future.result().is_empty
                            hdr += [photo.path] * future.result().is_hdr
                        on_done(photo, error)
        finally:
            cv2.setNumThreads(opencv_threads)
            ended = self._close(ended)
        left = len(self._photos) - done - skipped - len(failures)
        return Report(done, skipped, failures, left, nobody, ended, hdr)

    def _close(self, ended: LivematteError | None) -> LivematteError | None:
        try:
            self._results.close()
        except SinkError as error:
            return error  # it says what happened to the results written before
        return ended

    def _ends_all(self, error: LivematteError) -> bool:
        is_bad_matte = isinstance(error, MatteError) and self._options.fail_on_bad_matte
        return is_bad_matte or isinstance(error, ResultsError)

    def _settle(self, future: Future[Outcome], photo: Photograph) -> LivematteError | None:
        """Why a photo failed, if it did."""
        error = future.exception()
        if error is None:
            shown = future.result().comparison
            if shown is not None and self._on_comparison is not None:
                self._on_comparison(shown)
            return None
        if isinstance(error, LivematteError):
            return error
        is_of_memory = isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem
        if isinstance(error, MemoryError) or is_of_memory:
            told = SourceError(
                f"{photo.path} does not fit into memory.",
                "Make it smaller, or close other programs.",
            )
        elif isinstance(error, Exception):
            # Libraries fail in many ways, and one failed photo must not stop the others.
            told = SourceError(
                f"{photo.path} gave an unexpected {type(error).__name__}: "
                f"{str(error).strip().rstrip('.')}.",
                "Run it again with --debug to see where, and please report it.",
            )
        else:
            raise error
        told.__cause__ = error
        return told

    def _work(self, photo: Photograph, all_names: Mapping[Save, str]) -> Outcome:
        missing = set(self._results.missing(list(all_names.values())))
        names = {kind: name for kind, name in all_names.items() if name in missing}
        if not names:
            return Outcome(is_skipped=True)
        limit = self._options.max_memory_bytes
        limit = usable_bytes() if limit is None else limit
        content = None if photo.content is None else io.BytesIO(photo.content)
        with open_photo(photo.path, file=content, limit_bytes=limit) as opened:
            require_fitting(opened.size, names, self._options.image_format)
            shown = {Save.COMPARISON} if self._on_comparison is not None else set()
            kinds = {*names, *shown}
            needed = opened.pixels * (ALPHA_BYTES if kinds == {Save.ALPHA} else ALL_BYTES)
            require_memory(photo.path, opened.pixels, needed, limit)
            with self._memory.reserved(opened.pixels):
                decoded = opened.decode()
                alpha, is_empty = self._alpha(decoded)
                result = matted(decoded, alpha, kinds)
                for kind, name in names.items():
                    data = encode(
                        result,
                        kind,
                        self._options.image_format,
                        self._background,
                        keep_metadata=self._options.keep_metadata,
                    )
                    self._results.put(name, data)
                return Outcome(
                    comparison(result) if shown else None, is_empty, is_hdr=opened.is_hdr
                )

    def _alpha(self, photo: Photo) -> tuple[Image, bool]:
        """The matte, uint8 (H, W), and whether it shows nobody."""
        alpha = to_uint8(self._matter.matte(photo.image))
        _require_sound(photo.image, alpha)
        return alpha, cv2.mean(alpha)[0] < EMPTY_SHARE * 255


def _require_sound(image: Image, alpha: Image) -> None:
    """Raises `MatteError` if a photo's matte cannot be right.

    image: uint8 RGB (H, W, 3). alpha: uint8 (H, W). The guard judges what one picture can show.
    """
    size = network_size(Size.of(image), LIVE_SHORT_SIDE)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if doubt := MatteGuard().problem_of(small, shrink_photo(image, size)):
        raise MatteError(doubt)
