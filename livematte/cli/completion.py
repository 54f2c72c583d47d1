"""Option values for shell completion. Nothing slow is loaded: a person waits after Tab."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from livematte.media.endings import GIF, PHOTO_ENDINGS, VIDEO_ENDINGS
from livematte.options.settings_file import profile_names

BACKGROUNDS: Final = (
    *("blur", "transparent", "green", "navy", "white", "black", "gray", "lightgray", "teal"),
    *("beige", "steelblue", "darkslategray"),
)
"""Suggestions for `--background`, which takes any CSS colour."""

CAMERAS: Final = Path("/sys/class/video4linux")


def words(*values: str) -> Callable[[str], list[str]]:
    """Complete to one of the values."""

    def complete(incomplete: str) -> list[str]:
        return [each for each in values if each.startswith(incomplete)]

    return complete


def several(*values: str) -> Callable[[str], list[str]]:
    """Complete to a comma-separated list of the values, each once."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [
            f"{before}{comma}{each}"
            for each in values
            if each.startswith(last) and each not in given
        ]

    return complete


def backgrounds(incomplete: str) -> list[str]:
    """Words, pictures and videos; other files are not offered."""
    found = [each for each in BACKGROUNDS if each.startswith(incomplete)]
    return [*found, *files(incomplete, PHOTO_ENDINGS | VIDEO_ENDINGS)]


def files(incomplete: str, endings: frozenset[str]) -> list[str]:
    """Files with one of the extensions, and folders, whose path begins with `incomplete`."""
    folder, begin = os.path.split(incomplete)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            found = [
                os.path.join(folder, each.name + ("/" if each.is_dir() else ""))
                for each in entries
                if each.name.startswith(begin)
                and (begin.startswith(".") or not each.name.startswith("."))
                and (each.is_dir() or Path(each.name).suffix.lower() in endings)
            ]
    except (OSError, ValueError):
        return []
    return sorted(found)


def videos(incomplete: str) -> list[str]:
    """Files with a video's extension."""
    return files(incomplete, VIDEO_ENDINGS | GIF)


def photos(incomplete: str) -> list[str]:
    """Files with a photo's extension."""
    return files(incomplete, PHOTO_ENDINGS - GIF)


def cameras(incomplete: str) -> list[tuple[str, str]]:
    """Camera devices with their names, where the system lists them without delay."""
    if not sys.platform.startswith("linux"):
        return [(each, f"camera {each}") for each in ("0", "1", "2") if each.startswith(incomplete)]
    found = []
    for device, name in _devices():
        number = device.removeprefix("/dev/video")
        value = device if incomplete.startswith("/") else number
        if value.startswith(incomplete):
            found.append((value, name))
    return found


def virtual_cameras(incomplete: str) -> list[tuple[str, str]]:
    """Devices that can be a virtual camera."""
    if not sys.platform.startswith("linux"):
        return []
    return [each for each in _devices() if each[0].startswith(incomplete)]


def _devices() -> list[tuple[str, str]]:
    try:
        names = sorted(os.listdir(CAMERAS), key=lambda name: (len(name), name))
    except OSError:
        return []
    return [(f"/dev/{each}", _name(CAMERAS / each / "name")) for each in names]


def _name(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def profiles(config: Path | None, incomplete: str) -> list[str]:
    """The profiles of the settings file."""
    return [each for each in profile_names(config) if each.startswith(incomplete)]


def weights(incomplete: str) -> Sequence[str]:
    """Names of weights, and weights files."""
    found = [each for each in ("photographic", "webcam") if each.startswith(incomplete)]
    return [*found, *files(incomplete, frozenset({".safetensors", ".xml"}))]
