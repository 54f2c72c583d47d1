"""A person in a room, for computers without a camera: a portrait that sways in a drawn room."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import files
from types import TracebackType
from typing import Final

import cv2
import numpy as np

from livematte.errors import UsageError
from livematte.frame import Frame, Image, Size
from livematte.media.cover import cover
from livematte.sources.source import FrameBuffers

FRAMES_PER_SECOND: Final = Fraction(30)

LATE_SECONDS: Final = 1.0
"""After a longer delay (the process was suspended), missed frames are skipped, as by a camera."""

SMALLEST: Final = 64
"""The shortest side: in a smaller picture the person would not be recognisable."""

SWAY_SECONDS: Final = (6.0, 3.7)
"""The periods of the sway: sideways, and up and down."""

SWAY: Final = (0.03, 0.015)
"""How far it sways to each side, as a part of the frame's height."""

PERSON_HEIGHT: Final = 0.85
PERSON_WIDTH: Final = 0.85
"""The most of the frame that the portrait fills; the frame's corners stay room."""

ROOM_SIZE: Final = Size(1280, 720)


class Demo:
    """Stands in for a camera. The picture depends on the frame's index alone.

    scripts/make_portrait.py makes the portrait, and says where it comes from.
    """

    trouble = ""

    def __init__(self, size: Size = ROOM_SIZE, *, realtime: bool = True) -> None:
        """realtime: like a camera; otherwise every frame, as fast as they are taken, without end.

        Raises `UsageError` if the size is too small to show a person.
        """
        if min(size) < SMALLEST:
            raise UsageError(
                f"The demo cannot be {size}.", f"Each side needs at least {SMALLEST} pixels."
            )
        self.remarks: tuple[str, ...] = ()
        self._size = size
        self._realtime = realtime
        self._interrupted = threading.Event()
        self._buffers = FrameBuffers()

    @property
    def live(self) -> bool:
        return self._realtime

    @property
    def size(self) -> Size:
        return self._size

    @property
    def frames_per_second(self) -> Fraction:
        return FRAMES_PER_SECOND

    @property
    def description(self) -> str:
        return f"demo, {self._size} at {FRAMES_PER_SECOND} frames/s"

    def __enter__(self) -> Demo:
        self._room = cover(_draw_room(), self._size)
        self._person = _Person(self._size)
        self._buffers = FrameBuffers(self._size)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is nothing to release."""

    def frames(self) -> Iterator[Frame]:
        start_seconds = time.monotonic()
        for index in itertools.count():
            media_seconds = float(index / FRAMES_PER_SECOND)
            if self._realtime:
                early_seconds = start_seconds + media_seconds - time.monotonic()
                self._interrupted.wait(early_seconds)
                if early_seconds < -LATE_SECONDS:
                    start_seconds -= early_seconds
            if self._interrupted.is_set():
                return
            image = self._buffers.take()
            captured_seconds = time.monotonic()
            np.copyto(image, self._room)
            self._person.put_into(image, media_seconds)
            yield Frame(image, index, captured_seconds, media_seconds)

    def recycle(self, frame: Frame) -> None:
        self._buffers.give_back(frame.image)

    def interrupt(self) -> None:
        self._interrupted.set()


class _Person:
    """The portrait, scaled for a frame; its lower edge is always below the frame's."""

    def __init__(self, size: Size) -> None:
        packed = np.frombuffer((files("livematte") / "assets/portrait.webp").read_bytes(), np.uint8)
        portrait = cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)  # BGRA, straight alpha
        assert portrait is not None, "the portrait comes with livematte"
        height, width = portrait.shape[:2]
        scale = min(PERSON_HEIGHT * size.height / height, PERSON_WIDTH * size.width / width)
        shrinking = scale < 1
        portrait = cv2.resize(
            portrait,
            None,
            fx=scale,
            fy=scale,
            interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC,
        )
        alpha = portrait[..., 3:]
        # Premultiplied, so that it can be moved by parts of a pixel and then added. The fourth
        # channel is how much of the room shows through, so that one warp moves both.
        pixels = portrait[..., :3] * (alpha / 255) + 0.5
        self._person = np.dstack((pixels.astype(np.uint8), 255 - alpha))
        self._size = size
        self._reach = (SWAY[0] * size.height, SWAY[1] * size.height)

    def put_into(self, image: Image, seconds: float) -> None:
        """Composite the person at time `seconds` into `image`, uint8 BGR (H, W, 3)."""
        height, width = self._person.shape[:2]
        sideways, up = (
            reach * math.sin(2 * math.pi * seconds / period)
            for reach, period in zip(self._reach, SWAY_SECONDS, strict=True)
        )
        left = (self._size.width - width) / 2 + sideways
        top = self._size.height - height + self._reach[1] + 1 + up
        column, row = math.floor(left), math.floor(top)
        shift = np.array([[1, 0, left - column], [0, 1, top - row]])
        region = image[row:, column : column + width + 1]
        covered = (width + 1, self._size.height - row)
        moved = cv2.warpAffine(self._person, shift, covered, borderValue=(0, 0, 0, 255))
        rest = cv2.cvtColor(cv2.extractChannel(moved, 3), cv2.COLOR_GRAY2BGR)
        cv2.multiply(region, rest, dst=region, scale=1 / 255)
        cv2.add(region, cv2.cvtColor(moved, cv2.COLOR_BGRA2BGR), dst=region)


