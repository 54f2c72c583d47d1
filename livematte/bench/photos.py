"""Photos a second, from JPEG files to mattes as PNG files, compared with the network alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import cv2

from livematte.frame import Image, Size
from livematte.matter import Matter
from livematte.matting.shrink import shrink_photo
from livematte.network.size import network_size
from livematte.options.rendering import CPU, RenderOptions
from livematte.photos import Photograph, PhotoJob, Results
from livematte.render.opening import open_still_network
from livematte.render.processor import cores
from livematte.sources import Demo

PHOTO_SIZE: Final = Size(1280, 720)

JPEG_QUALITY: Final = 90

PHOTOS_A_CORE: Final = 12
"""Photos in a round, per core; not too few, because the last ones leave cores idle."""


class PhotoRates(NamedTuple):
    """Medians over the rounds, in pictures a second."""

    photos_per_second: float
    network_per_second: float
    parallel: int
    description: str

    @property
    def share(self) -> float:
        """The photo rate divided by the network's own rate."""
        return self.photos_per_second / self.network_per_second


def bench_photos(
    matte_short_side: int,
    *,
    precision: str = "fp32",
    threads: int | None = None,
    rounds: int = 7,
    on_progress: Callable[[str], None] = lambda _sentence: None,
) -> PhotoRates:
    """Photos of 1280x720 and the bare network in turn, on the CPU, as many at once as cores.

    Raises the errors of `Matter.load`.
    """
    parallel = threads or cores()
    matter = Matter(
        matte_short_side=matte_short_side,
        device="cpu",
        precision=precision,
        threads=threads,
        parallel=parallel,
    )
    network = open_still_network(RenderOptions(CPU, precision, threads=threads), parallel)
    count = PHOTOS_A_CORE * parallel
    with (
        tempfile.TemporaryDirectory(prefix="livematte-") as name,
        ThreadPoolExecutor(parallel) as pool,
    ):
        folder = Path(name)
        image = _portrait()
        small = shrink_photo(image, network_size(PHOTO_SIZE, matte_short_side))
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        photos = []
        for number in range(count):
            path = folder / f"{number}.jpg"
            path.write_bytes(jpeg.tobytes())
            photos.append(Photograph(path, str(number)))

        def run_photos() -> None:
            results = Results(folder / "mattes", None, overwrite=True)
            if error := PhotoJob(photos, matter, results, parallel=parallel).run().ended:
                raise error

        def run_network() -> None:
            list(pool.map(lambda _: network.matte(small), range(count)))

        run_photos()
        run_network()
        seconds: dict[Callable[[], None], list[float]] = {run_photos: [], run_network: []}
        for number in range(rounds):
            on_progress(f"photos, round {number + 1} of {rounds}")
            for run in seconds:
                started_seconds = time.perf_counter()
                run()
                seconds[run].append(time.perf_counter() - started_seconds)
    return PhotoRates(
        count / median(seconds[run_photos]),
        count / median(seconds[run_network]),
        parallel,
        matter.load(),
    )


def _portrait() -> Image:
    source = Demo(PHOTO_SIZE, realtime=False)
    with source:
        return next(iter(source.frames())).image.copy()
