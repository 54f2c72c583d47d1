"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from livematte.errors import SinkError


def unfinished_path(path: Path) -> Path:
    """Where `path` is written until it is whole: hidden, beside it, another for each process."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write `data` to `path`, in place of a file that is there.

    Raises `SinkError` if it cannot be written, and leaves nothing behind.
    """
    unfinished = unfinished_path(path)
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> SinkError:
    """What a person is told of a file that cannot be written."""
    return SinkError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Make room on the disk, or name another place.",
    )
