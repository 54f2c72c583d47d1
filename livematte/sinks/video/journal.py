"""Notes the recordings in progress, so that the next start finds those of a killed process."""

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
    """A recording that was started.

    note: its file in the journal; None for a recording that was found without one.
    unfinished: the file that is being written.
    path: the name that the finished file would have.
    """

    note: Path | None
    unfinished: Path
    path: Path


def folder() -> Path:
    """The journal's folder: ~/.local/state/livematte/recordings on Linux."""
    return user_state_path("livematte", appauthor=False) / "recordings"


def begin(unfinished: Path, path: Path) -> Path | None:
    """Note that a recording starts; None if that fails, which does not stop the recording."""
    note = folder() / f"{uuid.uuid4().hex}.json"
    text = json.dumps({"unfinished": os.fspath(unfinished), "path": os.fspath(path)})
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        put_file(note, text.encode("utf-8", "surrogateescape"), flush=False)
    except (OSError, ValueError):
        return None
    return note


def end(note: Path | None) -> None:
    """Remove the note of a recording: it is finished, or nothing is left of it."""
    if note is not None:
        with suppress(OSError):
            note.unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """All notes. Invalid ones are skipped."""
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
