"""What is being recorded, noted where the next start looks, since a process may be killed."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_state_path

from livematte.media.whole_file import put_file


class Entry(NamedTuple):
    """A recording that has begun.

    note: the file of the journal that tells of it; None for what was found without one.
    unfinished: what is written.
    path: what it would have been called.
    """

    note: Path | None
    unfinished: Path
    path: Path


def folder() -> Path:
    """Where the journal is: ~/.local/state/livematte/recordings on Linux."""
    return user_state_path("livematte", appauthor=False) / "recordings"


def begin(unfinished: Path, path: Path) -> Path | None:
    """Note that a recording begins; None if that cannot be, which is no reason not to record."""
    note = folder() / f"{uuid.uuid4().hex}.json"
    text = json.dumps({"unfinished": os.fspath(unfinished), "path": os.fspath(path)})
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        put_file(note, text.encode("utf-8", "surrogateescape"), flush=False)
    except (OSError, ValueError):
        return None
    return note


def end(note: Path | None) -> None:
    """Forget a recording: it has its name, or there is nothing to look for any more."""
    if note is not None:
        with suppress(OSError):
            note.unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """What was noted and not forgotten. What is no note is passed over."""
    try:
        notes = sorted(folder().glob("[!.]*.json"))
    except OSError:
        return
    for note in notes:
        with suppress(OSError, ValueError, TypeError, KeyError):
            read = json.loads(note.read_text(encoding="utf-8", errors="surrogateescape"))
            unfinished, path = Path(read["unfinished"]), Path(read["path"])
            if unfinished.is_absolute() and path.is_absolute() and path.name:
                yield Entry(note, unfinished, path)
