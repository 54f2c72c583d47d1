"""Files that appear under their name when they are whole, and replace no other file unasked."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
import sys
from contextlib import closing, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Final, NamedTuple

from livematte.errors import SinkError, UsageError
from livematte.media.pipe import READER_SECONDS, Pipe

LONGEST_NAME_BYTES: Final = 255
"""Of a name without its folder, in nearly every file system."""


class Taken(Enum):
    """What to do if a file already has the name."""

    REFUSE = auto()
    REPLACE = auto()
    NUMBER = auto()
    """Take another name: "talk (2).mp4"."""


class Target(NamedTuple):
    """Where a name leads.

    path: the file itself, at the end of symbolic links, which are kept.
    is_stream: whether it is a pipe (or the null device), which is written to directly.
    """

    path: Path
    is_stream: bool


def find_target(path: Path) -> Target:
    """Where `path` leads.

    Raises `UsageError` if nothing can be written there: links in a circle, a device, a socket.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return Target(Path(os.path.realpath(path)), is_stream=False)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", 0) == errno.ELOOP:
            raise UsageError(
                f"{path} is a link that leads to itself.", "Remove it, or name another file."
            ) from error
        return Target(path, is_stream=False)  # opening it will raise what is wrong
    kind = status.st_mode
    if stat.S_ISREG(kind) or stat.S_ISDIR(kind):
        return Target(Path(os.path.realpath(path)), is_stream=False)
    if stat.S_ISFIFO(kind) or _is_null_device(status):
        return Target(path, is_stream=True)
    what = {stat.S_IFCHR: "device", stat.S_IFBLK: "disk", stat.S_IFSOCK: "socket"}
    raise UsageError(
        f"{path} is a {what.get(stat.S_IFMT(kind), 'special file')}, not a file.",
        "Name a file or a pipe.",
    )


def require_free(path: Path, taken: Taken) -> Target:
    """Where `path` leads, if it can be written.

    Raises `UsageError` if a file exists there that must not or cannot be replaced.
    """
    target = find_target(path)
    if target.is_stream or taken is Taken.NUMBER or not os.path.lexists(target.path):
        return target
    if taken is Taken.REFUSE:
        raise UsageError(f"{path} already exists.", "Name another file, or use --overwrite.")
    if os.path.isfile(target.path) and os.stat(target.path).st_nlink > 1:
        raise UsageError(
            f"{path} has other names (hard links), which would keep the old file.",
            "Remove it first, or name another file.",
        )
    return target


