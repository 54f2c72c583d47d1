"""Download official checkpoints: the only code of livematte that goes online, and only when asked.

A file is taken from the first mirror that has it with the pinned SHA-256. Until its hash is
checked nothing looks into it, and afterwards it is converted and thrown away.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from livematte.errors import WeightsError
from livematte.network import convert, weights

MIRRORS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "webcam": (
            "https://github.com/clibdev/MODNet/releases/latest/download/"
            "modnet_webcam_portrait_matting.ckpt",
            "https://huggingface.co/DavG25/modnet-pretrained-models/resolve/main/models/"
            "modnet_webcam_portrait_matting.ckpt",
        )
    }
)
"""Where the official files, kept by their authors on a drive, can be had without an account."""

TIMEOUT_SECONDS: Final = 30
"""How long a mirror may be silent."""

MOST_BYTES: Final = 100_000_000
"""The official files have 26 million; what is longer is not one of them."""

PIECE_BYTES: Final = 1 << 18

Progress = Callable[[int, int | None], None]
"""Called with the bytes so far and, if the mirror tells, the bytes in all."""


def pull(
    name: str,
    progress: Progress,
    mirrors: Sequence[str] | None = None,
    context: ssl.SSLContext | None = None,
) -> Path:
    """Download the weights called `name`, check, convert and keep them; returns the kept file.

    mirrors: addresses to try in turn; those of `MIRRORS` if None.
    context: whom to trust; the system's authorities if None.

    Raises `WeightsError` if there are no such weights, or with every mirror's reason if none
    gave the right file.
    """
    if name not in MIRRORS:
        known = ", ".join(MIRRORS)
        raise WeightsError(f"There are no weights called {name} to download.", f"Known: {known}.")
    target = weights.pulled_path(name)
    opener = urllib.request.build_opener(
        _StayingSecure, urllib.request.HTTPSHandler(context=context)
    )
    reasons = []
    with tempfile.TemporaryDirectory(prefix="livematte-") as folder:
        checkpoint = Path(folder) / f"modnet_{name}.ckpt"
        for address in MIRRORS[name] if mirrors is None else mirrors:
            try:
                _download(opener, address, checkpoint, weights.CHECKPOINT_SHA256[name], progress)
            except (OSError, HTTPException, ValueError) as error:
                reasons.append(f"{address}: {error}")
                continue
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise WeightsError(
                    f"The folder {target.parent} cannot be made ({error.strerror}).",
                    "Make room, and see that it may be written.",
                ) from error
            return convert.convert(checkpoint, target)
    raise WeightsError(
        f"The {name} weights could not be downloaded ({'; '.join(reasons)}).",
        "Check the connection and try again, or get the official .ckpt file another way and run "
        "`livematte weights convert FILE`.",
    )


def _download(
    opener: urllib.request.OpenerDirector,
    address: str,
    to: Path,
    expected_sha256: str,
    progress: Progress,
) -> None:
    """Raises OSError, HTTPException or ValueError unless `to` is whole and has the right hash."""
    _require_https(address)
    sha256, done_bytes = hashlib.sha256(), 0
    with opener.open(address, timeout=TIMEOUT_SECONDS) as response, to.open("wb") as file:
        told = response.headers.get("Content-Length")
        total_bytes = int(told) if told else None
        while piece := response.read(PIECE_BYTES):
            done_bytes += len(piece)
            if done_bytes > MOST_BYTES:
                raise ValueError("it sends far more than the official file")
            sha256.update(piece)
            file.write(piece)
            progress(done_bytes, total_bytes)
    if total_bytes is not None and done_bytes != total_bytes:
        raise ValueError(f"it ended after {done_bytes:,} of {total_bytes:,} bytes")
    if sha256.hexdigest() != expected_sha256:
        raise ValueError(f"its file has the wrong SHA-256, {sha256.hexdigest()}")


def _require_https(address: str) -> None:
    if not address.startswith("https://"):
        raise ValueError(f"{address} is not https")


class _StayingSecure(urllib.request.HTTPRedirectHandler):
    """Follows a mirror to where it keeps its files, but never from https to anything else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
