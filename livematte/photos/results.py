"""Where the results of a photo job go: a folder, a zip file, or both."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from livematte.errors import UsageError
from livematte.photos.whole_zip import WholeZip
from livematte.sinks.whole_file import Taken, require_free, unwritable, write_whole


class Results:
    """Takes files by name, from any thread.

    A file appears in the folder under its name only when it is whole. The zip file appears under
    its own on `close`, with all that was put in until then; if that is nothing there is none.
    """

    def __init__(self, folder: Path | None, zip_path: Path | None, overwrite: bool) -> None:
        """Raises `UsageError` if `zip_path` exists and may not be replaced."""
        if zip_path is not None:
            require_free(zip_path, Taken.REPLACE if overwrite else Taken.REFUSE)
        self._folder = folder
        self._zip_path = zip_path
        self._overwrite = overwrite
        self._taken = Taken.REPLACE if overwrite else Taken.REFUSE
        self._zip: WholeZip | None = None
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
            write_whole(path, data, self._taken)
        if self._zip_path is not None:
            with self._lock:
                try:
                    if self._zip is None:
                        self._zip = WholeZip(self._zip_path, self._taken)
                    self._zip.add(name, data)
                except OSError as error:
                    raise unwritable(self._zip_path, error) from error

    def close(self) -> None:
        """Finish the zip file. Raises `SinkError` if that fails, and says then what was kept."""
        zip_file, self._zip = self._zip, None
        if zip_file is not None:
            zip_file.close()
