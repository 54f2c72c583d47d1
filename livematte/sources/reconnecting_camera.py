"""A camera that is opened again when it fails, and closed while nobody watches."""

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
from livematte.frame import Frame, Image, Size
from livematte.media.cover import cover
from livematte.sources.camera import Camera, UnpluggedError
from livematte.sources.choosing import find_camera

if TYPE_CHECKING:
    from livematte.sources.source import Source

FIRST_RETRY_SECONDS: Final = 0.1
RETRY_GROWTH: Final = 1.5
LAST_RETRY_SECONDS: Final = 0.25 if sys.platform == "linux" else 2.0
"""Linux tells at once whether the camera is there; elsewhere each try means to start it."""

FIRST_PATIENCE_SECONDS: Final = 5.0
"""A camera that is unplugged while it is first opened is waited for so long."""


class ReconnectingCamera:
    """Gives the frames of one camera, with a gap where it gives none.

    What fails when it is first opened is an error, since somebody is there to read it; one that is
    there and goes in that very moment is waited for shortly. Later the same camera is looked for
    until it is back, wherever it is plugged in then, whatever it has failed by. Frames keep their
    size: if the camera comes back with another one, they are scaled and cropped to the first.
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

        on_trouble: told in a sentence, by the thread that takes frames, what is wrong with the
            camera, and when it is back.
        make: makes the source that gives the frames; another one than `Camera` in tests.
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
        # Before it is opened: who knows whether it is still there afterwards.
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
        """Whether the camera is where it was, as far as that is known."""
        try:
            self._find()
        except SourceError:
            return False
        return True

    def _is_back(self) -> bool:
        """Whether the camera that was unplugged is there again and open."""
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
                        self._fitted(frame),
                        index,
                        frame.captured_seconds,
                        frame.captured_seconds - first_seconds,
                    )
                    index += 1
            except SourceError as error:
                self._note(error)
            # Whatever a driver or OpenCV fails by: another try may well succeed.
            except Exception as error:
                self._note(error)
                self._changed.wait(FIRST_RETRY_SECONDS)
            self._close()

    def recycle(self, frame: Frame) -> None:
        if self._is_open:  # a camera that is being opened has no room for frames yet
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
        """Open the camera once it is wanted and there; False if it is not to be opened any more."""
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
            camera.interrupt()  # whoever asked for that may have asked the camera before
        camera.__enter__()
        self._is_open = True

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            with suppress(Exception):  # it has failed before, perhaps
                self._camera.__exit__(None, None, None)

    def _fitted(self, frame: Frame) -> Image:
        if frame.size == self._size:
            return frame.image
        fitted = cover(frame.image, self._size)
        self._camera.recycle(frame)
        return fitted

    def _note(self, error: Exception) -> None:
        if not self.trouble:
            self._on_trouble(f"{_problem(error)} It is waited for.")
        self.trouble = "Waiting for the camera"


def _problem(error: Exception) -> str:
    """What is wrong, in a sentence."""
    if isinstance(error, LivematteError):
        return error.problem
    if isinstance(error, MemoryError):
        return "There is no memory for a picture."
    return f"The camera failed: {str(error).strip().rstrip('.') or repr(error)}."


def _finder(device: int | str) -> Callable[[], int | str]:
    """Finds a camera that is open now when it is back; raises `SourceError` while it is not."""
    if sys.platform == "linux":
        from livematte.linux import camera as linux_camera

        with suppress(SourceError):  # the address of a stream is no device
            return linux_camera.identify(device).find
    elif isinstance(device, int):
        from livematte.sources.listing import find_by_name, list_cameras

        for each in list_cameras():
            if each.index == device:
                name = each.name
                return lambda: find_by_name(device, name)
    return lambda: device
