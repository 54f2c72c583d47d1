"""A video call in the real kernel while its parts fail: nobody ever sees the room, and it heals.

The room is of a colour that nothing else has, and it is known which pixels are the person's. The
kernel's own test camera can only see a plain colour: all of it is room. What is demanded:

- the reader has a picture all the time, matted or the slate: `LONGEST_GAP_SECONDS`;
- none shows the room: not one block of 2x2 pixels outside the person (0 of it in the exact alpha of
  that very frame) that is `MARKED_SHARE` room or more. Without faults not one pixel reaches that,
  and every block of the room does where the raw picture leaks: both are tested;
- the matted picture is back `BACK_SECONDS` after the device can be used again;
- pictures are no older afterwards than before: `OLDER_SECONDS`.

Times are the lab's, which is about a third as fast as the computer that it runs on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import marked_clip
from tests.lab import SHARED, needs_lab, run_in_lab
from tests.marked_clip import Clip

pytestmark = [pytest.mark.lab, needs_lab]

Yuv: TypeAlias = "tuple[int, int, int]"

FRAMES: Final = SHARED / "media" / "pairs-clip"
PLANES: Final = (3, marked_clip.SIZE.height // 2, marked_clip.SIZE.width // 2)

BACKGROUND: Final[Yuv] = (66, 147, 112)
"""#204060 as Y, U and V."""
MAGENTA: Final = (106, 202, 222)
RED: Final = (81, 90, 240)
ROOMS: Final = {"clip": MAGENTA, "camera": RED, "demand": MAGENTA}
"""The colour of the room in each call: of the test camera's pictures, all is room."""
TOLERANCE: Final = 6
MARKED_SHARE: Final = 0.25

LONGEST_GAP_SECONDS: Final = 1.0
"""Half a second until the slate takes over, and what the lab's one processor is busy with."""
BACK_SECONDS: Final = 1.0
OLDER_SECONDS: Final = 0.15
ON_DEMAND_SECONDS: Final = 1.5
IDLE_PERCENT: Final = 2.0
RELEASED_SECONDS: Final = 6.5


class Seen(NamedTuple):
    """A picture that the reader got.

    kind: "matted", "slate", "plain" (the background and nobody) or "other".
    number: the frame of the clip that it was made of, where it can be read.
    marked: how many blocks of 2x2 pixels outside the person show the room.
    """

    seconds: float
    kind: str
    number: int | None
    marked: int


class Fault(NamedTuple):
    """What the reader saw from just before a fault to some seconds after it.

    injected, back: seconds: its beginning, and when the device could be used again.
    seeing: when there was a reader, and a livematte that could send: from the beginning on, mostly.
    fed: when each frame could be had from the camera, and its number.
    """

    name: str
    injected: float
    seeing: float
    back: float
    ended: float
    seen: list[Seen]
    fed: list[tuple[float, int]]

    def between(self, begin: float, end: float) -> list[Seen]:
        return [each for each in self.seen if begin <= each.seconds < end]

    @property
    def during(self) -> list[Seen]:
        return self.between(self.injected, self.ended)

    def first_after(self, begin: float, *kinds: str) -> float:
        """Seconds from `begin` to the first picture of these kinds; infinite if there is none."""
        seen = self.between(begin, self.ended)
        return min((each.seconds - begin for each in seen if each.kind in kinds), default=inf)

    @property
    def back_after(self) -> float:
        return self.first_after(self.back, "matted", "plain")

    @property
    def longest_gap(self) -> float:
        pictures = self.between(self.seeing, self.ended)
        times = [self.seeing, *(each.seconds for each in pictures), self.ended]
        return float(np.diff(times).max())

    def age(self, begin: float, end: float) -> float:
        """How old pictures were when they were seen, in seconds: the median of these."""
        ages = [
            each.seconds - max(at for at, number in self.fed if is_its(each, at, number))
            for each in self.between(begin, end)
            if any(is_its(each, at, number) for at, number in self.fed)
        ]
        return float(np.median(ages)) if ages else float("nan")

    @property
    def age_before(self) -> float:
        return self.age(self.injected - 2, self.injected)

    @property
    def age_after(self) -> float:
        return self.age(self.ended - 2, self.ended)


def is_its(picture: Seen, at: float, number: int) -> bool:
    """Whether a frame that could be had `at` some time may be the one that `picture` shows."""
    return number == picture.number and at <= picture.seconds


