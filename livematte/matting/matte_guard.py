"""Judges whether a matte can come from a working network, before it is used.

Each `Doubt` is a number that grows with the fault, a limit, and how many frames beyond the limit
are proof: a working network errs for a frame or two, a broken one continues. The evidence of all
doubts adds up, and decays. `python -m tests.guard_footage` measures how often footage of people is
refused.

There are two kinds of doubts. One frame shows whether its matte looks like that of any person: few
soft pixels, and edges where the picture has edges. The change between frames shows whether the
matte belongs to this frame: a place that looks as before is what it was before, room or person, and
edges fit this picture better than the last ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Image

ALL: Final = 0.985
"""A mean alpha above this leaves no background: it takes the whole room for the person."""

NOBODY: Final = 0.002
"""A mean alpha below this shows nobody."""

RANGE: Final = 0.01
"""How far a number may be below 0 or above 1: from rounding, not from a broken network."""

SURELY_ROOM, EVEN, SURELY_PERSON = 26, 128, 229
"""Levels of alpha, 0 to 255: below the first is room, above the last is person; 0.1, 0.5, 0.9."""

VEILED: Final = (4, 251)
"""Levels between these are not quite room and not quite person."""

CLIPPED_LEAST: Final = 0.02
"""The least share of almost sure pixels that is assumed, relative to the clearly soft ones."""

CELL: Final = 2
"""Edges are compared in cells of this many pixels of the network a side."""

LOOK_CELLS: Final = 2
"""Looks are compared in cells of this many of those a side."""

LEAST_EDGE_CELLS: Final = 150
LEAST_COVERAGE: Final = 0.04
"""Edges of a person smaller than this tell nothing: in an empty room a working network sees ghosts,
whose edges can be anywhere."""

STEEP: Final = 64
"""Steeper gradients of the picture count as this, so that one white line does not dominate."""

OFFSETS: Final = (3, 6, 12, 24)
"""How far, in cells, edges are moved to test whether they fit better there."""

LAGS: Final = (1, 3, 6)
"""The edges are compared with the pictures this many frames before."""

MOVED: Final = 6
"""A gradient that changed by more than this has moved."""

LAG_SCALE: Final = 20
LAG_DRIFT: Final = 0.03
MOST_LAG: Final = 0.16
"""Evidence of a late matte adds up: per edge cell, divided by the first, minus the second, which
exceeds that of correct mattes. At most the last is carried over to the next frames."""

SAME_EXPOSURE: Final = (0.9, 1.1)
"""The ratio of gradients to an earlier picture's; beyond this, the light has changed."""

SAME_LOOK: Final = 8
"""A cell that differs by less looks the same; in levels of the channel that changed most."""

NEAR_LOOK: Final = 0.5
"""The same as a part of `SAME_LOOK`, from the range of looks within reach of a small movement."""

LOOK_CONTRAST: Final = 0.12
"""`SAME_LOOK` is at most this part of the picture's standard deviation: in the dark or in fog
everything looks alike, so it would not be evidence."""

LEAST_LOOK: Final = 2
"""In levels: if contrast demands a smaller difference than this, nothing is compared."""

REACH: Final = np.ones((5, 5), np.uint8)

KNOWN_FRAMES: Final = 8
"""A place that was room for this many frames, and looks the same, is known to be room."""

LEARNING: Final = 0.1
"""The weight of a new frame in the look of the known room."""

LEARNING_EVIDENCE: Final = 0.6
"""With this much evidence (of 1) against earlier frames, a frame is shown but not learned from."""

VANISHED_SHARE: Final = 0.3
"""The least share of a person that counts; else a hand lost for a frame would be a fault."""

FORGETTING_FRAMES: Final = 45
"""After this many frames that only doubts about changes object to, the new state is accepted."""

_SQUARE: Final = np.ones((3, 3), np.uint8)

Matte = NDArray[np.float32]
Levels = NDArray[np.integer[Any] | np.floating[Any]]


class SeenView(Protocol):
    """A frame as the network saw it, and its matte; see `matting.steady.View`."""

    @property
    def pixels(self) -> Image: ...
    @property
    def matte(self) -> Matte: ...
    @property
    def is_mirrored(self) -> bool: ...


