"""Names of files, and texts that look like one: addresses, -, and names not allowed on Windows."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from typing import Final

from livematte.errors import UsageError
from livematte.text.addresses import shown_address

STANDARD_STREAM: Final = "-"
"""The name of the standard input, and of the standard output."""

_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(?=[^/])", re.DOTALL)
"""A scheme of two letters or more; one is a drive's. `Path` makes one slash of two."""

_RESERVED: Final = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3])\s*(\..*)?",
    re.IGNORECASE | re.DOTALL,
)
_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*\x00-\x1f]')


def at_home(name: str) -> str:
    """A name with `~` replaced by the home folder; unchanged if there is no user NAME of ~NAME."""
    try:
        return os.path.expanduser(name)
    except ValueError:  # no user's name has such characters
        return name


def is_folder(name: str) -> bool:
    """Whether a name is that of a folder, which may not exist yet."""
    return name.endswith(("/", os.sep)) or os.path.isdir(name)


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a named pipe."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def address_of(name: str | os.PathLike[str]) -> str:
    """An address given as a file's name, in a form that can be shown; "" if it is a name.

    A folder can be called "rtmp:"; then a name in it is a file's.
    """
    text = os.fspath(name)
    found = _ADDRESS.match(text)
    if found is None or os.path.isdir(f"{found[1]}:"):
        return ""
    return shown_address(f"{found[1]}://{text[found.end() :]}")


def require_readable_name(name: str | os.PathLike[str]) -> None:
    """Raises `UsageError` if a video to read is an address."""
    if address := address_of(name):
        raise UsageError(
            f"{address} is an address, and livematte reads videos from files.",
            "Leave out the file:// before it."
            if os.fspath(name)[:5].lower() == "file:"
            else "Save the video first. The stream of a camera goes with --camera.",
        )


def names_files(text: str) -> bool:
    """Whether a file of that name or pattern exists; "@colour" can follow either."""
    if "\0" in text:
        return False
    for name in dict.fromkeys((text, text.rpartition("@")[0])):
        # Not Path.exists, which raises where a name is too long.
        if name and (
            os.path.exists(name)
            or (glob.has_magic(name) and next(glob.iglob(name, recursive=True), None) is not None)
        ):
            return True
    return False


def require_writable_name(
    name: str | os.PathLike[str], windows: bool = sys.platform == "win32"
) -> None:
    """Raises `UsageError` if no file can have this name: an address, or a device's name.

    windows: whether the name is for Windows, where "con.mp4" is the console, and "talk:1.mp4" a
        hidden part of the file "talk".
    """
    text = os.fspath(name)
    if address := address_of(text):
        if text[:5].lower() == "file:":
            raise UsageError(
                f"{address} is an address, not a file's name.", "Leave out the file:// before it."
            )
        raise UsageError(
            f"{address} is an address, and livematte writes files.",
            "To stream, use --virtual-camera and choose that camera in OBS or another program.",
        )
    if "\0" in text:
        raise UsageError("The output's name has a NUL character in it.", "Name another file.")
    if text == STANDARD_STREAM:
        raise UsageError("- is the standard output, which does not take this.", "Name a file.")
    if windows and (problem := _windows_problem(text)):
        raise UsageError(f"{text} {problem}.", "Name another file.")


def _windows_problem(text: str) -> str:
    # A drive and the beginning of \\?\ names have characters that names cannot have.
    rest = re.sub(r"^([\\/]{2}[?.][\\/])?([A-Za-z]:)?", "", text)
    for part in re.split(r"[\\/]+", rest):
        if part in ("", ".", ".."):
            continue
        if _RESERVED.fullmatch(part):
            return "has a name that Windows keeps for a device"
        if found := _NOT_ON_WINDOWS.search(part):
            return f"has {found[0]!r} in its name, which Windows does not allow"
        if part.endswith((" ", ".")):
            return "ends in a space or a full stop, which Windows drops"
    return ""