def create_unfinished(path: Path) -> tuple[Path, int]:
    """Create and open the temporary file for `path`, which all may read.

    It is hidden, beside `path`, and has the same extension, which tells programs its format. An
    existing one, perhaps the rest of a recording, is not touched: in containers, processes often
    have the same number.

    Raises `OSError`.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for number in itertools.count(1):
        which = f"{os.getpid()}" if number == 1 else f"{os.getpid()}-{number}"
        unfinished = _with_stem(path, ".", f".{which}.part")
        try:
            return unfinished, os.open(unfinished, flags, 0o666)
        except FileExistsError:
            continue
    raise AssertionError("numbers do not end")


UNFINISHED_NAME: Final = re.compile(
    r"\.(?P<stem>.+)\.(?P<process>\d+)(-\d+)?\.part(?P<ending>\.\w+)"
)
"""The names that `create_unfinished` gives."""


def free_name(path: Path, word: str = "") -> Path:
    """A free name similar to `path`: "talk (incomplete).mp4", "talk (2).mp4"."""
    for number in itertools.count(1 if word else 2):
        words = [word] if number == 1 else [word, str(number)]
        named = _with_stem(path, "", f" ({' '.join(filter(None, words))})")
        if not os.path.lexists(named):
            return named
    raise AssertionError("numbers do not end")


def _with_stem(path: Path, before: str, after: str) -> Path:
    """`path` with more in its name; its stem is cut if the name would be too long."""
    stem, ending = path.stem, path.suffix
    room = LONGEST_NAME_BYTES - len(os.fsencode(before + after))
    if len(os.fsencode(ending)) > room // 2:  # not an extension that means anything
        stem, ending = stem + ending, ""
    while len(os.fsencode(stem + ending)) > room:
        stem = stem[:-1]
    return path.with_name(before + stem + after + ending)


def give_name(unfinished: Path, path: Path, taken: Taken) -> Path:
    """Give a whole file its name, or the next free one, and return that.

    Raises `FileExistsError` if the name is taken and must stay so, other `OSError`s if renaming
    fails. The file is then still `unfinished`.
    """
    while True:
        try:
            if taken is Taken.REPLACE:
                os.replace(unfinished, path)
            else:
                _rename_to_free(unfinished, path)
        except FileExistsError:
            if taken is not Taken.NUMBER:
                raise
            path = free_name(path)
            continue
        flush_folder(path.parent)
        return path


def _rename_to_free(unfinished: Path, path: Path) -> None:
    """As os.rename, but never replaces another file."""
    if sys.platform == "win32":
        os.rename(unfinished, path)
        return
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: the best that can be done is to check first.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.rename(unfinished, path)
    else:
        os.unlink(unfinished)


def keep_mode(descriptor: int, path: Path) -> None:
    """Give an open file the permissions and, if allowed, the owner of the file it will replace."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        old = os.lstat(path)
        if not stat.S_ISREG(old.st_mode):
            return
        with suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def flush_file(descriptor: int) -> None:
    """Flush a file to the disk itself. Raises `OSError` if that fails.

    On network drives and with quotas, errors of writing come only here.
    """
    try:
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync stops at the drive's own memory
        elif sys.platform == "win32":
            os.fsync(descriptor)
        else:
            os.fdatasync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # nothing that can be flushed
            raise


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, if the system can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def put_file(
    path: Path,
    data: bytes | memoryview,
    taken: Taken = Taken.REPLACE,
    *,
    flush: bool = True,
) -> Path:
    """Write a file of `data` at `path`, which never has only a part of it.

    taken: what to do with an existing file. Links are not followed: the link itself is replaced.
    flush: flush it to the disk itself; a file that need not survive a power cut is written faster
        without.

    Returns the name of the file. Raises `OSError` if it cannot be written, `FileExistsError` if the
    name is taken, and leaves nothing behind.
    """
    unfinished, descriptor = create_unfinished(path)
    try:
        with open(descriptor, "wb") as file:
            if taken is Taken.REPLACE:
                keep_mode(descriptor, path)
            file.write(data)
            file.flush()
            if flush:
                flush_file(descriptor)
        return give_name(unfinished, path, taken)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def write_whole(
    path: Path,
    data: bytes | memoryview,
    taken: Taken = Taken.REPLACE,
    *,
    flush: bool = True,
) -> None:
    """Write `data` to the file that `path` leads to, or to the pipe.

    flush: flush it to the disk itself.

    Raises `SinkError` if it cannot be written, and leaves nothing behind.
    """
    try:
        target = require_free(path, taken)
        if target.is_stream:
            with closing(Pipe(path, READER_SECONDS)) as pipe:
                pipe.write(data)
            return
        put_file(target.path, data, taken, flush=flush)
    except UsageError as error:
        raise SinkError(error.problem, error.remedy) from error
    except FileExistsError as error:
        raise SinkError(f"{path} already exists.", "Name another file.") from error
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> SinkError:
    """The error for a file that cannot be written."""
    if error.errno == errno.ENXIO:
        return SinkError(f"No program reads from {path}.", "Start the one that reads it first.")
    if error.errno == errno.EPIPE:
        return SinkError(f"The program that read from {path} has ended.", "Start it again.")
    if error.errno == errno.ENAMETOOLONG:
        return SinkError(f"{path} cannot be written: its name is too long.", "Name it shorter.")
    return SinkError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Make room on the disk, or name another place.",
    )


def _is_null_device(status: os.stat_result) -> bool:
    try:
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return False