@dataclass(frozen=True)
class Doubt:
    """A possible fault. limit: footage of people stays below it, except for a frame or two.

    frames: how many beyond the limit are proof. problem: the fault in a few words.
    """

    limit: float
    frames: int
    problem: str


_FITS: Final = "The matte does not fit the picture"
_CHANGED: Final = "The matte changed where the picture did not"

DOUBTS: Final = {
    # The share of pixels that are clearly soft, and the share that are not quite 0 or 1.
    "soft": Doubt(0.30, 1, "The matte is soft all over"),
    "veil": Doubt(0.50, 1, "The matte is soft all over"),
    # Among the pixels that may be a person, the share that is not surely one.
    "unsure": Doubt(0.75, 1, "The matte is soft all over"),
    # Edge pixels per soft pixel: large in a matte that was cut off at a level.
    "hard": Doubt(3.2, 2, "The matte has no soft edge"),
    # Clearly soft pixels per pixel that is almost 1: if a sum is clipped, edges end in steps.
    "clipped": Doubt(7.0, 2, "The matte has no soft edge"),
    # How much rows differ from their neighbours, divided by their change over two rows.
    "comb": Doubt(0.5, 1, "The matte is noise"),
    # The largest mean gradient under edges moved aside, divided by that at their own place.
    "aside": Doubt(1.2, 4, _FITS),
    # The share of edges where the picture has less than its mean gradient.
    "loose": Doubt(0.65, 3, _FITS),
    # The share of a row or column that is an edge, with almost no edge in the picture.
    "straight": Doubt(0.45, 3, _FITS),
    # How much better the edges fit earlier pictures.
    "late": Doubt(0.10, 2, "The matte lags behind the picture"),
    # Shares of the frame that look as before, and were room, and are person now.
    "known": Doubt(0.018, 3, _CHANGED),
    "grown": Doubt(0.15, 2, _CHANGED),
    "spread": Doubt(0.15, 2, _CHANGED),
    # The share that was person, still looks like it, and is not person now.
    "vanished": Doubt(0.08, 4, "The person cannot be seen"),
}
"""What is measured in a matte, the most important first."""

OF_CHANGE: Final = frozenset({"known", "grown", "spread", "vanished"})
"""The doubts that compare with earlier frames."""