class Call(NamedTuple):
    """A call from its begin to its end."""

    seen: list[Seen]
    faults: dict[str, Fault]
    figures: dict[str, Any]
    alive: bool
    code: int | None
    said: str


class Found(NamedTuple):
    """The calls by their names, and what the reader got of the raw camera."""

    calls: dict[str, Call]
    leak: list[Seen]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("calls")
    clip = marked_clip.make(sorted(FRAMES.glob("*.png")), folder / "clip.yuv")
    command = [sys.executable, "-m", "tests.in_lab_video_call_faults", str(folder), str(clip.path)]
    try:
        run_in_lab(*command, "leak", *ROOMS, seconds=240)
        calls = {name: read_call(folder, name, clip) for name in ROOMS}
        leak = look(
            folder / "leak.seen", json.loads((folder / "leak.json").read_text()), clip, MAGENTA
        )
    finally:
        for each in (*folder.glob("*.seen"), clip.path):
            each.unlink()  # pytest keeps the folder
    print(table(calls))
    return Found(calls, leak)


@pytest.fixture(scope="module")
def calls(found: Found) -> dict[str, Call]:
    return found.calls


def read_call(folder: Path, name: str, clip: Clip) -> Call:
    told = json.loads((folder / f"{name}.json").read_text())
    seen = look(folder / f"{name}.seen", told["seconds"], clip, ROOMS[name])
    fed = [(at, number % len(clip.person)) for at, number in told["fed"]]
    faults = {}
    for each in told["faults"]:
        seeing = each.get("blind", each["injected"])
        times = (each["injected"], seeing, each["back"], each["ended"])
        faults[each["name"]] = Fault(each["name"], *times, seen, fed)
    return Call(seen, faults, told["figures"], told["alive"], told["code"], told["said"])


def look(path: Path, seconds: Sequence[float], clip: Clip, room: Yuv) -> list[Seen]:
    """Judge pictures, uint8 YUV (N, 3, H / 2, W / 2)."""
    pictures = np.fromfile(path, np.uint8).reshape(-1, *PLANES)
    return [judge(at, each, clip, room) for at, each in zip(seconds, pictures, strict=True)]


def judge(seconds: float, picture: NDArray[np.uint8], clip: Clip, room: Yuv) -> Seen:
    off = picture.astype(np.int16) - np.array(BACKGROUND, np.int16)[:, None, None]
    background = (np.abs(off) <= TOLERANCE).all(axis=0)
    third = PLANES[1] // 3
    number = marked_clip.read_number(picture[0], clip.corner)
    if number is not None and number >= len(clip.person):
        number = None
    if background.all():
        kind = "plain"
    elif background[:third].all() and background[-third:].all():
        kind = "slate"
    elif 0.03 < 1 - background.mean() < 0.7:
        kind = "matted"
    else:
        kind = "other"
    nobody = kind in ("plain", "slate")
    if nobody:
        person = np.zeros_like(background)
    else:
        person = clip.person.any(axis=0) if number is None else clip.person[number]
    u, v = ((off[plane] / (room[plane] - BACKGROUND[plane])) for plane in (1, 2))
    marked = int(((np.minimum(u, v) >= MARKED_SHARE) & ~person).sum())
    return Seen(seconds, kind, None if nobody else number, marked)


def table(calls: dict[str, Call]) -> str:
    """The figures, for whoever reads the test's output."""
    lines = [
        f"{'':36}{'slate':>8}{'back':>8}{'gap':>8}{'pictures':>9}{'matted':>7}{'marked':>9}"
        f"{'age before':>11}{'after':>7}"
    ]
    for name, call in calls.items():
        for fault in call.faults.values():
            matted = [each for each in fault.during if each.kind == "matted"]
            lines.append(
                f"{name + ': ' + fault.name:36}"
                f"{told(fault.first_after(fault.seeing, 'slate')):>8}{told(fault.back_after):>8}"
                f"{told(fault.longest_gap):>8}{len(fault.during):9}{len(matted):7}"
                f"{sum(each.marked for each in fault.during):9}"
                f"{told(fault.age_before):>11}{told(fault.age_after):>7}"
            )
        for figure, value in call.figures.items():
            lines.append(f"{name}: {figure}: {value}")
    return "\n".join(lines)


