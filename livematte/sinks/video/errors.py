"""Errors for videos that cannot be written, and messages about what was kept."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from livematte.errors import NoReaderError, SinkError
from livematte.media.whole_file import unwritable
from livematte.sinks.video.remains import Remains, look_into, whole_size
from livematte.sinks.video.unfinished_file import UnfinishedFile


def video_error(path: Path, error: Exception, *, is_pipe: bool) -> SinkError:
    """The error for a file or a named pipe."""
    number = getattr(error, "errno", 0)
    if number in (errno.ENXIO, errno.EPIPE) and is_pipe:
        return unwritable(path, OSError(number, os.strerror(number)))
    remedy = {
        errno.ENOENT: f"Create the folder {path.parent} first, or name another one.",
        errno.EACCES: "Name a file in a folder that you can write to.",
        errno.ENOSPC: "Free some disk space, or name a file on another disk.",
    }.get(number, "Name another file, or use another video format.")
    return SinkError(f"{path} cannot be written: {_reason(error)}.", remedy)


def stream_error(error: Exception) -> SinkError:
    """The error for standard output."""
    number = getattr(error, "errno", 0)
    if number == errno.EPIPE or (number == errno.EINVAL and sys.platform == "win32"):
        return NoReaderError()
    return SinkError(
        f"The standard output cannot be written: {_reason(error)}.", "Write to a file instead."
    )


def keep(unfinished: UnfinishedFile, path: Path, *, has_pictures: bool) -> str:
    """Keep a recording that an error ended; returns a message, or "" if nothing was in it.

    path: its intended name. has_pictures: whether any were written.
    """
    with suppress(OSError):
        unfinished.truncate(whole_size(unfinished.path))
    remains = look_into(unfinished.path) if has_pictures else Remains(0, 0.0)
    if remains.frames == 0 and unfinished.is_there():
        unfinished.discard()
        return ""
    try:
        named = unfinished.keep()
    except OSError as error:
        return f"{path}: the recording is lost ({error.strerror})"
    return f"kept as {named}: {remains}"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
