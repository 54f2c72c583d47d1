"""Download the official checkpoints that do not come with livematte.

Downloads are not trusted: only https is used, and no other code reads the file before its SHA-256
matches that of the official file.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from livematte.errors import WeightsError
from livematte.network import weights
from livematte.network.convert import convert

Progress = Callable[[int, "int | None"], None]
"""Called with the number of bytes received so far, and the total if the server tells it."""

MIRRORS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "webcam": (
            "https://github.com/clibdev/MODNet/releases/latest/download/modnet-webcam.pt",
            "https://huggingface.co/DavG25/modnet-pretrained-models/resolve/main/models/"
            "modnet_webcam_portrait_matting.ckpt",
        )
    }
)
"""Where to get each checkpoint, in the order to try; the authors' own link is a web page."""

TIMEOUT_SECONDS: Final = 30.0
"""How long a server may send nothing."""

_CHUNK_BYTES: Final = 1 << 16
_MOST_BYTES: Final = 1 << 26
"""The official files have 26 MB; a server that sends much more must not fill the disk."""


def pull(name: str, progress: Progress, context: ssl.SSLContext | None = None) -> Path:
    """Download, verify and convert the weights called `name` into the user's cache folder.

    Keeps weights that are there already and undamaged. Returns the weight file's path.

    context: the certificates to trust; the system's if None.

    Raises `WeightsError` if there are no such weights, if every mirror fails (with the reason for
    each), or if they cannot be stored.
    """
    if name == weights.SHIPPED:
        raise WeightsError(
            f"The {name} weights come with livematte.", "There is nothing to download."
        )
    if name not in weights.CHECKPOINT_SHA256:
        known = ", ".join(weights.CHECKPOINT_SHA256)
        raise WeightsError(f"There are no weights called {name}.", f"Known names are: {known}.")
    target = weights.pulled_path(name)
    with suppress(WeightsError):
        weights.read(target)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=target.parent) as folder:
            checkpoint = Path(folder, f"modnet_{name}_portrait_matting.ckpt")
            _download(name, checkpoint, progress, context or ssl.create_default_context())
            return convert(checkpoint, target)
    except OSError as error:
        problem = f"The {name} weights cannot be stored in {target.parent} ({error.strerror})."
        raise WeightsError(problem, "Check that it is writable and has space.") from error


class _MirrorError(Exception):
    """Why one mirror did not give the file."""


def _download(name: str, target: Path, progress: Progress, context: ssl.SSLContext) -> None:
    opener = build_opener(HTTPSHandler(context=context), _HttpsRedirectHandler())
    reasons = []
    for url in MIRRORS[name]:
        try:
            return _download_from(url, opener, weights.CHECKPOINT_SHA256[name], target, progress)
        except _MirrorError as reason:
            reasons.append(f"{urlsplit(url).hostname}: {reason}")
    raise WeightsError(
        f"The {name} weights could not be downloaded ({'; '.join(reasons)}).",
        f"Check the connection and try again, or get {target.name} from elsewhere and run "
        "`livematte weights convert` on it.",
    )


def _download_from(
    url: str, opener: OpenerDirector, sha256: str, target: Path, progress: Progress
) -> None:
    """Download `url` to `target`; raises `_MirrorError` unless it is the right file.

    Only network failures become a `_MirrorError`: a full disk is not the mirror's fault.
    """
    received_bytes = 0
    received_sha256 = hashlib.sha256()
    try:
        response = opener.open(url, timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        error.close()
        raise _MirrorError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _MirrorError(_reason(error)) from error
    with response, target.open("wb") as file:
        length = response.headers.get("Content-Length", "")
        total_bytes = int(length) if length.isdecimal() else None
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except (OSError, HTTPException) as error:
                raise _MirrorError(_reason(error)) from error
            if not chunk:
                break
            received_bytes += len(chunk)
            if received_bytes > _MOST_BYTES:
                raise _MirrorError(f"sent more than {_MOST_BYTES:,} bytes")
            received_sha256.update(chunk)
            file.write(chunk)
            progress(received_bytes, total_bytes)
    if total_bytes is not None and received_bytes < total_bytes:
        raise _MirrorError(f"ended after {received_bytes:,} of {total_bytes:,} bytes")
    if received_sha256.hexdigest() != sha256:
        raise _MirrorError(f"sent a different file, with SHA-256 {received_sha256.hexdigest()}")


class _HttpsRedirectHandler(HTTPRedirectHandler):
    """Follows redirects only to https."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        if urlsplit(newurl).scheme != "https":
            raise HTTPError(newurl, code, "redirects away from https", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    """The network error in words, without urllib's wrapping."""
    reason = error.reason if isinstance(error, URLError) else error
    return str(reason) or type(reason).__name__
