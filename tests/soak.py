"""Live mode for minutes or hours with a random fault every few seconds: what must stay flat.

    python -m tests.soak --minutes 60

Someone sits in a room of a colour that no background has, before a camera that is unplugged, comes
back, changes its size and is turned off while nobody watches; the network, OpenVINO's, raises,
hangs, and gives mattes of everything, of nothing and of no number. Not one pixel of the room may be
sent, and memory, open files, threads and latency must not grow. Prints what they were; the exit
status is 1 if they did.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Final, NamedTuple

import numpy as np
import psutil

from livematte.backgrounds.parse import parse
from livematte.errors import SourceError
from livematte.frame import Frame, Rendered, Size
from livematte.options.rendering import CPU, RenderOptions
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.on_demand import OnDemand
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.render.opening import open_renderer
from livematte.render.openvino.network import Request
from livematte.render.renderer import OpenedRenderer
from livematte.sources import ReconnectingCamera, Source
from tests.faults.marked_room import SIZE, MarkedRoom, Seen, Watcher, people

SLOW_SECONDS: Final = 1.0
"""A fault whose end is not seen for longer is told of."""

SAMPLE_SECONDS: Final = 2.0
BETWEEN_FAULTS_SECONDS: Final = (0.5, 4.0)
WARM_UP: Final = 0.25
"""Of the run: what it needs grows at first."""

MOST_GROWTH: Final = 0.10
"""Of memory, from the second quarter of the run to the last."""

MOST_MORE: Final = 2
"""Open files and threads."""

MOST_SLOWER: Final = 1.5
"""Times the latency, from the second quarter to the last."""


class Faults:
    """What is wrong at the moment."""

    def __init__(self) -> None:
        self.network = ""
        self.camera = ""
        self.nobody_watches = False


class FaultyRoom(MarkedRoom):
    """The marked room, seen by a camera to which things happen."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def __enter__(self) -> FaultyRoom:
        if self._faults.camera == "unplugged":
            raise SourceError("There is no camera.", "Plug it in.")
        super().__enter__()
        self._is_small = self._faults.camera == "another size"
        if self._is_small:
            self.size = Size(SIZE.width // 2, SIZE.height // 2)
        return self

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            if self._faults.camera == "unplugged":
                raise SourceError("The camera stopped giving pictures.", "Plug it in.")
            if self._faults.camera == "another size" and not self._is_small:
                raise SourceError("The camera changed its pictures.", "Start again.")
            if self._faults.camera == "stalls":
                time.sleep(0.3)
            elif self._faults.camera == "loses frames" and random.random() < 0.5:
                continue
            image = frame.image[::2, ::2].copy() if self._is_small else frame.image
            yield Frame(image, frame.index, time.monotonic(), frame.media_seconds)


def plant(faults: Faults) -> None:
    """Make the network do from now on what `faults` says."""
    compute = Request.run

    def run_with_faults(request: Request) -> None:
        fault = faults.network
        if fault == "raises":
            raise RuntimeError("The device is lost")
        if fault == "hangs":
            while faults.network == "hangs":
                time.sleep(0.02)
        if fault != "does nothing":
            compute(request)
        if fault == "no number":
            request.matte[0, 0] = np.nan
        elif fault == "everything":
            request.matte[:] = 1
        elif fault == "nothing":
            request.matte[:] = 0

    setattr(Request, "run", run_with_faults)  # noqa: B010


FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "network": ("raises", "hangs", "does nothing", "no number", "everything", "nothing"),
    "camera": ("unplugged", "another size", "stalls", "loses frames"),
    "watchers": ("nobody",),
}


class Sample(NamedTuple):
    """What the process had at one time, and the median latency of the pictures just before it."""

    megabytes: float
    files: int
    threads: int
    latency_ms: float


