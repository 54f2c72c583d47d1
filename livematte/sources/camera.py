"""Cameras and network streams, captured by OpenCV."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import SourceError, UsageError
from livematte.frame import Frame, Image, Size
from livematte.sources.backend import capture_backend
from livematte.sources.choosing import find_camera
from livematte.sources.source import FrameBuffers
from livematte.sources.still_address import StillCapture, gives_stills
from livematte.text.addresses import is_address, shown_address

WANTED_SIZE: Final = Size(1280, 720)
WANTED_RATE: Final = 30.0
"""Requested from a camera unless the user asks for something else."""

SLOWEST_RATE: Final = 0.01
FASTEST_RATE: Final = 1000.0
"""In frames a second; a driver that reports a rate beyond these is wrong."""

MJPG: Final = "MJPG"
"""The preferred format: few cameras can send large uncompressed pictures at the full rate."""

PATIENCE_SECONDS: Final = 5.0
"""A camera that gives no first frame within this time has failed; some need seconds for it."""

GAP_SECONDS: Final = 2.0
"""The same for a camera that has already given frames."""

WAIT_SECONDS: Final = 0.1
"""The longest single wait for a frame; a request to stop is noticed after it."""


MOST_TORN: Final = 5
"""After this many undecodable pictures in a row the camera is gone; fewer are skipped."""

TORN_WAIT_SECONDS: Final = 0.005


class UnpluggedError(SourceError):
    """A camera was unplugged, or fails as if it was; it may come back."""


class Camera:
    """A webcam by its number, device path or name, or a stream by its address.

    The camera may give another size or rate than requested: `description` says what it gives, and
    says what was requested if that differs.
    """

    live = True
    remarks = ()
    trouble = ""

    def __init__(
        self,
        device: int | str,
        size: Size | None = None,
        frames_per_second: float | None = None,
    ) -> None:
        """device: 0, "/dev/video2", "HD Pro Webcam", "rtsp://...", see `choosing`.

        size, frames_per_second: None for the defaults.
        """
        self._device = device
        self._asked_size = size
        self._asked_rate = frames_per_second
        self._interrupted = threading.Event()
        self._buffers = FrameBuffers()
        self._name = ""
        self._size = Size(0, 0)
        self._frames_per_second = Fraction(30)
        self._fourcc = ""
        self._has_given = False
        self._gives_stills = False
        self._release: Callable[[], object] = lambda: None
        self._is_colourless = False

    @property
    def size(self) -> Size:
        return self._size

    @property
    def frames_per_second(self) -> Fraction:
        return self._frames_per_second

    @property
    def description(self) -> str:
        kind = "" if self._is_stream else "camera "
        if self._gives_stills:
            kind = "pictures of "
        name = f' "{self._name}"' if self._name else ""
        fourcc = f" {self._fourcc}" if self._fourcc else ""
        rate = float(self._frames_per_second)
        asked = []
        if self._asked_size not in (None, self._size):
            asked.append(str(self._asked_size))
        if self._asked_rate is not None and abs(self._asked_rate - rate) > 0.5:
            asked.append(f"{self._asked_rate:g} frames/s")
        instead = f" instead of {' at '.join(asked)}" if asked else ""
        grey = " (grey: probably an infrared camera)" if self._is_colourless else ""
        at = f"at {rate:.4g} frames/s"
        return f"{kind}{self._shown}{name}, {self._size}{fourcc}{grey} {at}{instead}"

    def __enter__(self) -> Camera:
        self._device = find_camera(self._device)
        self._capture: cv2.VideoCapture | StillCapture = (
            self._open_stream() if self._is_stream else self._open_camera()
        )
        self._release = self._capture.release
        try:
            # The first frame shows whether any comes, and the size that the driver really gives.
            first = self._receive(None)
            if first is None:
                raise self._gone()
        except BaseException:
            self._release()
            raise
        self._has_given = True
        self._size = Size.of(first)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        if SLOWEST_RATE <= rate <= FASTEST_RATE:
            self._frames_per_second = Fraction(rate).limit_denominator(1001)
        self._buffers = FrameBuffers(self._size)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def frames(self) -> Iterator[Frame]:
        first_seconds = None
        for index in itertools.count():
            image = self._receive(self._buffers.take())
            if image is None:
                return
            captured_seconds = time.monotonic()
            if Size.of(image) != self._size:
                raise SourceError(
                    f"{self._called} changed its picture size from {self._size} to "
                    f"{Size.of(image)}.",
                    "Start again.",
                )
            if first_seconds is None:
                first_seconds = captured_seconds
            yield Frame(image, index, captured_seconds, captured_seconds - first_seconds)

    def recycle(self, frame: Frame) -> None:
        self._buffers.give_back(frame.image)

    def interrupt(self) -> None:
        self._interrupted.set()

    @property
    def _is_stream(self) -> bool:
        # A name that exists as a file means that file.
        return (
            isinstance(self._device, str)
            and "://" in self._device
            and not os.path.lexists(self._device)
        )

    @property
    def _shown(self) -> str:
        return shown_address(self._device) if isinstance(self._device, str) else f"{self._device}"

    @property
    def _called(self) -> str:
        return self._shown if self._is_stream else f"Camera {self._shown}"

    def _receive(self, into: Image | None) -> Image | None:
        """The next picture, in `into` if it fits there; None if interrupted.

        Raises `SourceError` if no picture comes in time or the camera is gone.
        """
        patience_seconds = GAP_SECONDS if self._has_given else PATIENCE_SECONDS
        deadline_seconds = time.monotonic() + patience_seconds
        for _ in range(MOST_TORN):
            while not self._interrupted.is_set() and self._can_wait and not self._is_ready():
                if time.monotonic() > deadline_seconds:
                    raise SourceError(
                        f"{self._called} gave no picture for {patience_seconds:g} seconds.",
                        "Check its shutter or privacy switch, and plug it in again.",
                    )
            if self._interrupted.is_set():
                return None
            with suppress(cv2.error):  # raised for a torn picture
                received, image = self._read(into)
                if received and image is not None:
                    return self._checked(image)
            if time.monotonic() > deadline_seconds:
                break
            self._interrupted.wait(TORN_WAIT_SECONDS)
        raise self._gone()

    def _read(self, into: Image | None) -> tuple[bool, NDArray[Any] | None]:
        if isinstance(self._capture, cv2.VideoCapture) and self._can_wait:
            return self._capture.retrieve(into)
        return self._capture.read(into)

    def _checked(self, image: NDArray[Any]) -> Image:
        """The image, C-contiguous. Raises `SourceError` if it is not a colour picture."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise SourceError(
                f"{self._called} does not give colour pictures (got {image.dtype} {image.shape}).",
                "It may be an infrared camera. Choose another that `livematte cameras` lists.",
            )
        return np.ascontiguousarray(image, np.uint8)

    @property
    def _can_wait(self) -> bool:
        """Whether OpenCV can limit its wait for a frame; it can only with V4L2."""
        return self._capture.getBackendName() == "V4L2"

    def _is_ready(self) -> bool:
        assert isinstance(self._capture, cv2.VideoCapture), "only these can be waited for"
        try:
            ready, _ = cv2.VideoCapture.waitAny([self._capture], int(WAIT_SECONDS * 1e9))
        except cv2.error as error:
            raise self._gone() from error
        return ready

    def _gone(self) -> SourceError:
        if self._is_stream:
            return SourceError(
                f"{self._called} has ended, or the connection was lost.",
                "Check that it still plays elsewhere, and start again.",
            )
        if not self._has_given:
            return UnpluggedError(
                f"{self._called} opens but gives no picture.",
                "Check its shutter or privacy switch, and plug it in again.",
            )
        return UnpluggedError(
            f"{self._called} stopped giving pictures; it may have been unplugged.",
            "Plug it in and start again.",
        )

    def _open_stream(self) -> cv2.VideoCapture | StillCapture:
        if self._shown != self._device:
            # Their messages would show the whole address, including passwords.
            os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        if gives_stills(str(self._device)):
            self._gives_stills = True
            return StillCapture(str(self._device), self._asked_rate, self._interrupted)
        patience_ms = int(PATIENCE_SECONDS * 1000)
        capture = cv2.VideoCapture(
            str(self._device),
            cv2.CAP_FFMPEG,
            [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, patience_ms),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, patience_ms),
            ],
        )
        if not capture.isOpened():
            raise SourceError(
                f"The stream {self._shown} cannot be opened.",
                "Check the address, and that it plays elsewhere, such as with `ffplay ADDRESS`.",
            )
        return capture

    def _open_camera(self) -> cv2.VideoCapture:
        size = self._asked_size or WANTED_SIZE
        if sys.platform == "linux":
            from livematte.linux import camera as linux_camera
            from livematte.linux import formats

            # OpenCV itself waits for the first picture, for 10 s unless this says otherwise.
            os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", f"{PATIENCE_SECONDS:.0f}")
            path = self._path()
            camera = linux_camera.require_camera(path)
            self._name = camera.name
            self._is_colourless = formats.is_colourless("", camera.formats)
            compressed = any(mode.fourcc == MJPG and mode.offers(size) for mode in camera.modes)
        else:
            path, compressed = "", True
        capture = cv2.VideoCapture(path or self._device, capture_backend())
        if not capture.isOpened():
            capture.release()
            raise self._cannot_be_opened(path)
        if compressed:
            # Before the size, or the driver may choose a size that only other formats have.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*MJPG))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size.height)
        capture.set(cv2.CAP_PROP_FPS, self._asked_rate or WANTED_RATE)
        code = int(capture.get(cv2.CAP_PROP_FOURCC))
        if code > 0:
            self._fourcc = code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
        return capture

    def _path(self) -> str:
        """The device's path on Linux."""
        if isinstance(self._device, int):
            return f"/dev/video{self._device}"
        if os.path.isfile(self._device) or os.path.isdir(self._device):
            raise UsageError(
                f"{self._device} is not a camera.", "If it is a video file, use --input instead."
            )
        if is_address(self._device) and not os.path.lexists(self._device):
            raise SourceError(
                f"There is no camera {self._shown}.", "The address of a stream begins with rtsp://."
            )
        return os.path.realpath(self._device)

    def _cannot_be_opened(self, path: str) -> SourceError:
        if path:
            from livematte.linux import camera as linux_camera
            from livematte.linux import open_files

            holding = open_files.holders(path).seen
            if not holding and not linux_camera.is_held(path):
                return UnpluggedError(
                    f"{self._called} cannot be opened; it may have been unplugged.",
                    "Plug it in again, then start again.",
                )
            by = (
                f" by {', '.join(map(str, holding))}"
                if holding
                else ", probably by another program"
            )
            return SourceError(
                f"{self._called} is in use{by}.",
                "Close the program that uses it, or choose another that `livematte cameras` lists.",
            )
        return SourceError(
            f"{self._called} cannot be opened.",
            "Close programs that use it, allow this terminal to use the camera in the system's "
            "privacy settings, or choose another that `livematte cameras` lists.",
        )
