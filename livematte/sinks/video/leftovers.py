"""Unfinished recordings, whose process was killed or lost power."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from livematte.errors import SinkError
from livematte.media.video.container import FILES_ALONE, file_url, open_container
from livematte.media.whole_file import UNFINISHED_NAME, Taken, free_name, give_name, unwritable
from livematte.sinks.video import journal
from livematte.sinks.video.journal import Entry
from livematte.sinks.video.remains import Remains, look_into, whole_size
from livematte.sinks.video.unfinished_file import UnfinishedFile, is_being_written

ENDINGS: Final = (".mp4", ".mov", ".mkv", ".webm")

MOST_HEADER_BYTES: Final = 10_000
"""Larger files are kept even if they cannot be read."""

RECOVERED: Final = "recovered"
"""Added to the name of a recovered recording."""


def find_leftovers(folders: Iterable[Path] = ()) -> list[Entry]:
    """The unfinished recordings in the journal and in `folders`.

    Recordings that are still being written are skipped, and so are missing files: removed, or on a
    disk that is not connected.
    """
    found: dict[Path, Entry] = {}
    for entry in (*journal.entries(), *_in_folders(folders)):
        with suppress(OSError):
            if entry.unfinished.is_file() and not is_being_written(entry.unfinished):
                found.setdefault(Path(os.path.realpath(entry.unfinished)), entry)
    return list(found.values())


def find_missing() -> list[Entry]:
    """The recordings in the journal whose files are missing."""
    return [each for each in journal.entries() if not os.path.lexists(each.unfinished)]


def _in_folders(folders: Iterable[Path]) -> Iterator[Entry]:
    for folder in folders:
        for path in sorted(folder.iterdir()):
            name = UNFINISHED_NAME.fullmatch(path.name)
            if name is not None and name["ending"].lower() in ENDINGS:
                yield Entry(None, path, path.with_name(name["stem"] + name["ending"]))


def recover(entry: Entry) -> tuple[Path, Remains] | None:
    """Make an ordinary file, such as "talk (recovered).mp4", without encoding again.

    Returns the file and what is in it. Returns None if the recording is empty, and removes it. If
    there is no room for a copy, the unfinished file itself gets the new name.

    Raises `SinkError` if this fails; the unfinished file is not changed then.
    """
    left = entry.unfinished
    try:
        with left.open("rb"):  # raises if it cannot be read
            pass
        if left.suffix.lower() == ".zip":
            raise SinkError(
                f"{left} is a zip file without its directory.",
                f"To repair it, run: zip -FF {left} --out {entry.path.name}",
            )
        if look_into(left).frames == 0:
            if os.path.getsize(left) > MOST_HEADER_BYTES:
                raise SinkError(
                    f"{left} cannot be read as a video.",
                    "The file was not changed. If you do not need it, remove it.",
                )
            left.unlink()
            journal.end(entry.note)
            return None
        # The folder may have been moved or renamed.
        named = entry.path if entry.path.parent.is_dir() else left.with_name(entry.path.name)
        path = free_name(named, RECOVERED)
        try:
            named = _copied(left, path)
        except OSError:
            os.truncate(left, whole_size(left))
            named = give_name(left, path, Taken.NUMBER)
        else:
            left.unlink()
    except SinkError:
        raise
    except OSError as error:
        raise unwritable(left, error) from error
    journal.end(entry.note)
    return named, look_into(named)


def _copied(left: Path, path: Path) -> Path:
    """Raises `OSError` if there is no room, or if FFmpeg can read the format but not write it."""
    import av

    whole = UnfinishedFile(path, Taken.NUMBER)
    try:
        kind = {".mkv": "matroska"}.get(path.suffix.lower(), path.suffix[1:].lower())
        with (
            open_container(left) as source,
            av.open(file_url(whole.path), "w", format=kind, options=dict(FILES_ALONE)) as target,
        ):
            streams = {}
            for stream in (*source.streams.video, *source.streams.audio):
                streams[stream.index] = target.add_stream_from_template(stream)
                streams[stream.index].metadata.update(stream.metadata)
            packets = source.demux(*(source.streams[index] for index in streams))
            while True:
                try:
                    packet = next(packets, None)
                except (av.FFmpegError, OSError):
                    break  # the end of what was written
                if packet is None:
                    break
                if packet.dts is not None and packet.size:
                    packet.stream = streams[packet.stream_index]
                    target.mux(packet)
        return whole.finish()
    except BaseException as error:
        whole.discard()
        if isinstance(error, av.FFmpegError | ValueError):
            raise OSError(getattr(error, "errno", 0), str(error)) from error
        raise


def sentence(leftovers: list[Entry]) -> str:
    """The message of the next start about them."""
    names = ", ".join(str(each.path) for each in leftovers[:3])
    more = f" and {len(leftovers) - 3} more" if len(leftovers) > 3 else ""
    return f"unfinished recording found: {names}{more}. To finish it, run: livematte recover"
