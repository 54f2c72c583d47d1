"""Sends pictures to a virtual camera, which video calls and other programs see."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Protocol

from livematte.errors import LivematteError, SharedError, SinkError
from livematte.frame import Image, Rendered, Size
from livematte.sinks.sink import require_picture

if TYPE_CHECKING:
    from livematte.linux.watchers import Readers

RETRY_SECONDS: Final = 1.0
"""How often to try to reopen a device that failed."""

REMEDY: Final = "Install OBS Studio, start its virtual camera once, stop it and close OBS."


class Feed(Protocol):
    """An open device that accepts pictures."""

    def send(self, image: Image) -> None:
        """`image`: uint8 BGR (H, W, 3).

        Raises `SinkError` if the device does not accept it, or its subclass `SharedError` if
        another program sends to the device too.
        """
        ...

    def is_alone(self) -> bool:
        """Whether no other program sends to the device, as far as can be known."""
        ...

    def close(self) -> None: ...


class VirtualCamera:
    """Sends to a virtual camera: v4l2loopback on Linux, OBS's or Unity Capture elsewhere.

    Pictures are sent as they come; the source sets the pace. The last row or column of an odd size
    is cut off, because cameras store colours per block of 2x2 pixels. If the driver keeps the
    device at another size or format, because a program still reads it, pictures are fitted into
    that. A device that fails is reopened as soon as possible; pictures are dropped until then.
    """

    takes_alpha = False
    remarks: tuple[str, ...] = ()

    def __init__(
        self,
        device: str | None = None,
        avoid: Collection[str] = (),
        *,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """`device`: /dev/videoN on Linux, elsewhere the camera's name; None to choose a free one.

        `avoid`: devices not to send to, such as the camera in use: paths, or OpenCV's numbers.
        `on_trouble`: called with a sentence, from the sending thread, when the device fails and
            when it accepts pictures again.
        """
        self._device = device
        self._avoid = avoid
        self._on_trouble = on_trouble
        self._size = self._sent_size = Size(0, 0)
        self._rate = 30.0
        self._kept_size: Size | None = None
        """The size that pictures are fitted into, if it differs from theirs."""
        self._feed: Feed | None = None
        self._readers: Readers | None = None
        self._readers_lock = threading.Lock()
        self._is_shared = False
        """Whether another program sends to the device too; livematte then sends nothing."""
        self._failed_seconds: float | None = None
        """When the device was last found not to accept pictures; None while it does."""

    def is_watched(self) -> bool:
        """Whether another program reads the pictures; True if that is unknown.

        From any one thread.
        """
        with self._readers_lock:
            return self._readers is None or self._readers.are_there()

    @property
    def description(self) -> str:
        kept = f"(fixed at {self._kept_size} by the driver)" if self._kept_size else ""
        return " ".join(filter(None, ("virtual camera", self._device, kept)))

    @property
    def choice(self) -> str:
        """What to choose in a video call, in a few words; only once the camera is open."""
        label = self._device or "the virtual camera"
        if sys.platform == "linux" and self._device is not None:
            from livematte.linux import v4l2loopback

            with suppress(OSError):
                label = v4l2loopback.label(self._device)
            if not v4l2loopback.is_listed_as_camera(self._device):
                return (
                    f'named "{label}"; Chrome, Zoom and Teams do not list it, because it was '
                    "created without exclusive_caps=1. To fix this, run: livematte doctor"
                )
        return f'choose "{label}" in Zoom, Teams or the browser'

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self._sent_size = size
        self._size = Size(size.width // 2 * 2, size.height // 2 * 2)
        self._rate = float(frames_per_second)
        if sys.platform == "linux":
            from livematte.linux import v4l2loopback

            if self._device is None:
                self._device = v4l2loopback.choose(self._avoid)
            else:
                v4l2loopback.check(self._device, self._avoid)
        self._open()

    def _open(self) -> None:
        """Open the device, which must be free. Raises `SinkError` if that fails."""
        if sys.platform == "linux":
            self._open_on_linux()
        else:
            self._feed = Elsewhere(self._device, self._size, self._rate)
            self._device = self._feed.device

    def _open_on_linux(self) -> None:
        from livematte.linux import v4l2loopback
        from livematte.linux.v4l2_writer import Writer
        from livematte.linux.watchers import Readers

        assert self._device is not None
        was_held = v4l2loopback.held(self._device) is not None
        writer = Writer(self._device, self._size, self._rate)
        self._feed = writer
        self._kept_size = None if writer.format.size == self._size else writer.format.size
        with suppress(OSError):
            self._readers = Readers(self._device, was_held=was_held)

    def send(self, picture: Rendered) -> None:
        require_picture(picture, self._sent_size)
        if self._failed_seconds is not None and not self._open_again():
            return
        assert self._feed is not None, "open() comes first"
        if self._is_shared:
            if not self._feed.is_alone():
                return
            self._is_shared = False
            self._on_trouble(f"The {self.description} is free again. Sending to it.")
        width, height = self._size
        try:
            self._feed.send(picture.image[:height, :width])
        except SharedError as error:
            self._on_trouble(f"{error.problem} livematte sends nothing until it stops.")
            self._is_shared = True
        except SinkError as error:
            self._on_trouble(f"{error.problem} Waiting for it to come back.")
            self._failed_seconds = time.monotonic()

    def _open_again(self) -> bool:
        """Try to reopen the failed device if it is time; returns whether it is open."""
        now = time.monotonic()
        if self._failed_seconds is None or now - self._failed_seconds < RETRY_SECONDS:
            return False
        self._failed_seconds, self._is_shared = now, False
        self._close()
        try:
            self._open()
        except LivematteError:
            return False
        self._failed_seconds = None
        self._on_trouble(f"The {self.description} is back.")
        return True

    def close(self) -> None:
        self._failed_seconds, self._is_shared = None, False
        self._close()

    abort = close

    def _close(self) -> None:
        with self._readers_lock:
            readers, self._readers = self._readers, None
            if readers is not None:
                readers.close()
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()


class Elsewhere:
    """The virtual camera of OBS or Unity Capture, through pyvirtualcam."""

    def __init__(self, device: str | None, size: Size, frames_per_second: float) -> None:
        """Raises `SinkError` if it cannot be opened."""
        import pyvirtualcam  # type: ignore[import-untyped]  # it ships no types

        try:
            self._camera = pyvirtualcam.Camera(
                *size, fps=frames_per_second, fmt=pyvirtualcam.PixelFormat.BGR, device=device
            )
        except RuntimeError as error:
            reasons = "; ".join(line.rstrip(".") for line in str(error).splitlines())
            raise SinkError(f"No virtual camera could be opened: {reasons}.", REMEDY) from error
        self.device: str = self._camera.device

    def send(self, image: Image) -> None:
        """`image`: uint8 BGR (H, W, 3). Raises `SinkError` if the device does not accept it."""
        try:
            self._camera.send(image)
        except RuntimeError as error:
            raise SinkError(
                f"The virtual camera {self.device} no longer accepts pictures: {error}.", REMEDY
            ) from error

    def is_alone(self) -> bool:
        return True

    def close(self) -> None:
        self._camera.close()
