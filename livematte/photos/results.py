"""Where the results of a photo job go: a folder, a zip file, or both."""

from __future__ import annotations

import os
import threading
import zipfile
from contextlib import suppress
from pathlib import Path

from livematte.errors import UsageError
from livematte.sinks.whole_file import unfinished_path, unwritable, write_whole


class Results:
    """Takes files by name, from any thread.

    A file appears in the folder under its name only when it is whole. The zip file appears under
    its own on `close`, with all that was put in until then; if that is nothing there is none.
    """

    def __init__(self, folder: Path | None, zip_path: Path | None, overwrite: bool) -> None:
        """Raises `UsageError` if `zip_path` exists and may not be replaced."""
        if zip_path is not None and os.path.exists(zip_path) and not overwrite:
            raise UsageError(f"{zip_path} is there already.", "Name another, or use --overwrite.")
        self._folder = folder
        self._zip_path = zip_path
        self._overwrite = overwrite
        self._zip: zipfile.ZipFile | None = None
        self._lock = threading.Lock()

    @property
    def description(self) -> str:
        return " and ".join(str(each) for each in (self._folder, self._zip_path) if each)

    def require_free(self, names: list[str]) -> None:
        """Raises `UsageError` if one of them is in the folder and may not be replaced."""
        if self._folder is None or self._overwrite:
            return
        for name in names:
            if os.path.exists(self._folder / name):
                raise UsageError(
                    f"Its result {self._folder / name} is there already.",
                    "Use --overwrite to replace it.",
                )

    def put(self, name: str, data: bytes) -> None:
        """Write one file. `name` may have folders: "holiday/IMG_1.png".

        Raises `SinkError` if it cannot be written.
        """
        if self._folder is not None:
            path = self._folder / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(path, error) from error
            write_whole(path, data)
        if self._zip_path is not None:
            with self._lock:
                try:
                    if self._zip is None:
                        # Pictures are compressed already.
                        self._zip = zipfile.ZipFile(self._unfinished_zip, "w", zipfile.ZIP_STORED)
                    self._zip.writestr(name, data)
                except OSError as error:
                    raise unwritable(self._zip_path, error) from error

    def close(self) -> None:
        """Finish the zip file. Raises `SinkError` if that fails; there is none then."""
        if self._zip is None or self._zip_path is None:
            return
        try:
            self._zip.close()
            os.replace(self._unfinished_zip, self._zip_path)
        except OSError as error:
            with suppress(OSError):
                self._unfinished_zip.unlink(missing_ok=True)
            raise unwritable(self._zip_path, error) from error
        finally:
            self._zip = None

    @property
    def _unfinished_zip(self) -> Path:
        assert self._zip_path is not None
        return unfinished_path(self._zip_path)
