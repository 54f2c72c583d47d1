"""A camera that other programs see: pictures to a video call."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

from livematte.errors import SinkError
from livematte.frame import Rendered, Size

if TYPE_CHECKING:
    import pyvirtualcam  # type: ignore[import-untyped]  # it ships no types

    from livematte.sinks.v4l2_readers import Readers


class VirtualCamera:
    """Feeds a virtual camera: v4l2loopback on Linux, OBS's or Unity Capture elsewhere.

    Pictures are sent the moment they come; it is the source that sets the pace. The last row or
    column of an odd size is cut off, because the colours of a camera go by blocks of 2x2.
    """

    takes_alpha = False
    remarks: tuple[str, ...] = ()

    def __init__(self, device: str | None = None, avoid: Collection[str] = ()) -> None:
        """`device`: /dev/videoN on Linux, elsewhere the camera's name; None to choose a free one.

        `avoid`: devices that must not be fed, such as the camera that is read from: paths, or the
            numbers that OpenCV knows them by.
        """
        self._device = device
        self._avoid = avoid
        self._size = Size(0, 0)
        self._camera: pyvirtualcam.Camera | None = None
        self._readers: Readers | None = None
        self._readers_lock = threading.Lock()

    def is_watched(self) -> bool:
        """Whether another program reads the pictures; True where that cannot be told.

        From any one thread.
        """
        with self._readers_lock:
            return self._readers is None or self._readers.are_there()

    @property
    def description(self) -> str:
        return " ".join(filter(None, ("virtual camera", self._device)))

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        import pyvirtualcam

        self._size = Size(size.width // 2 * 2, size.height // 2 * 2)
        if sys.platform == "linux":
            from livematte.sinks import v4l2loopback

            if self._device is None:
                self._device = v4l2loopback.choose(self._size, self._avoid)
            else:
                v4l2loopback.check(self._device, self._size, self._avoid)
        try:
            self._camera = pyvirtualcam.Camera(
                *self._size,
                fps=float(frames_per_second),
                fmt=pyvirtualcam.PixelFormat.BGR,
                device=self._device,
            )
        except RuntimeError as error:
            reasons = "; ".join(line.rstrip(".") for line in str(error).splitlines())
            raise SinkError(f"No virtual camera could be opened: {reasons}.", _remedy()) from error
        self._device = self._camera.device
        if sys.platform == "linux":
            from livematte.sinks.v4l2_readers import Readers

            with suppress(OSError):
                self._readers = Readers(self._device)

    def send(self, picture: Rendered) -> None:
        assert self._camera is not None, "open() comes first"
        width, height = self._size
        try:
            self._camera.send(picture.image[:height, :width])
        except RuntimeError as error:
            raise SinkError(
                f"The {self.description} takes no more pictures: {error}.", _remedy()
            ) from error

    def close(self) -> None:
        if self._camera is None:
            return
        with self._readers_lock:
            if self._readers is not None:
                self._readers.close()
                self._readers = None
        self._camera.close()
        self._camera = None
        if sys.platform == "linux" and self._device is not None:
            from livematte.sinks import v4l2loopback

            with suppress(SinkError):
                v4l2loopback.release(self._device, own=True)

    abort = close


def _remedy() -> str:
    return (
        "Close the programs that use the device, or name another device."
        if sys.platform == "linux"
        else "Install OBS Studio, start its virtual camera once, stop it and close OBS."
    )
