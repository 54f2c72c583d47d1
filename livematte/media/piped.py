"""Videos from a pipe are first kept in a file, because a video is read more than once."""

from __future__ import annotations

import os
import select
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from livematte.errors import SourceError, UsageError
from livematte.media.names import STANDARD_STREAM, is_pipe

WRITER_SECONDS: Final = 60.0
"""How long to wait for a program that writes into the pipe."""

CHUNK_BYTES: Final = 1 << 20


@contextmanager
def whole_file(path: Path, on_wait: Callable[[str], None]) -> Iterator[Path]:
    """A file that can be read more than once; `path` itself unless that is a pipe, or "-".

    A pipe is read once, to its end. The copy shows somebody's room: it has no name that others
    could find, if the system can do without one, and it is deleted afterwards.

    on_wait: called with a sentence that says what livematte is waiting for.

    Raises `SourceError` if nothing comes, or it does not fit onto the disk, and `UsageError` if "-"
    is a terminal.
    """
    is_standard = str(path) == STANDARD_STREAM and not os.path.lexists(path)
    if not is_pipe(path) and not is_standard:
        yield path
        return
    if is_standard and sys.stdin.isatty():
        raise UsageError(
            "No video comes in at the standard input.",
            "Pipe one to it: livematte video - -o out.mp4 < talk.mp4",
        )
    shown = "the standard input" if is_standard else str(path)
    on_wait(f"Reading {shown} to its end first: a video is read more than once.")
    with tempfile.TemporaryDirectory(prefix="livematte-") as folder:
        copy = Path(folder, "stdin" if is_standard else path.name)
        with open(copy, "w+b") as file:
            if sys.platform == "linux":
                copy.unlink()
                copy.symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")
            descriptor = 0 if is_standard else _open(path)
            try:
                while data := _read(descriptor, shown):
                    file.write(data)
                file.flush()
            except OSError as error:
                if isinstance(error, SourceError):
                    raise
                raise SourceError(
                    f"{shown} cannot be kept in {tempfile.gettempdir()}: {error.strerror}.",
                    "Make room there, or save the video to a file first.",
                ) from error
            finally:
                if not is_standard:
                    os.close(descriptor)
            if not file.tell():
                raise SourceError(
                    f"{shown[:1].upper()}{shown[1:]} is empty.",
                    "Check the program that writes into it.",
                )
            try:
                yield copy
            except SourceError as error:
                # The name of the copy helps nobody.
                problem = error.problem.replace(str(copy), shown[:1].upper() + shown[1:])
                raise SourceError(problem, error.remedy) from error


def _open(path: Path) -> int:
    try:
        # Otherwise the open itself would wait for a writer, and nothing could stop it.
        return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error


def _read(descriptor: int, shown: str) -> bytes:
    """The next bytes; none at the end. Raises `SourceError` if nobody writes."""
    if sys.platform != "win32" and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        # A pipe without a writer has no event; a pipe whose writer has ended has one.
        if not poll.poll(WRITER_SECONDS * 1000):
            raise SourceError(
                f"Nothing has come from {shown} for {WRITER_SECONDS:.0f} seconds.",
                "Start the program that writes into it.",
            )
    return os.read(descriptor, CHUNK_BYTES)
