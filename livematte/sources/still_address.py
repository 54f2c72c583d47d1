"""Frames from an address that gives one picture per request, as many network cameras have.

`http://camera/snapshot.jpg` is a picture, not a stream; FFmpeg would show it once and end.
"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from io import BytesIO
from typing import Final
from urllib.response import addinfourl

import cv2
import numpy as np

from livematte.frame import Image
from livematte.media.photo.pillow_limit import open_unlimited
from livematte.media.photo.read import known_formats

USUAL_RATE: Final = 5.0
"""Pictures requested per second, unless the user asks for something else."""

MOST_BYTES: Final = 32 << 20
MOST_PIXELS: Final = 8192 * 8192

PATIENCE_SECONDS: Final = 5.0
"""After this long without an answer, a request has failed."""

WAIT_SECONDS: Final = 0.1
"""The longest single wait for the first picture; a request to stop is noticed after it."""


def gives_stills(address: str) -> bool:
    """Whether an http(s) address answers with one picture, according to its content type.

    False if there is no answer, and for other addresses.
    """
    if not address.lower().startswith(("http://", "https://")):
        return False
    with suppress(OSError, HTTPException, ValueError), _ask(address) as answer:
        return answer.headers.get_content_maintype() == "image"
    return False


class StillCapture:
    """Takes pictures from such an address, with the methods of `cv2.VideoCapture` that are needed.

    If the server is slower than `frames_per_second`, the last picture is repeated, so that frames
    come steadily, but for at most `PATIENCE_SECONDS` after the next one was due.
    """

    def __init__(
        self,
        address: str,
        frames_per_second: float | None = None,
        interrupted: threading.Event | None = None,
    ) -> None:
        """interrupted: an event that ends every wait for a picture; set it from any thread."""
        self._address = address
        self._interrupted = interrupted or threading.Event()
        self._period_seconds = 1 / (frames_per_second or USUAL_RATE)
        self._changed = threading.Condition()
        self._image: Image | None = None
        self._taken_seconds = time.monotonic()
        self._given_seconds = self._taken_seconds - self._period_seconds
        self._is_open = True
        threading.Thread(target=self._take_all, name="stills", daemon=True).start()

    def getBackendName(self) -> str:  # noqa: N802 - OpenCV's name
        return "HTTP"

    def get(self, prop: int) -> float:
        return 1 / self._period_seconds if prop == cv2.CAP_PROP_FPS else 0.0

    def read(self, into: Image | None = None) -> tuple[bool, Image | None]:
        """Wait until the next picture is due, and return it; False if none has come in time."""
        self._interrupted.wait(self._given_seconds + self._period_seconds - time.monotonic())
        deadline_seconds = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while self._is_awaited and time.monotonic() < deadline_seconds:
                self._changed.wait(WAIT_SECONDS)
            self._given_seconds = time.monotonic()
            age_seconds = self._given_seconds - self._taken_seconds
            is_old = age_seconds > PATIENCE_SECONDS + self._period_seconds
            if self._image is None or is_old or not self._is_open or self._interrupted.is_set():
                return False, None
            if into is None or into.shape != self._image.shape:
                return True, self._image.copy()
            np.copyto(into, self._image)
            return True, into

    @property
    def _is_awaited(self) -> bool:
        """Whether the first picture is still to come."""
        return self._image is None and self._is_open and not self._interrupted.is_set()

    def release(self) -> None:
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def _take_all(self) -> None:
        while self._is_open:
            began_seconds = time.monotonic()
            image = None
            with suppress(OSError, HTTPException, ValueError, cv2.error):
                image = _picture(self._address)
            with self._changed:
                if image is not None:
                    self._image, self._taken_seconds = image, time.monotonic()
                    self._changed.notify_all()
                left_seconds = began_seconds + self._period_seconds - time.monotonic()
                self._changed.wait_for(lambda: not self._is_open, max(0.01, left_seconds))


def _picture(address: str) -> Image | None:
    """The current picture: uint8 BGR (H, W, 3). Raises OSError, HTTPException or ValueError."""
    with _ask(address) as answer:
        data = answer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return None
    with open_unlimited(BytesIO(data), known_formats()) as about:
        if about.width * about.height > MOST_PIXELS:
            return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(image, np.uint8)


def _ask(address: str) -> addinfourl:
    """Send a request, with the user name and password in the address, and return the answer."""
    parts = urllib.parse.urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    plain = urllib.parse.urlunsplit((*parts[:1], host, *parts[2:4], ""))
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    request = urllib.request.Request(plain, headers={"Cache-Control": "no-cache"})
    if parts.username is not None:
        name = urllib.parse.unquote(parts.username)
        password = urllib.parse.unquote(parts.password or "")
        passwords.add_password(None, plain, name, password)
    opener = urllib.request.build_opener(
        urllib.request.HTTPDigestAuthHandler(passwords),
        urllib.request.HTTPBasicAuthHandler(passwords),
    )
    answer: addinfourl = opener.open(request, timeout=PATIENCE_SECONDS)
    return answer