class Soak:
    """The run, and what was measured of it."""

    def __init__(self, seed: int) -> None:
        self.samples: list[Sample] = []
        self.happened: Counter[str] = Counter()
        self.back_seconds: list[float] = []
        self.sentences = 0
        self._random = random.Random(seed)
        self._faults = Faults()
        self._latencies: list[float] = []
        self.watcher = Watcher(self._forget_old)
        camera = ReconnectingCamera("camera://", make=self._make, on_trouble=self._count)
        self._pipeline = Pipeline(
            camera,
            self._open,
            Scene((parse("#204060"),)),
            [self.watcher],
            open_fallback=self._open,
            on_demand=OnDemand(
                lambda: not self._faults.nobody_watches, camera.turn_off, camera.turn_on
            ),
            events=PipelineEvents(sent=self._note_latency, trouble=self._count),
        )

    def run(self, minutes: float) -> None:
        people()
        plant(self._faults)
        running = threading.Thread(target=self._pipeline.run)
        running.start()
        end = time.monotonic() + 60 * minutes
        sampling = threading.Thread(target=self._sample, args=(end,))
        sampling.start()
        while time.monotonic() < end and running.is_alive():
            self._wait_for_a_picture()
            time.sleep(self._random.uniform(*BETWEEN_FAULTS_SECONDS))
            self._one_fault()
        self._wait_for_a_picture()
        self._pipeline.stop()
        running.join(10)
        sampling.join()
        assert not running.is_alive()

    def _one_fault(self) -> None:
        where = self._random.choices(list(FAULTS), weights=(6, 4, 1))[0]
        what = self._random.choice(FAULTS[where])
        # Long enough for the network to be opened anew sometimes, and the camera turned off.
        seconds = 7.0 if what == "nobody" else self._random.choice((0.1, 0.6, 2.0, 5.0))
        self.happened[f"{where}: {what}"] += 1
        if where == "watchers":
            self._faults.nobody_watches = True
        else:
            setattr(self._faults, where, what)
        time.sleep(seconds)
        self._faults.network = self._faults.camera = ""
        self._faults.nobody_watches = False
        back_seconds = self._wait_for_a_picture()
        self.back_seconds.append(back_seconds)
        if back_seconds > SLOW_SECONDS:
            print(
                f"{where}: {what} for {seconds:g} s: a picture {back_seconds:.1f} s after its end"
            )

    def _wait_for_a_picture(self) -> float:
        started = time.monotonic()
        while not any(
            not each.is_slate and each.seconds > started for each in self.watcher.seen[-5:]
        ):
            if time.monotonic() - started > 30:
                raise SystemExit(f"No picture came back: {self._pipeline.notice}")
            time.sleep(0.005)
        return time.monotonic() - started

    def _sample(self, end: float) -> None:
        process = psutil.Process()
        while time.monotonic() < end:
            time.sleep(SAMPLE_SECONDS)
            latencies, self._latencies = self._latencies, []
            self.samples.append(
                Sample(
                    process.memory_info().rss / 1e6,
                    process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
                    process.num_threads(),
                    1000 * median(latencies) if latencies else float("nan"),
                )
            )

    def _make(self, device: int | str, size: Size | None, rate: float | None) -> Source:
        return FaultyRoom(self._faults)

    def _open(self, size: Size) -> OpenedRenderer:
        return open_renderer(RenderOptions(CPU, matte_short_side=224), size)

    def _count(self, _sentence: str) -> None:
        self.sentences += 1

    def _note_latency(self, picture: Rendered) -> None:
        self._latencies.append(time.monotonic() - picture.captured_seconds)

    def _forget_old(self, _seen: Seen) -> None:
        """Else what is seen would itself be what grows."""
        marked = [each for each in self.watcher.seen if each.marked]
        if len(self.watcher.seen) > 200:
            self.watcher.seen = marked + self.watcher.seen[-100:]


def report(soak: Soak) -> bool:
    """Print the figures; whether all of them are as they must be."""
    kept = soak.samples[int(WARM_UP * len(soak.samples)) :]
    third = max(1, len(kept) // 3)
    early, late = kept[:third], kept[-third:]

    def of(samples: list[Sample], read: Callable[[Sample], float]) -> float:
        return float(np.nanmedian([read(each) for each in samples]))

    good = True
    figures: list[tuple[str, Callable[[Sample], float], Callable[[float], float]]] = [
        ("memory, MB", lambda each: each.megabytes, lambda old: old * (1 + MOST_GROWTH)),
        ("open files", lambda each: float(each.files), lambda old: old + MOST_MORE),
        ("threads", lambda each: float(each.threads), lambda old: old + MOST_MORE),
        ("latency, ms", lambda each: each.latency_ms, lambda old: old * MOST_SLOWER),
    ]
    for name, read, most in figures:
        before, after = of(early, read), of(late, read)
        is_flat = after <= most(before)
        good &= is_flat
        print(f"{name:<14}{before:9.1f} early {after:9.1f} late  {'flat' if is_flat else 'GROWS'}")
    marked = sum(each.marked > 0 for each in soak.watcher.seen)
    print(f"pictures that show the room: {marked}")
    happened = ", ".join(f"{what} {count}" for what, count in sorted(soak.happened.items()))
    print(f"{sum(soak.happened.values())} faults ({happened})")
    back = np.array(soak.back_seconds)
    print(
        f"a picture after the fault's end within {np.median(back):.2f} s median, "
        f"{np.percentile(back, 95):.2f} s 95th percentile, {back.max():.2f} s at most"
    )
    return good and not marked


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    soak = Soak(asked.seed)
    soak.run(asked.minutes)
    return 0 if report(soak) else 1


if __name__ == "__main__":
    sys.exit(main())