class MatteGuard:
    """Judges the mattes of successive frames."""

    def __init__(self) -> None:
        self._pictures: deque[Image] = deque(maxlen=max(LAGS))
        """Gradients of the last frames, the newest last."""
        self._late = dict.fromkeys(LAGS, 0.0)
        self._past: _Past | None = None
        self._changed_frames = 0
        self._evidence = 0.0
        self.measured: dict[str, float] = {}
        """The measurements of the last frame: those of `DOUBTS` that were possible."""

    def problem(self, views: Sequence[SeenView]) -> str:
        """Why the matte of a frame cannot be right, in a few words; "" if it can.

        views: of one frame, all in one size, which may differ from frame to frame.
        """
        if any(each.matte.shape != each.pixels.shape[:2] for each in views):
            return "The matte has a wrong size"
        if problem := range_problem(*(each.matte for each in views)):
            return problem
        first = views[0]
        levels = _levels(first.matte)
        for other in views[1:]:
            turned = _turned(_levels(other.matte), other.is_mirrored != first.is_mirrored)
            levels = cv2.addWeighted(levels, 0.5, turned, 0.5, 0).astype(np.uint8, copy=False)
        return self.problem_of(levels, first.pixels, is_mirrored=first.is_mirrored)

    def problem_of(self, levels: Image, pixels: Image, *, is_mirrored: bool = False) -> str:
        """The same for a matte, uint8 (h, w), and the network's input, uint8 (h, w, 3)."""
        fine = _Look.of(levels, pixels, CELL, is_mirrored)
        now = _Look.of(fine.levels, fine.colours, LOOK_CELLS)
        self.measured = self._measure(levels, fine, now)
        doubts = [name for name, each in DOUBTS.items() if self.measured.get(name, 0) > each.limit]
        if OF_CHANGE.issuperset(doubts) and doubts:
            self._changed_frames += 1
            if self._changed_frames > FORGETTING_FRAMES:
                self._past, doubts = None, []
        if not doubts and self._evidence < LEARNING_EVIDENCE:
            self._changed_frames = 0
            self._past = self._past or _Past(now)
            self._past.add(now)
        proof = sum(1 / DOUBTS[each].frames for each in doubts)
        self._evidence = min(1.0, self._evidence + proof) if doubts else self._evidence / 2
        return DOUBTS[doubts[0]].problem if doubts and self._evidence > 0.99 else ""

    def _measure(self, levels: Image, fine: _Look, now: _Look) -> dict[str, float]:
        picture = _gradient(fine.colours)
        edge = _Edge.of(fine.levels)
        count = _counter(levels)
        measured = _measure_numbers(levels, count)
        tells = edge.count > LEAST_EDGE_CELLS and measured["coverage"] >= LEAST_COVERAGE
        if measured["coverage"] >= LEAST_COVERAGE:
            sure = count(SURELY_PERSON + 1, 255)
            soft = measured["soft"] * levels.size
            measured["unsure"] = soft / (soft + sure + 1)
            almost = count(SURELY_PERSON + 1, VEILED[1])
            measured["clipped"] = soft / (almost + CLIPPED_LEAST * soft + 1)
        if tells:
            measured["hard"] = CELL * edge.count / (measured["soft"] * levels.size + 1)
            edge.measure_fit(picture, measured)
            measured["late"] = self._lag(edge, picture)
        self._pictures.append(picture)
        if self._past is not None and not self._past.is_like(now):
            self._past = None
        if self._past is not None:
            self._past.compare(now, measured)
        return measured

    def _lag(self, edge: _Edge, picture: Image) -> float:
        """How much better the matte's edges fit earlier pictures; carries evidence over."""
        here = picture.ravel()[edge.places].astype(np.float32)
        mean = cv2.mean(picture)[0] + 1
        for lag in LAGS:
            evidence = 0.0
            if len(self._pictures) >= lag and self._pictures[-lag].shape == picture.shape:
                earlier = self._pictures[-lag]
                exposure = mean / (cv2.mean(earlier)[0] + 1)
                if SAME_EXPOSURE[0] < exposure < SAME_EXPOSURE[1]:
                    more = earlier.ravel()[edge.places] * np.float32(exposure) - here
                    more[np.abs(more) <= MOVED] = 0
                    evidence = float(more.sum()) / (LAG_SCALE * edge.count)
            self._late[lag] = min(MOST_LAG, max(0.0, self._late[lag] + evidence - LAG_DRIFT))
        return max(self._late.values())


def range_problem(*mattes: Matte) -> str:
    """What is wrong with the numbers in mattes, float32, in a few words; "" if nothing is."""
    for matte in mattes:
        # A sum is NaN or infinite if any number is; the extremes are undefined with NaN.
        if not np.isfinite(cv2.sumElems(matte)[0]):
            return "The matte holds values that are not numbers"
        least, most, *_ = cv2.minMaxLoc(matte)
        if least < -RANGE or most > 1 + RANGE:
            return "The matte goes beyond 0 to 1"
    return ""


def _counter(levels: Image) -> Callable[[int, int], float]:
    """Counts the pixels of a matte, uint8 (h, w), between two levels, both included."""
    histogram = cv2.calcHist([levels], [0], None, [256], [0, 256])
    return lambda least, most: float(histogram[least : most + 1].sum())


def _measure_numbers(levels: Image, count: Callable[[int, int], float]) -> dict[str, float]:
    """Those of `DOUBTS` that need only the matte, uint8 (h, w), and its coverage."""
    soft, veiled = count(SURELY_ROOM, SURELY_PERSON), count(*VEILED)
    columns = levels[:, ::4].copy()
    mean_rows = cv2.addWeighted(columns[2:], 0.5, columns[:-2], 0.5, 0)
    over_two = cv2.mean(cv2.absdiff(columns[2:], columns[:-2]))[0]
    return {
        "coverage": cv2.mean(levels)[0] / 255,
        "soft": soft / levels.size,
        "veil": veiled / levels.size,
        "comb": cv2.mean(cv2.absdiff(columns[1:-1], mean_rows))[0] / (over_two + 0.5),
    }


