"""A zip file that keeps everything put in before its disk was full."""

from __future__ import annotations

import errno
import os
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from livematte.errors import SinkError
from livematte.media.pipe import READER_SECONDS, Pipe
from livematte.media.whole_file import Taken, require_free, unwritable
from livematte.sinks.video.unfinished_file import UnfinishedFile
from livematte.text.counted import counted

_CONTROLS: Final = re.compile(r"[\\\x00-\x1f\x7f]")

DIRECTORY_BYTES: Final = 120
"""Size of a file's two headers without its name, which is in both, with room to spare."""


class WholeZip:
    """Appears under its name only when it is whole, with all its files and its directory.

    It reserves room for a file and for the directory after it before it writes: so a full disk
    refuses one file and damages none.
    """

    def __init__(self, path: Path, taken: Taken, *, adds: bool = False) -> None:
        """Start the file.

        adds: start with the content of the existing file, which stays until the new one is whole.

        Raises `OSError`, or `UsageError` if another file has appeared under the name.
        """
        self._path = path
        self._error: OSError | None = None
        self._unfinished: UnfinishedFile | None = None
        self._reserved = self._directory = 0
        target = require_free(path, taken)
        self._target = target.path
        self._file: Any
        if target.is_stream:
            self._file = Pipe(path, READER_SECONDS)
        else:
            self._unfinished = UnfinishedFile(target.path, taken)
            self._file = self._unfinished.path.open("r+b", buffering=0)
        is_begun = adds and self._unfinished is not None
        try:
            if is_begun:
                with target.path.open("rb") as old:
                    shutil.copyfileobj(old, self._file, 1 << 20)
            # Pictures are compressed already.
            self._zip = zipfile.ZipFile(self._file, "a" if is_begun else "w", zipfile.ZIP_STORED)
        except BaseException as error:
            self._file.close()
            if self._unfinished is not None:
                self._unfinished.discard()
            if isinstance(error, zipfile.BadZipFile):
                raise OSError(errno.EINVAL, str(error)) from error
            raise
        if is_begun:
            self._directory = self._file.seek(0, os.SEEK_END) - self._zip.start_dir

    def add(self, name: str, data: bytes) -> None:
        """Add a file. Raises `OSError` if there is no room for it; the others stay in."""
        name = zip_name(name)
        try:
            if self._unfinished is not None:
                self._reserve(name, len(data))
            self._zip.writestr(name, data)
        except OSError as error:
            self._error = error
            raise

    def _reserve(self, name: str, size: int) -> None:
        directory = self._directory + DIRECTORY_BYTES + 2 * len(name.encode())
        end = self._zip.start_dir + size + directory + DIRECTORY_BYTES
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), 0, end)
        else:
            self._file.seek(self._reserved)
            while self._reserved < end:
                self._reserved += self._file.write(bytes(min(1 << 20, end - self._reserved)))
        self._directory = directory

    def close(self) -> None:
        """Write the directory and name the file; it gets another name if some did not fit in.

        Raises `SinkError` if it could not get its name; the error says what was kept and where.
        """
        unfinished, count = self._unfinished, len(self._zip.namelist())
        try:
            self._zip.close()
            if unfinished is None:
                return
            self._file.truncate(self._file.tell())
            if self._error is None:
                named = unfinished.finish()
                if named != self._target:
                    self._error = OSError(0, unfinished.problem)
            elif count:
                named = unfinished.keep()
            else:
                unfinished.discard()
        except OSError as error:
            if unfinished is not None:
                with suppress(OSError):
                    named = unfinished.keep()
            raise unwritable(self._path, error) from error
        finally:
            self._file.close()
        if self._error is not None:
            told = unwritable(self._path, self._error)
            kept = (
                f"{counted(count, 'file is', 'files are')} kept in {named}."
                if count
                else told.remedy
            )
            raise SinkError(told.problem, kept) from self._error


def zip_name(name: str) -> str:
    """The name of a file in a zip, which must be text; names on disk can be other bytes.

    On Windows a backslash makes folders, and with two dots leads out of the folder that the zip is
    unpacked into; control characters are refused. They are written as in addresses, "%5C".

    name: a Python string, with surrogates in place of bytes that are not UTF-8.
    """
    text = os.fsencode(name).decode("utf-8", "replace")
    return _CONTROLS.sub(lambda found: f"%{ord(found[0]):02X}", text)