def _draw_room() -> Image:
    """A living room with a window, a shelf, a lamp, a picture and a plant: uint8 BGR (H, W, 3)."""
    width, height = ROOM_SIZE
    room = np.empty((height, width, 3), np.uint8)
    # The wall, lit from the window on the left.
    light = np.linspace(1.0, 0.78, width)[np.newaxis, :, np.newaxis]
    shade = np.linspace(1.02, 0.9, height)[:, np.newaxis, np.newaxis]
    room[:] = (np.array([196, 208, 212]) * light * shade).clip(0, 255)
    _rectangle(room, (0, 560), (width, 580), (178, 190, 196))  # skirting
    room[580:] = (np.array([74, 104, 138]) * light).clip(0, 255)  # floor
    for x in range(0, width, 106):
        cv2.line(room, (x, 580), (2 * x - 640, height), (60, 86, 116), 2, cv2.LINE_AA)
    _draw_window(room)
    _draw_picture(room)
    _draw_shelf(room)
    _draw_lamp(room)
    _draw_plant(room)
    # A camera's picture is less sharp and less clean than a drawing.
    noise = np.random.default_rng(seed=7).normal(0, 2.0, room.shape)
    softened = cv2.GaussianBlur(room, (0, 0), 1.2)
    return (softened + noise).clip(0, 255).astype(np.uint8)


def _rectangle(
    room: Image, corner: tuple[int, int], opposite: tuple[int, int], bgr: tuple[int, int, int]
) -> None:
    cv2.rectangle(room, corner, opposite, bgr, cv2.FILLED, cv2.LINE_AA)


def _draw_window(room: Image) -> None:
    _rectangle(room, (60, 70), (330, 400), (235, 240, 242))
    sky = np.linspace((240, 200, 150), (250, 235, 215), 300)[:, np.newaxis]
    room[85:385, 75:315] = sky
    for center, radius in (((120, 372), 62), ((215, 380), 80), ((300, 370), 50)):
        hill = np.zeros(room.shape[:2], np.uint8)
        cv2.circle(hill, center, radius, 255, cv2.FILLED, cv2.LINE_AA)
        hill[:, :75] = hill[:, 315:] = hill[385:] = 0
        room[hill > 0] = (92, 150 - radius // 2, 84)
    _rectangle(room, (190, 85), (200, 385), (235, 240, 242))
    _rectangle(room, (75, 225), (315, 233), (235, 240, 242))
    _rectangle(room, (45, 400), (345, 416), (222, 228, 230))


def _draw_picture(room: Image) -> None:
    _rectangle(room, (420, 60), (560, 160), (48, 62, 84))
    _rectangle(room, (430, 70), (550, 150), (205, 222, 228))
    cv2.circle(room, (515, 98), 15, (90, 160, 235), cv2.FILLED, cv2.LINE_AA)
    mountains = np.array([(432, 149), (468, 100), (492, 128), (512, 112), (548, 149)], np.int32)
    cv2.fillPoly(room, [mountains], (140, 110, 80), cv2.LINE_AA)


def _draw_shelf(room: Image) -> None:
    _rectangle(room, (905, 90), (1215, 560), (62, 92, 128))
    rng = np.random.default_rng(seed=3)
    for top in (105, 220, 335, 450):
        _rectangle(room, (920, top), (1200, top + 98), (40, 60, 84))
        x = 924
        while x < 1170:
            thickness, tall = int(rng.integers(12, 30)), int(rng.integers(56, 92))
            color = rng.integers(50, 190, 3)
            bgr = (int(color[0]), int(color[1]), int(color[2]))
            _rectangle(room, (x, top + 98 - tall), (x + thickness, top + 98), bgr)
            cv2.line(
                room,
                (x + 4, top + 110 - tall),
                (x + thickness - 4, top + 110 - tall),
                (210,) * 3,
                2,
            )
            x += thickness + int(rng.choice((2, 2, 2, 34)))


def _draw_lamp(room: Image) -> None:
    cv2.line(room, (395, 560), (395, 300), (60, 66, 72), 6, cv2.LINE_AA)
    cv2.ellipse(room, (395, 564), (42, 10), 0, 0, 360, (60, 66, 72), cv2.FILLED, cv2.LINE_AA)
    shade = np.array([(362, 232), (428, 232), (452, 312), (338, 312)], np.int32)
    cv2.fillPoly(room, [shade], (170, 214, 240), cv2.LINE_AA)


def _draw_plant(room: Image) -> None:
    pot = np.array([(1085, 470), (1235, 470), (1215, 640), (1105, 640)], np.int32)
    for angle in range(200, 345, 12):
        length = 130 + 40 * (angle % 5)
        radians = math.radians(angle)
        tip = (1160 + int(length * math.cos(radians)), 475 + int(length * math.sin(radians)))
        middle = ((1160 + tip[0]) // 2, (475 + tip[1]) // 2)
        axes = (length // 2, 13)
        green = (58, 105 + angle % 50, 62)
        cv2.ellipse(room, middle, axes, angle, 0, 360, green, cv2.FILLED, cv2.LINE_AA)
    cv2.fillPoly(room, [pot], (84, 112, 168), cv2.LINE_AA)
