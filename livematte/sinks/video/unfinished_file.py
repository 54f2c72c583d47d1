"""A file that is written for a long time; nothing is lost, however writing ends."""

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
from livematte.sinks.video import journal

FLUSH_SECONDS: Final = 2.0
"""Data written more than about this long ago survives a power cut."""

JOIN_SECONDS: Final = 2.0
"""How long to wait for flushing; it can hang on a network drive that is gone."""

INCOMPLETE: Final = "incomplete"
"""Added to the name of a recording that an error ended."""


class UnfinishedFile:
    """The hidden file that FFmpeg writes until it is complete.

    It is noted in the journal, flushed to disk every few seconds, and locked, so that other
    processes know that it is being written. A descriptor is kept open, so that the content is not
    lost if the file is removed while it is written.
    """

    def __init__(self, path: Path, taken: Taken) -> None:
        """Create the hidden file for `path`. Raises `OSError`."""
        self._path = path
        self._taken = taken
        self.path, self._descriptor = create_unfinished(path)
        if taken is Taken.REPLACE:
            keep_mode(self._descriptor, path)
        _lock(self._descriptor)
        self._note = journal.begin(self.path, path)
        self.problem = ""
        """Why the file did not get its intended name, in a few words; "" if it did."""
        self._error: OSError | None = None
        self._ending = threading.Event()
        flush_folder(path.parent)
        self._flushing = threading.Thread(target=self._flush, name="flush", daemon=True)
        try:
            self._flushing.start()
        except RuntimeError:  # no thread can be started: the system flushes by itself
            self._ending.set()

    def _flush(self) -> None:
        while not self._ending.wait(FLUSH_SECONDS):
            try:
                flush_file(self._descriptor)
            except OSError as error:
                self._error = error
                return

    def check(self) -> None:
        """Raises the `OSError` of a failed flush."""
        if self._error is not None:
            raise self._error

    def finish(self) -> Path:
        """Give the complete file its name, or a similar one if that fails; `problem` says why.

        Returns its name. Raises `OSError` if it did not reach the disk.
        """
        self._end_flushing()
        self.check()
        flush_file(self._descriptor)
        return self._named(self._path, self._taken)

    def keep(self) -> Path:
        """Give the file a name that marks it as incomplete, and return it.

        Raises `OSError` if the file was removed and cannot be written again.
        """
        self._end_flushing()
        with suppress(OSError):
            flush_file(self._descriptor)
        return self._named(free_name(self._path, INCOMPLETE), Taken.NUMBER)

    def discard(self) -> None:
        """Remove the file, which is empty."""
        self._end_flushing()
        self._close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        journal.end(self._note)

    def _named(self, path: Path, taken: Taken) -> Path:
        if sys.platform != "win32" and not self.is_there():
            path = self._restore(path)
        self._close()  # Windows does not rename open files
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
        """Whether `path` is still this file, and not removed or unreachable."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except OSError:
            return False

    def _restore(self, path: Path) -> Path:
        """Write the file again from the descriptor, because it or its folder is gone.

        Returns the name for it: `path`, or the same in the home folder. Raises `OSError`.
        """
        self.problem = "it was removed while it was being written"
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
        """Cut the unusable end off. Raises `OSError`."""
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
    return "another file now has that name" if error.errno == errno.EEXIST else str(error.strerror)


def is_being_written(path: Path) -> bool:
    """Whether the process that writes an `UnfinishedFile` still runs.

    Always False on Windows, where open files cannot be renamed anyway.
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
    """Whether the process whose number is in the file's name still runs."""
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
