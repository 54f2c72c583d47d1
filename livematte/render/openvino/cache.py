"""Compiled networks in the user's cache folder, for a faster start.

A file is the SHA-256 of its key and its network, and then the network. The key is the file's name,
so that a file in another's place is found out as well as one that a disk has damaged. What is
hashed is what is returned: a file is read once.
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
"""Of all files: more than ten networks in int8. Those that were not used for longest go first."""

_UNFINISHED_SECONDS: Final = 3600.0
"""An unfinished file that is older was left behind by a program that was ended."""

_EARLIER_SUFFIX: Final = ".blob"
_EARLIER_UNFINISHED: Final = ".part"
"""Of what earlier versions of livematte kept here."""

_DIGEST_BYTES: Final = hashlib.sha256().digest_size


class UnusableError(Exception):
    """A file is there and cannot be used: it is damaged, another's, or no file. Says which."""


def cache_folder() -> Path:
    return user_cache_path("livematte", appauthor=False) / "openvino"


def cached_path(key: str) -> Path:
    """key: a name for everything that a network's compiled form depends on; hexadecimal digits."""
    return cache_folder() / f"{key}{SUFFIX}"


def load(key: str) -> bytes | None:
    """The network that was stored under `key`; None if none was.

    Raises `UnusableError` if what is there is not what was stored.
    """
    path = cached_path(key)
    network = _verified(path)
    if network is not None:
        with suppress(OSError):
            os.utime(path)  # used, so that others make room first
    return network


def store(key: str, network: bytes) -> None:
    """Keep a network under `key`, in place of what is there. Where that is not possible, do not.

    Whoever reads meanwhile, or after the program was ended in the middle, finds a whole file or
    none. A computer that stopped before the disk had it all leaves a damaged one, which `load`
    finds out.
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
    """Each file of a stored network with why `load` would refuse it, "" if it would not."""
    for path in cache_folder().glob(f"[!.]*{SUFFIX}"):  # not what is being stored now
        try:
            _verified(path)
        except UnusableError as error:
            yield path, str(error)
        else:
            yield path, ""


def storing_problem() -> str:
    """Why no network can be stored, in a few words; "" if one can be."""
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
    """Remove what livematte will not read again, and what was not used for longest."""
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
