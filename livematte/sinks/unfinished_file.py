"""A file that is written for long: nothing of it is lost when its writing ends in whatever way."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from livematte.media.whole_file import (
    UNFINISHED_NAME,
    Taken,
    create_unfinished,
    flush_file,
    flush_folder,
    free_name,
    give_name,
    keep_mode,
)
from livematte.sinks import journal

FLUSH_SECONDS: Final = 2.0
"""What was written longer ago than about this survives a power cut."""

JOIN_SECONDS: Final = 2.0
"""How long flushing is waited for; on a network drive that is gone it may hang."""

INCOMPLETE: Final = "incomplete"
"""What is added to the name of what an error has ended."""


class UnfinishedFile:
    """The hidden file that another program, FFmpeg, writes until it is whole.

    It is noted in the journal, flushed to the disk every few seconds, and locked, by which others
    know that it is still written. Its own descriptor is kept open: so its content is not lost if
    the file is removed meanwhile.
    """

    def __init__(self, path: Path, taken: Taken) -> None:
        """Make it, for the file `path`. Raises `OSError`."""
        self._path = path
        self._taken = taken
        self.path, self._descriptor = create_unfinished(path)
        if taken is Taken.REPLACE:
            keep_mode(self._descriptor, path)
        _lock(self._descriptor)
        self._note = journal.begin(self.path, path)
        self.problem = ""
        """Why it has not the name that it was to have, in a few words; "" if it has."""
        self._error: OSError | None = None
        self._ending = threading.Event()
        flush_folder(path.parent)
        self._flushing = threading.Thread(target=self._flush, name="flush", daemon=True)
        try:
            self._flushing.start()
        except RuntimeError:  # no thread is to be had: the system flushes when it likes
            self._ending.set()

    def _flush(self) -> None:
        while not self._ending.wait(FLUSH_SECONDS):
            try:
                flush_file(self._descriptor)
            except OSError as error:
                self._error = error
                return

    def check(self) -> None:
        """Raises the `OSError` with which what was written has not reached the disk."""
        if self._error is not None:
            raise self._error

    def finish(self) -> Path:
        """Give the whole file its name, or one like it if that cannot be; `problem` tells why.

        Returns the name that it has. Raises `OSError` if it has not reached the disk.
        """
        self._end_flushing()
        self.check()
        flush_file(self._descriptor)
        return self._named(self._path, self._taken)

    def keep(self) -> Path:
        """Give what there is a name that tells that it is not whole, and return that.

        Raises `OSError` if it was removed and cannot be written again.
        """
        self._end_flushing()
        with suppress(OSError):
            flush_file(self._descriptor)
        return self._named(free_name(self._path, INCOMPLETE), Taken.NUMBER)

    def discard(self) -> None:
        """Remove it: nothing is in it."""
        self._end_flushing()
        self._close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        journal.end(self._note)

    def _named(self, path: Path, taken: Taken) -> Path:
        if sys.platform != "win32" and not self.is_there():
            path = self._restore(path)
        self._close()  # or Windows would not rename it
        for wanted in (path, free_name(path)):
            try:
                named = give_name(self.path, wanted, taken)
            except OSError as error:
                self.problem = self.problem or _reason(error)
                taken = Taken.NUMBER
            else:
                journal.end(self._note)
                return named
        return self.path

    def is_there(self) -> bool:
        """Whether `path` is it still; it may have been removed, or be out of reach."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except OSError:
            return False

    def _restore(self, path: Path) -> Path:
        """Write it once more, for it, or its folder, is gone; the descriptor still has it.

        Returns what to call it: `path`, or the same in the home folder. Raises `OSError`.
        """
        self.problem = "it was removed while it was written"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._copy(path)
        except OSError:
            path = free_name(Path.home() / path.name, INCOMPLETE)
            self._copy(path)
        return path

    def _copy(self, path: Path) -> None:
        self.path, descriptor = create_unfinished(path)
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            with (
                open(self._descriptor, "rb", closefd=False) as old,
                open(descriptor, "wb", closefd=False) as new,
            ):
                shutil.copyfileobj(old, new, 1 << 20)
            flush_file(descriptor)
        finally:
            os.close(descriptor)

    def truncate(self, size: int) -> None:
        """Cut what is of no use off its end. Raises `OSError`."""
        os.ftruncate(self._descriptor, size)

    def _end_flushing(self) -> None:
        self._ending.set()
        if self._flushing.ident is not None:
            self._flushing.join(JOIN_SECONDS)

    def _close(self) -> None:
        if self._descriptor >= 0 and not self._flushing.is_alive():
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1


def _reason(error: OSError) -> str:
    return "another file has that name now" if error.errno == errno.EEXIST else str(error.strerror)


def is_being_written(path: Path) -> bool:
    """Whether the process that writes an `UnfinishedFile` still runs.

    On Windows nobody needs to know: what is open there cannot be renamed.
    """
    if sys.platform == "win32":
        return False
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        return _may_run(path)  # a file system without locks
    finally:
        os.close(descriptor)
    return False


def _may_run(path: Path) -> bool:
    """Whether there is a process of the number that is in the name."""
    name = UNFINISHED_NAME.fullmatch(path.name)
    if name is None:
        return False
    try:
        os.kill(int(name["process"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    with suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
