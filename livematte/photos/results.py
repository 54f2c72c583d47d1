"""Where the results of a photo job go: a folder, a zip file, or both; or a stream."""

from __future__ import annotations

import errno
import os
import threading
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from livematte.errors import SinkError, UsageError
from livematte.media.identity import Inputs
from livematte.media.whole_file import Taken, require_free, unwritable, write_whole
from livematte.photos.whole_zip import WholeZip, zip_name

_OF_ALL: Final = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "ENODEV", "ENXIO", "ESTALE", "ENOTCONN", "EPIPE")
    if hasattr(errno, name)
)
"""Errors of the whole disk, not of one file on it."""


class ResultsError(SinkError):
    """No more results can be written, for example because the disk is full."""


class Destination(Protocol):
    """Takes files by name, from any thread."""

    @property
    def description(self) -> str:
        """Its name in messages: "mattes"."""
        ...

    def missing(self, names: Sequence[str]) -> list[str]:
        """The names of the results that have to be made.

        Raises `UsageError` if one exists and must not be replaced.
        """
        ...

    def put(self, name: str, data: bytes) -> None:
        """Write one file. `name` can have folders: "holiday/IMG_1.png".

        Raises `SinkError` if it cannot be written, `ResultsError` if no other file can either.
        """
        ...

    def close(self) -> None:
        """Finish. Raises `SinkError` if that fails; the error then says what was kept."""
        ...


class Results:
    """A folder, a zip file, or both.

    A file appears under its name in the folder only when it is whole. The zip file appears under
    its name on `close`, with everything put in so far; if that is nothing, there is no zip file.
    """

    def __init__(
        self,
        folder: Path | None,
        zip_path: Path | None,
        overwrite: bool,
        *,
        skip_existing: bool = False,
        description: str = "",
        inputs: Iterable[Path] = (),
    ) -> None:
        """skip_existing: keep existing results, and add to an existing zip file.
        description: the name in messages, if it is not the folder's.
        inputs: files that are read; they are never replaced, under any name.

        Raises `UsageError` if `zip_path` exists and must not be replaced, or cannot be added to.
        """
        self._folder = folder
        self._zip_path = zip_path
        self._description = description
        self._skip = skip_existing
        self._taken = Taken.REPLACE if overwrite else Taken.REFUSE
        self._zip: WholeZip | None = None
        self._in_zip: frozenset[str] = frozenset()
        self._adds = zip_path is not None and skip_existing and os.path.lexists(zip_path)
        self._lock = threading.Lock()
        self._inputs = Inputs(inputs)
        if zip_path is not None:
            self._inputs.require_not_at(zip_path)
            require_free(zip_path, self._taken_zip)
            if self._adds:
                self._in_zip = _names_in(zip_path)

    @property
    def _taken_zip(self) -> Taken:
        return Taken.REPLACE if self._adds else self._taken

    @property
    def description(self) -> str:
        return self._description or " and ".join(
            str(each) for each in (self._folder, self._zip_path) if each
        )

    def missing(self, names: Sequence[str]) -> list[str]:
        if self._skip:
            return [name for name in names if not self._has(name)]
        if self._folder is not None and self._taken is Taken.REPLACE:
            for name in names:
                self._inputs.require_not_at(self._folder / name)
        if self._folder is not None and self._taken is Taken.REFUSE:
            for name in names:
                if os.path.exists(self._folder / name):
                    raise UsageError(
                        f"Its result {self._folder / name} already exists.",
                        "Use --overwrite to replace results, or --skip-existing to leave them.",
                    )
        return list(names)

    def _has(self, name: str) -> bool:
        return self._in_folder(name) and (self._zip_path is None or zip_name(name) in self._in_zip)

    def _in_folder(self, name: str) -> bool:
        return self._folder is None or os.path.exists(self._folder / name)

    def put(self, name: str, data: bytes) -> None:
        if self._folder is not None and not (self._skip and self._in_folder(name)):
            self._put_into(self._folder, name, data)
        if self._zip_path is not None and zip_name(name) not in self._in_zip:
            with self._lock:
                try:
                    if self._zip is None:
                        self._zip = WholeZip(self._zip_path, self._taken_zip, adds=self._adds)
                    self._zip.add(name, data)
                except OSError as error:
                    raise _of_all(unwritable(self._zip_path, error)) from error

    def _put_into(self, folder: Path, name: str, data: bytes) -> None:
        path = folder / name
        try:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(path, error) from error
            write_whole(path, data, self._taken)
        except ValueError as error:  # a name that this system cannot have
            raise SinkError(
                f"{path} cannot be written: {error}.", "Rename the photo, or use --name."
            ) from error
        except SinkError as error:
            number = getattr(error.__cause__, "errno", None)
            is_usable = os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
            raise (_of_all(error) if number in _OF_ALL or not is_usable else error) from error

    def close(self) -> None:
        zip_file, self._zip = self._zip, None
        if zip_file is not None:
            zip_file.close()


class StreamResult:
    """Writes the only result to a stream, such as the standard output."""

    def __init__(self, stream: BinaryIO, description: str) -> None:
        self._stream = stream
        self.description = description

    def missing(self, names: Sequence[str]) -> list[str]:
        return list(names)

    def put(self, name: str, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            raise ResultsError(
                f"The result cannot be written to {self.description}: {error.strerror or error}.",
                "Send it elsewhere.",
            ) from error

    def close(self) -> None:
        """Nothing is left."""


def _of_all(error: SinkError) -> ResultsError:
    return ResultsError(error.problem, error.remedy)


def _names_in(path: Path) -> frozenset[str]:
    """Raises `UsageError` if it is not a zip file that can be added to."""
    try:
        with zipfile.ZipFile(path) as existing:
            return frozenset(existing.namelist())
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be added to: {str(error).rstrip('.')}.",
            "Name another zip file, or use --overwrite to replace it.",
        ) from error