def told(seconds: float) -> str:
    return f"{seconds:.2f}" if isfinite(seconds) else "-"


def every_fault(calls: dict[str, Call]) -> list[Fault]:
    return [fault for call in calls.values() for fault in call.faults.values()]


def test_a_leak_would_be_found_in_its_first_picture(found: Found) -> None:
    assert len(found.leak) > 5
    for picture in found.leak:
        assert picture.kind == "other"
        assert picture.number is not None
        assert picture.marked > 0.7 * PLANES[1] * PLANES[2]


@pytest.mark.parametrize("room", [MAGENTA, RED], ids=["magenta", "red"])
def test_each_rooms_colour_is_found_even_if_three_quarters_are_background(room: Yuv) -> None:
    clip = Clip(Path(), np.zeros((1, *PLANES[1:]), np.bool_), (0, 0))
    share = MARKED_SHARE + 0.05
    mixed = np.rint(np.multiply(room, share) + np.multiply(BACKGROUND, 1 - share)).astype(np.uint8)
    picture = np.ones(PLANES, np.uint8) * mixed[:, None, None]
    assert judge(0.0, picture, clip, room).marked == PLANES[1] * PLANES[2]


def test_no_picture_ever_shows_the_room(calls: dict[str, Call]) -> None:
    for call in calls.values():
        assert len(call.seen) > 50
        assert max(each.marked for each in call.seen) == 0
        assert {each.kind for each in call.seen} <= {"matted", "slate", "plain"}
        assert all(each.number is not None for each in call.seen if each.kind == "matted")
    assert {each.kind for each in calls["camera"].seen} == {"slate", "plain"}


def test_each_call_outlives_its_faults_and_ends_on_the_slate(calls: dict[str, Call]) -> None:
    for call in calls.values():
        assert call.alive, call.said
        assert call.code == 0, call.said
        assert call.seen[-1].kind == "slate"


def test_there_are_pictures_all_the_time(calls: dict[str, Call]) -> None:
    gaps = {each.name: each.longest_gap for each in every_fault(calls)}
    assert max(gaps.values()) < LONGEST_GAP_SECONDS, gaps


def test_the_slate_is_there_while_the_camera_gives_nothing(calls: dict[str, Call]) -> None:
    clip, camera = calls["clip"].faults, calls["camera"].faults
    faults = [each for name, each in clip.items() if name.startswith("feeder")]
    for fault in (*faults, camera["plug pulled, another number"]):
        assert fault.first_after(fault.injected, "slate") < LONGEST_GAP_SECONDS, fault.name


def test_the_camera_was_truly_lost(calls: dict[str, Call]) -> None:
    """By the fatal error and each time that the plug was pulled."""
    assert calls["camera"].said.count("Waiting for it to come back.") == 3, calls["camera"].said
    assert calls["camera"].said.count("The camera is back") == 3, calls["camera"].said


def test_the_picture_is_soon_back(calls: dict[str, Call]) -> None:
    faults = [*calls["clip"].faults.values(), *calls["camera"].faults.values()]
    after = {each.name: each.back_after for each in faults}
    assert max(after.values()) < BACK_SECONDS, after


def test_pictures_grow_no_older(calls: dict[str, Call]) -> None:
    older = {each.name: each.age_after - each.age_before for each in calls["clip"].faults.values()}
    assert all(each < OLDER_SECONDS for each in older.values()), older


def test_the_camera_is_found_under_another_number(calls: dict[str, Call]) -> None:
    before, after = calls["camera"].figures["moved"]
    assert before != after


def test_nobody_watching_turns_the_camera_off(calls: dict[str, Call]) -> None:
    figures = calls["demand"].figures
    assert figures["released after, s"] < RELEASED_SECONDS
    assert 4.5 < figures["released again after, s"] < RELEASED_SECONDS
    assert not figures["held while idle"]
    assert min(figures["idle, % of a core, each time"]) < IDLE_PERCENT


def test_who_comes_sees_the_slate_at_once_and_then_the_person(calls: dict[str, Call]) -> None:
    for fault in calls["demand"].faults.values():
        first = next(each for each in fault.seen if each.seconds >= fault.back)
        assert first.kind == "slate"
        assert first.seconds - fault.back < LONGEST_GAP_SECONDS
        assert fault.back_after < ON_DEMAND_SECONDS
