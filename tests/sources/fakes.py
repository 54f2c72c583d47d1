"""Sources for tests, and what stands for the devices that real ones open."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import cv2
import numpy as np

from livematte.errors import SourceError
from livematte.frame import Frame, Image, Size
from livematte.sources import Source

SIZE = Size(48, 32)
PLUGGED_SIZE = STILLS_SIZE = Size(64, 48)
ROOM = (77, 33, 99)
"""A colour that no background has: where it is seen, the room is seen."""
PERSON = np.s_[8:32, 16:32]


def frame_image(index: int) -> Image:
    """The room with a person in it whose brightness tells the frame's index."""
    image = np.full((SIZE.height, SIZE.width, 3), ROOM, np.uint8)
    image[PERSON] = 150 + index % 100
    return image


class ListedSource:
    """Yields `count` frames, `seconds_apart`, then does what `afterwards` does."""

    description = "listed frames"
    frames_per_second = Fraction(30)
    size = SIZE
    remarks = ()
    trouble = ""

    def __init__(
        self,
        count: int,
        *,
        live: bool = False,
        seconds_apart: float = 0.0,
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        self.live = live
        self.recycled: list[int] = []
        self.closed = False
        self.interrupted = threading.Event()
        self._count = count
        self._seconds_apart = seconds_apart
        self._afterwards = afterwards

    def __enter__(self) -> ListedSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed = True

    def frames(self) -> Iterator[Frame]:
        for index in range(self._count):
            if self.interrupted.is_set():
                return
            time.sleep(self._seconds_apart)
            yield Frame(frame_image(index), index, time.monotonic(), index / 30)
        self._afterwards()

    def recycle(self, frame: Frame) -> None:
        frame.image[:] = 255  # whoever still reads it shows it
        self.recycled.append(frame.index)

    def interrupt(self) -> None:
        self.interrupted.set()


class Socket:
    """Where a camera may be plugged in or not; makes the sources that read from it."""

    def __init__(self) -> None:
        self.plugged_in = threading.Event()
        self.plugged_in.set()
        self.size = PLUGGED_SIZE
        self.opened = 0
        self.open_now = 0
        self.is_open = threading.Event()
        self.faults: list[Exception] = []
        self.opening_faults: list[Exception] = []

    def make(self, device: int | str, size: Size | None, rate: float | None) -> Source:
        return Plugged(self)


class Plugged:
    live = True
    frames_per_second = Fraction(100)
    description = "the camera"
    remarks = ()
    trouble = ""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._interrupted = threading.Event()
        self.size = socket.size
        self.recycled = 0

    def __enter__(self) -> Plugged:
        if not self._socket.plugged_in.is_set():
            raise SourceError("There is no camera 0.", "Plug it in.")
        if self._socket.opening_faults:
            raise self._socket.opening_faults.pop()
        self._socket.opened += 1
        self._socket.open_now += 1
        self._socket.is_open.set()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.open_now -= 1
        self._socket.is_open.clear()

    def frames(self) -> Iterator[Frame]:
        for index in range(10_000):
            time.sleep(0.005)
            if self._interrupted.is_set():
                return
            if not self._socket.plugged_in.is_set():
                raise SourceError("Camera 0 stopped giving pictures.", "Plug it in.")
            if self._socket.faults:
                raise self._socket.faults.pop()
            image = np.full((self.size.height, self.size.width, 3), index % 200, np.uint8)
            yield Frame(image, index, time.monotonic(), index / 100)

    def recycle(self, frame: Frame) -> None:
        self.recycled += 1

    def interrupt(self) -> None:
        self._interrupted.set()


class StillServer:
    """What the camera does, which tests change while it runs."""

    def __init__(self) -> None:
        self.asked = 0
        self.password = ""
        self.seconds = 0.0
        self.is_broken = False
        self.kind = "image/jpeg"
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/snapshot.cgi?key=SECRET"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = "Basic " + base64.b64encode(self.password.encode()).decode()
        if self.password and handler.headers["Authorization"] != wanted:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
            handler.end_headers()
            return
        self.asked += 1
        time.sleep(self.seconds)
        brightness = 20 + 10 * (self.asked % 20)
        image = np.full((STILLS_SIZE.height, STILLS_SIZE.width, 3), brightness, np.uint8)
        data = b"no picture" if self.is_broken else cv2.imencode(".jpg", image)[1].tobytes()
        handler.send_response(200)
        handler.send_header("Content-Type", self.kind)
        handler.end_headers()
        handler.wfile.write(data)


@contextmanager
def serving_stills() -> Iterator[StillServer]:
    server = StillServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
