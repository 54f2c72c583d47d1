"""A camera that is reopened after a failure, and closed while nobody watches."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Final

from livematte.errors import LivematteError, SourceError
from livematte.frame import Frame, Size
from livematte.sources.camera import Camera, UnpluggedError
from livematte.sources.choosing import find_camera
from livematte.sources.fitting import fitted

if TYPE_CHECKING:
    from livematte.sources.source import Source

FIRST_RETRY_SECONDS: Final = 0.1
RETRY_GROWTH: Final = 1.5
LAST_RETRY_SECONDS: Final = 0.25 if sys.platform == "linux" else 2.0
"""On Linux a try is cheap: the system knows if the camera is there. Elsewhere it starts it."""

FIRST_PATIENCE_SECONDS: Final = 5.0
"""How long to wait for a camera that is unplugged while it is first opened."""


class ReconnectingCamera:
    """Gives the frames of one camera, with a gap while it gives none.

    A failure of the first opening is an error, because somebody is there to read it; only a camera
    that is unplugged at that very moment is waited for briefly. After that, any failure starts a
    search for the same camera, in any socket, until it is back. Frames keep their size: if the
    camera comes back with another size, they are scaled and cropped to the first.
    """

    live = True
    remarks: Sequence[str] = ()

    def __init__(
        self,
        device: int | str,
        size: Size | None = None,
        frames_per_second: float | None = None,
        *,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
        make: Callable[[int | str, Size | None, float | None], Source] = Camera,
    ) -> None:
        """device, size, frames_per_second: as for `Camera`.

        on_trouble: called from the thread that takes frames, with a sentence that says what is
            wrong with the camera, or that it is back.
        make: makes the source of the frames; tests replace `Camera`.
        """
        self.trouble = ""
        self._device = device
        self._asked = (size, frames_per_second)
        self._on_trouble = on_trouble
        self._make = make
        self._camera = make(device, size, frames_per_second)
        self._find: Callable[[], int | str] = lambda: device
        self._interrupted = threading.Event()
        self._wanted = threading.Event()
        self._wanted.set()
        self._changed = threading.Event()
        """Set when `_interrupted` or `_wanted` changes, to end a wait between two tries."""
        self._is_open = False

    @property
    def size(self) -> Size:
        return self._size

    @property
    def frames_per_second(self) -> Fraction:
        return self._frames_per_second

    @property
    def description(self) -> str:
        return self._description

    def __enter__(self) -> ReconnectingCamera:
        # Before it is opened: it may be unplugged afterwards.
        self._find = _finder(find_camera(self._device))
        self._open_first()
        self._size = self._camera.size
        self._frames_per_second = self._camera.frames_per_second
        self._description = self._camera.description
        return self

    def _open_first(self) -> None:
        deadline_seconds = time.monotonic() + FIRST_PATIENCE_SECONDS
        try:
            self._camera.__enter__()
        except SourceError as error:
            if not isinstance(error, UnpluggedError) and self._is_there():
                raise
            while not self._is_back():
                if time.monotonic() > deadline_seconds or self._interrupted.is_set():
                    raise error from None
                self._interrupted.wait(FIRST_RETRY_SECONDS)
        self._is_open = True

    def _is_there(self) -> bool:
        """Whether the camera is still plugged in, as far as is known."""
        try:
            self._find()
        except SourceError:
            return False
        return True

    def _is_back(self) -> bool:
        """Try to open the camera again; whether that worked."""
        with suppress(SourceError):
            self._open_where_it_is()
        return self._is_open

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def frames(self) -> Iterator[Frame]:
        index, first_seconds = 0, None
        while not self._interrupted.is_set():
            if not self._is_open and not self._open_again():
                continue
            try:
                for frame in self._camera.frames():
                    self.trouble = ""
                    if first_seconds is None:
                        first_seconds = frame.captured_seconds
                    yield Frame(
                        fitted(frame, self._size, self._camera),
                        index,
                        frame.captured_seconds,
                        frame.captured_seconds - first_seconds,
                    )
                    index += 1
            except SourceError as error:
                self._note(error)
            # Whatever error a driver or OpenCV raises, another try may succeed.
            except Exception as error:
                self._note(error)
                self._changed.wait(FIRST_RETRY_SECONDS)
            self._close()

    def recycle(self, frame: Frame) -> None:
        if self._is_open:  # a camera that is being opened cannot take frames back yet
            self._camera.recycle(frame)

    def interrupt(self) -> None:
        self._interrupted.set()
        self._changed.set()
        self._camera.interrupt()

    def turn_off(self) -> None:
        """Close the camera, so that its light goes off, until `turn_on`; from any thread."""
        self._wanted.clear()
        self._camera.interrupt()

    def turn_on(self) -> None:
        """Open it again; from any thread."""
        self._wanted.set()
        self._changed.set()

    def _open_again(self) -> bool:
        """Wait until the camera is wanted and available, and open it; False after `interrupt`."""
        retry_seconds = FIRST_RETRY_SECONDS
        while not self._interrupted.is_set():
            self._changed.clear()
            if not self._wanted.is_set():
                self._changed.wait()
                retry_seconds = FIRST_RETRY_SECONDS
                continue
            try:
                self._open_where_it_is()
            except Exception as error:
                self._note(error)
                self._changed.wait(retry_seconds)
                retry_seconds = min(RETRY_GROWTH * retry_seconds, LAST_RETRY_SECONDS)
                continue
            if self.trouble:
                self._on_trouble(f"The camera is back: {self._camera.description}.")
            return True
        return False

    def _open_where_it_is(self) -> None:
        camera = self._make(self._find(), *self._asked)
        self._camera = camera
        if self._interrupted.is_set() or not self._wanted.is_set():
            camera.interrupt()  # the request may have reached only the camera before
        camera.__enter__()
        self._is_open = True

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            with suppress(Exception):  # it may have failed already
                self._camera.__exit__(None, None, None)

    def _note(self, error: Exception) -> None:
        if not self.trouble:
            self._on_trouble(f"{_problem(error)} Waiting for it to come back.")
        self.trouble = "Waiting for the camera"


def _problem(error: Exception) -> str:
    """The error as a sentence."""
    if isinstance(error, LivematteError):
        return error.problem
    if isinstance(error, MemoryError):
        return "There is not enough memory for a picture."
    return f"The camera failed: {str(error).strip().rstrip('.') or repr(error)}."


def _finder(device: int | str) -> Callable[[], int | str]:
    """A function that finds this camera after it was unplugged, or raises `SourceError`."""
    if sys.platform == "linux":
        from livematte.linux import camera as linux_camera

        with suppress(SourceError):  # a stream's address is not a device
            return linux_camera.identify(device).find
    elif isinstance(device, int):
        from livematte.sources.listing import find_by_name, list_cameras

        for each in list_cameras():
            if each.index == device:
                name = each.name
                return lambda: find_by_name(device, name)
    return lambda: device
