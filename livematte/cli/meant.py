"""The complete command that a person probably meant, to copy."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from glob import has_magic
from itertools import islice
from pathlib import Path
from typing import Final

from livematte.doctor.finding import command_line
from livematte.errors import SourceError, UsageError
from livematte.media.endings import GIF, PHOTO_ENDINGS, VIDEO_ENDINGS
from livematte.media.names import STANDARD_STREAM, at_home
from livematte.text.near import did_you_mean, near, near_file

MOST_IN_PHOTO: Final = 2

MOST_WORDS: Final = 12
"""The longest name with spaces to look for, in words."""

_WORDS: Final = ("demo", "help", "version", "virtual-camera")
"""Options that are often typed without their dashes."""


def is_video(name: str | Path) -> bool:
    """By the ending of the name."""
    return Path(name).suffix.lower() in VIDEO_ENDINGS | GIF


def is_photo(name: str | Path) -> bool:
    """By the ending of the name."""
    return Path(name).suffix.lower() in PHOTO_ENDINGS - GIF


def matted_name(name: str) -> str:
    """A name for the result of a video, in the same folder: clip-matted.mp4."""
    path = Path(name)
    ending = path.suffix.lower() if path.suffix.lower() in (".mkv", ".mov", ".webm") else ".mp4"
    return str(path.parent / f"{path.stem or 'video'}-matted{ending}")


def video_command(name: str, words: Sequence[str] = ()) -> str:
    """`livematte video` for the file `name`, with the other words as typed."""
    has_output = any(re.match(r"-o|--output(=|$)", each) for each in words)
    return command_line(
        "livematte", "video", name, *words, *(() if has_output else ("-o", matted_name(name)))
    )


def image_command(*words: str) -> str:
    """`livematte image` with the words."""
    return command_line("livematte", "image", *words)


def require_photos(names: Sequence[str]) -> None:
    """Raises `UsageError` if all are videos, `SourceError` with a guess if all are mistyped."""
    if names and all(is_video(each) and not each.lower().endswith(".gif") for each in names):
        raise UsageError(f"{names[0]} is a video.", f"Use: {video_command(names[0])}")
    paths = [Path(at_home(each)) for each in names]
    if paths and not any(os.path.lexists(each) or has_magic(str(each)) for each in paths):
        found = [near_file(each) for each in paths]
        if None not in found:
            raise SourceError(
                f"There is no such file: {names[0]}.",
                f"Did you mean: {image_command(*map(str, found))}",
            )


def refuse_other(path: Path) -> None:
    """Raises `UsageError` if `path` is a folder or a photo, not a video."""
    # Not Path.is_dir, which raises where a name is too long.
    if os.path.isdir(path):
        raise UsageError(
            f"{path} is a folder.",
            f"Name a video in it. For a folder of photos: {image_command(str(path))}",
        )
    if os.path.exists(path) and (is_photo(path) or holds_photo(path)):
        raise UsageError(f"{path} is a photo.", f"Use: {image_command(str(path))}")


def refuse_photo_from(stream: str | Path, file: Path) -> None:
    """Raises `UsageError` if a photo came through a pipe.

    stream: the pipe, or "-". file: a copy of its content.
    """
    if not holds_photo(file):
        return
    if str(stream) == STANDARD_STREAM:
        raise UsageError("The standard input is a photo.", "Use: livematte image - -o -")
    raise UsageError(
        f"{stream} is a photo.",
        f"Use: {image_command('-', '-o', '-')} < {shlex.quote(str(stream))}",
    )


def holds_photo(path: Path) -> bool:
    """Whether a file holds one picture, whatever its name, or two: phones add a second one."""
    import av

    from livematte.media.photo.kinds import begins_like_a_photo
    from livematte.media.regular_file import open_regular
    from livematte.media.video.container import open_container

    try:
        with open_regular(path) as file:
            head = file.read(16)
        if not begins_like_a_photo(head) or head.startswith(b"GIF"):
            return False
        with open_container(path) as container:
            pictures = (each for each in container.demux(video=0) if each.size)
            return sum(1 for _ in islice(pictures, MOST_IN_PHOTO + 1)) <= MOST_IN_PHOTO
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return False  # what cannot be read is reported where it is read


def require_file(path: Path) -> None:
    """Raises `SourceError` if there is no such file, and suggests one with a similar name."""
    if str(path) == STANDARD_STREAM and not os.path.exists(path):
        raise SourceError(
            "A live run does not read the standard input.", "Use: livematte video - -o matted.mp4"
        )
    if not os.path.exists(path):
        raise SourceError(
            f"{path} cannot be read: there is no such file.",
            f"{did_you_mean(near_file(path))}Check the name and the folder.",
        )


def meant(word: str, before: Sequence[str], after: Sequence[str], commands: Sequence[str]) -> str:
    """The command probably meant by `livematte BEFORE WORD AFTER`; "" if there is no guess.

    word: what was typed in place of a command.
    """
    if re.fullmatch(r"\d{1,3}|/dev/.+|(rtsps?|https?|rtmps?|udp)://.*", word):
        return command_line("livematte", *before, "--camera", word, *after)
    if word in _WORDS:
        return command_line("livematte", *before, f"--{word}", *after)
    command = near(word, commands)
    if command is not None and not os.path.exists(word):
        return command_line("livematte", *before, command, *after)
    path = Path(word)
    if not os.path.lexists(path) and (path.suffix or os.sep in word):
        path = near_file(path) or path
    name = str(path)
    if is_video(name):
        return video_command(name, [*before, *after])
    if is_photo(name) or os.path.isdir(path):
        return image_command(name, *before, *after)
    if path.suffix == ".toml":
        return command_line("livematte", *before, "--config", name, *after)
    option = near(word, _WORDS)
    if option is not None:
        return command_line("livematte", *before, f"--{option}", *after)
    if re.fullmatch(r"blur(:.*)?|#?[0-9a-fA-F]{6}|transparent", word) or _is_colour(word):
        return command_line("livematte", *before, "--background", word, *after)
    return ""


def _is_colour(word: str) -> bool:
    from livematte.backgrounds.css_colour import colour_names

    return word.lower() in colour_names()


def as_one_name(words: Sequence[str]) -> str | None:
    """The file whose name the shell split at its spaces; None if there is none.

    words: consecutive arguments, such as "my", "clip.mp4".
    """
    for count in range(min(len(words), MOST_WORDS), 1, -1):
        for first in range(len(words) - count + 1):
            name = " ".join(words[first : first + count])
            if os.path.lexists(name):
                return name
    return None
