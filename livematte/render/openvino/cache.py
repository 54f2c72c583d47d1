"""Compiled networks in the user's cache folder, for a faster start.

A file holds the SHA-256 of its key and network, followed by the network. The key is the file's
name, so the hash detects a swapped file as well as a damaged one. Each file is read once, so the
bytes that are hashed are the bytes that are returned.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from livematte.media.whole_file import UNFINISHED_NAME, put_file

SUFFIX: Final = ".network"

MOST_BYTES: Final = 128 * 1024 * 1024
"""Of all files: room for more than ten int8 networks. The least recently used go first."""

_UNFINISHED_SECONDS: Final = 3600.0
"""An older unfinished file was left behind by a process that was killed."""

_EARLIER_SUFFIX: Final = ".blob"
_EARLIER_UNFINISHED: Final = ".part"
"""Suffixes that earlier versions of livematte used here."""

_DIGEST_BYTES: Final = hashlib.sha256().digest_size


class UnusableError(Exception):
    """A cached file cannot be used: damaged, another key's, or not a file. Says which."""


def cache_folder() -> Path:
    return user_cache_path("livematte", appauthor=False) / "openvino"


def cached_path(key: str) -> Path:
    """key: hash of everything that a compiled network depends on; hexadecimal digits."""
    return cache_folder() / f"{key}{SUFFIX}"


def load(key: str) -> bytes | None:
    """The network stored under `key`; None if there is none.

    Raises `UnusableError` if the file is not what was stored.
    """
    path = cached_path(key)
    network = _verified(path)
    if network is not None:
        with suppress(OSError):
            os.utime(path)  # just used, so that others are removed first
    return network


def store(key: str, network: bytes) -> None:
    """Store a network under `key`, replacing any other. Failures are ignored.

    A reader finds a whole file or none, even if the program is killed while it writes. A computer
    that loses power before the disk has all of it leaves a damaged file, which `load` detects.
    """
    path = cached_path(key)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        put_file(path, _digest(key, network) + network, flush=False)
    with suppress(OSError):
        _make_room(path)


def stored_files() -> Iterator[tuple[Path, str]]:
    """Each stored file, with the reason why `load` would refuse it, or ""."""
    for path in cache_folder().glob(f"[!.]*{SUFFIX}"):  # skips files that are being written
        try:
            _verified(path)
        except UnusableError as error:
            yield path, str(error)
        else:
            yield path, ""


def storing_problem() -> str:
    """Why networks cannot be stored, in a few words; "" if they can."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache_folder()) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _verified(path: Path) -> bytes | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe might never end
            raise UnusableError("is not a file")
        if status.st_size > MOST_BYTES:
            raise UnusableError("is damaged")
        content = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise UnusableError("is a broken link") from None
        return None
    except NotADirectoryError:
        return None
    except OSError as error:
        raise UnusableError(f"cannot be read ({error.strerror})") from error
    network = content[_DIGEST_BYTES:]
    if not network or content[:_DIGEST_BYTES] != _digest(path.name.removesuffix(SUFFIX), network):
        raise UnusableError("is damaged")
    return network


def _digest(key: str, network: bytes) -> bytes:
    return hashlib.sha256(key.encode() + network).digest()


def _make_room(newest: Path) -> None:
    """Remove what livematte will not read again, and then the least recently used networks."""
    now_seconds = time.time()
    kept = []
    for path in newest.parent.iterdir():
        with suppress(OSError):
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                continue
            is_unfinished = (
                UNFINISHED_NAME.fullmatch(path.name) is not None
                or path.suffix == _EARLIER_UNFINISHED
            )
            is_old = now_seconds - status.st_mtime > _UNFINISHED_SECONDS
            if path.suffix == _EARLIER_SUFFIX or (is_unfinished and is_old):
                path.unlink()
            elif path.suffix == SUFFIX and path != newest and not is_unfinished:
                kept.append((status.st_mtime, status.st_size, path))
    room_bytes = MOST_BYTES - newest.stat().st_size
    for _, size_bytes, path in sorted(kept, reverse=True):
        room_bytes -= size_bytes
        if room_bytes < 0:
            with suppress(OSError):
                path.unlink()