@dataclass(frozen=True, eq=False)
class _Edge:
    """Where alpha crosses one half.

    mask: uint8 (h, w), 1 on both sides of the edge, else 0.
    places: the indices of these in the flattened mask.
    """

    mask: Image
    places: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, levels: Image) -> _Edge:
        inside = cv2.threshold(levels, EVEN, 1, cv2.THRESH_BINARY)[1]
        mask = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, _SQUARE).astype(np.uint8, copy=False)
        found = cv2.findNonZero(mask)
        points = (
            np.zeros((0, 2), np.int64) if found is None else found.reshape(-1, 2).astype(np.int64)
        )
        return cls(mask, points[:, 1] * mask.shape[1] + points[:, 0], len(points))

    def measure_fit(self, picture: Image, measured: dict[str, float]) -> None:
        """Measure those of `DOUBTS` that compare the edge with a gradient, uint8 (h, w)."""
        height, width = self.mask.shape
        mean = cv2.mean(picture)[0]
        beside = cv2.dilate(picture, _SQUARE)
        flat, flatter = (
            cv2.threshold(beside, each, 1, cv2.THRESH_BINARY_INV)[1] for each in (2 * mean, mean)
        )
        measured["loose"] = cv2.countNonZero(cv2.bitwise_and(flatter, self.mask)) / self.count
        unfounded = cv2.bitwise_and(flat, self.mask)
        columns = cv2.reduce(unfounded, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
        rows = cv2.reduce(unfounded, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
        measured["straight"] = max(columns.max() / height, rows.max() / width)

        border = max(OFFSETS)
        wide = cv2.copyMakeBorder(picture, *(border,) * 4, cv2.BORDER_CONSTANT).ravel()
        stride = width + 2 * border
        y, x = np.divmod(self.places, width)
        places = (y + border) * stride + x + border
        aside = max(
            wide[places + offset].mean()
            for pixels in OFFSETS
            for offset in (-pixels, pixels, -pixels * stride, pixels * stride)
        )
        measured["fit"] = wide[places].mean() / (mean + 1)
        measured["aside"] = float(aside / (wide[places].mean() + 1))


def _levels(matte: Matte) -> Image:
    """A matte in approximately [0, 1] as uint8."""
    return cv2.convertScaleAbs(matte, alpha=255).astype(np.uint8, copy=False)


def _turned(picture: Image, is_mirrored: bool) -> Image:
    return cv2.flip(picture, 1).astype(np.uint8, copy=False) if is_mirrored else picture


def _gradient(colours: Image) -> Image:
    """The change over two pixels of the channel that changes most, at most `STEEP`: (h, w)."""
    across = cv2.absdiff(colours[1:-1, 2:], colours[1:-1, :-2])
    down = cv2.absdiff(colours[2:, 1:-1], colours[:-2, 1:-1])
    cv2.max(across, down, dst=across)
    del down
    steep = cv2.threshold(_strongest(across), STEEP, 0, cv2.THRESH_TRUNC)[1]
    gradient = cv2.copyMakeBorder(steep, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return gradient.astype(np.uint8, copy=False)


def _strongest(picture: Levels) -> Image:
    """The largest channel: (h, w)."""
    blue, green, red = cv2.split(picture)
    cv2.max(cv2.max(blue, green, dst=blue), red, dst=blue)
    return blue.astype(np.uint8, copy=False)


@dataclass(frozen=True, eq=False)
class _Look:
    """A frame and its matte, reduced to cells: uint8 (h, w, 3) and (h, w)."""

    colours: Image
    levels: Image

    @classmethod
    def of(cls, levels: Image, pixels: Image, cell: int, is_mirrored: bool = False) -> _Look:
        """Reduce pictures to cells of `cell` pixels a side."""
        cells = (max(1, levels.shape[1] // cell), max(1, levels.shape[0] // cell))
        colours, small = (
            _turned(
                cv2.resize(each, cells, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False),
                is_mirrored,
            )
            for each in (pixels, levels)
        )
        return cls(colours, small)


class _Past:
    """The last frame with a correct matte, and the look of the room where it is known."""

    def __init__(self, first: _Look) -> None:
        self._last = first
        self._room = first.colours.astype(np.float32)
        self._frames = np.zeros(first.levels.shape, np.uint8)
        """For how many frames each pixel has been room and looked like this."""
        self._same = np.zeros(first.levels.shape, np.uint8)
        """Where the last compared frame looks like the room: 0 or 255."""

    def is_like(self, now: _Look) -> bool:
        return self._last.levels.shape == now.levels.shape

    def compare(self, now: _Look, measured: dict[str, float]) -> None:
        """Measure those of `DOUBTS` that compare a frame with the past."""
        contrast = float(cv2.meanStdDev(now.colours)[1].max())
        look = min(SAME_LOOK, round(LOOK_CONTRAST * contrast))
        if look < LEAST_LOOK:
            self._same = np.zeros_like(self._same)
            return
        room = cv2.convertScaleAbs(self._room)
        self._same = _within(_strongest(cv2.absdiff(now.colours, room)), look)
        person = _above(now.levels, EVEN)
        surely = _above(now.levels, SURELY_PERSON)
        none = _below(now.levels, SURELY_ROOM)
        known = _above(self._frames, KNOWN_FRAMES - 1)
        last = self._last
        still = _within(_strongest(cv2.absdiff(now.colours, last.colours)), look)
        rise = _above(cv2.subtract(now.levels, last.levels), EVEN)
        # Changes that a small movement explains: each channel stays in the range around it.
        least, most = cv2.erode(last.colours, REACH), cv2.dilate(last.colours, REACH)
        beyond = cv2.max(cv2.subtract(now.colours, most), cv2.subtract(least, now.colours))
        near = _within(_strongest(beyond), int(NEAR_LOOK * look))
        inside = _above(cv2.erode(last.levels, REACH), SURELY_PERSON)
        outside = _below(cv2.dilate(last.levels, REACH), SURELY_ROOM)
        vanished = _share(near, inside, none)
        measured["known"] = _share(self._same, known, person)
        measured["grown"] = _share(still, rise)
        measured["spread"] = _share(near, outside, surely)
        enough = vanished > VANISHED_SHARE * cv2.mean(last.levels)[0] / 255
        measured["vanished"] = vanished if enough else 0.0

    def add(self, now: _Look) -> None:
        """Remember a frame that was compared and is correct."""
        none = _below(now.levels, SURELY_ROOM)
        stays = cv2.bitwise_and(none, self._same)
        new = cv2.bitwise_and(none, cv2.bitwise_not(self._same))
        cv2.accumulateWeighted(now.colours, self._room, LEARNING, mask=stays)
        cv2.add(self._frames, np.minimum(stays, 1), dst=self._frames)  # 255 at most
        cv2.copyTo(now.colours.astype(np.float32), new, self._room)
        self._frames[new > 0] = 1
        # A person who looks like the room is not evidence against a matte.
        person = _above(now.levels, EVEN)
        self._frames[cv2.bitwise_and(person, self._same) > 0] = 0
        self._last = now


def _within(difference: Image, most: int) -> Image:
    """255 where the difference is at most `most`, else 0."""
    return _below(difference, most + 1)


def _above(picture: Levels, level: int) -> Image:
    """255 where the picture is above `level`, else 0."""
    return cv2.threshold(picture, level, 255, cv2.THRESH_BINARY)[1].astype(np.uint8, copy=False)


def _below(picture: Levels, level: int) -> Image:
    """255 where the picture is below `level`, else 0."""
    inverse = cv2.threshold(picture, level - 1, 255, cv2.THRESH_BINARY_INV)[1]
    return inverse.astype(np.uint8, copy=False)


def _share(*masks: Image) -> float:
    """The share of pixels that are in all masks."""
    common = masks[0]
    for each in masks[1:]:
        common = cv2.bitwise_and(common, each).astype(np.uint8, copy=False)
    return cv2.countNonZero(common) / common.size
