"""The settings file: options of the command line, saved.

    background = ["office.jpg", "blur"]
    virtual-camera = true
    no-preview = true

    [video]                    # options of `livematte video`
    quality = "best"

    [profiles.demo]            # with --profile demo, these override those above
    demo = true

TOML. Keys are the options' long names without the dashes. `~` is the home folder, and paths are
relative to the file.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from livematte.errors import UsageError
from livematte.media.names import address_of, at_home, names_files
from livematte.media.regular_file import read_small
from livematte.text.near import did_you_mean, near, near_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES: Final = "profiles"

PATHS: Final = ("input", "output", "zip", "config")
NO_PATHS: Final = ("none", "-")
"""Their values that do not name a file: no option, and the standard output."""

PERHAPS_PATHS: Final = ("background", "weights")
"""These can name other things too: they are paths if such a file exists."""

MOST_BYTES: Final = 1 << 16
"""Of a settings file; a long one has a hundredth of this."""

MOST_LEVELS: Final = 8
"""Of tables in tables: profiles.NAME.bench.quality and a list are five."""

MOST_DOTS: Final = 500
"""In a line. The parser's time for a key grows with the square of its parts."""

Settings = dict[str, Any]


def usual_path() -> Path:
    """Where settings are looked for: ~/.config/livematte/config.toml on Linux."""
    return user_config_path("livematte", appauthor=False) / "config.toml"


def read(path: Path | None, profile: str | None) -> tuple[Path, Settings]:
    """The file that was read, and the settings of `profile` over those for all.

    path: None for `usual_path`, which may be missing.

    Raises `UsageError` if the file cannot be read, is not TOML, or has no such profile.
    """
    asked, path = path, Path(at_home(str(path or usual_path())))
    try:
        settings = _parsed(read_small(path, MOST_BYTES), path)
    except FileNotFoundError as error:
        if asked is None and profile is None:
            return path, {}
        found = near_file(path) if asked is not None else None
        raise UsageError(
            f"There is no settings file {path}.",
            f"{did_you_mean(found)}Write one, or leave out --config and --profile.",
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", _other(error)) from error
    profiles = settings.pop(PROFILES, {})
    if not isinstance(profiles, dict) or not all(
        isinstance(each, dict) for each in profiles.values()
    ):
        raise UsageError(
            f"{path}: {PROFILES} are tables, one for each profile.",
            f"Begin one with [{PROFILES}.NAME].",
        )
    if profile is not None:
        if profile not in profiles:
            known = ", ".join(profiles) or "none"
            raise UsageError(
                f"{path} has no profile {profile!r} (found: {known}).",
                f"{did_you_mean(near(profile, profiles))}To add one, write [{PROFILES}.{profile}].",
            )
        settings = _over(profiles[profile], settings)
    return path, _with_paths(settings, path.parent)


def profile_names(path: Path | None) -> list[str]:
    """The profiles of a settings file; none if it cannot be read."""
    path = Path(at_home(str(path or usual_path())))
    try:
        profiles = _parsed(read_small(path, MOST_BYTES), path).get(PROFILES)
    except (OSError, UsageError):
        return []
    return list(profiles) if isinstance(profiles, dict) else []


def key_line(path: Path, profile: str | None, where: Sequence[str]) -> int | None:
    """The line of the file in which a key is set, for all or in `profile`, counted from 1.

    where: the key with the tables that it is in: ("video", "start").

    None if it is not found: TOML has many ways to write a key, and this knows the usual ones.
    """
    try:
        lines = read_small(path, MOST_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    key = tuple(where)
    wanted = {key} if profile is None else {key, (PROFILES, profile, *key)}
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif assigned := _ASSIGNED.match(line):
            found.setdefault((*table, *_parts(assigned[1])), number)
    numbers = [found[each] for each in sorted(wanted, key=len, reverse=True) if each in found]
    return numbers[0] if numbers else None


_HEADER: Final = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]")
_ASSIGNED: Final = re.compile(r"""\s*([\w."' \t-]{1,200}?)\s*=""")


def _parts(name: str) -> tuple[str, ...]:
    return tuple(each.strip().strip("\"'") for each in name.split("."))


def _parsed(data: bytes, path: Path) -> Settings:
    """Raises `UsageError` if it is not TOML."""
    try:
        text = data.decode("utf-8-sig")
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise RecursionError
        if "\0" in text:
            raise UnicodeDecodeError("utf-8", data, 0, 1, "it has zeros")
        settings = tomllib.loads(text)
        _require_shallow(settings)
    except UnicodeDecodeError as error:
        encoding = _encoding(data)
        what = f": it seems to be {encoding}" if encoding else ""
        raise UsageError(
            f"{path} is not text in UTF-8{what}.",
            "Save it as UTF-8; Windows Notepad asks for the encoding under Save as.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", _toml_hint(text, error)) from error
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply.", _FIX) from error
    except ValueError as error:
        raise UsageError(f"{path} has a number of too many digits.", _FIX) from error
    return settings


_FIX: Final = "Fix it in that file."


def _encoding(data: bytes) -> str:
    """The probable encoding of a text that is not UTF-8; "" if there is no guess."""
    for mark, name in ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32")):
        if data.startswith(mark):
            return name
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    zeros = data.count(0)
    # Half of the bytes of western text in UTF-16 are zeros; other text has few.
    return "UTF-16" if zeros > len(data) // 4 else "binary" if zeros else ""


def _toml_hint(text: str, error: Exception) -> str:
    """How to fix invalid TOML, judged by the line that the parser could not read."""
    number = re.search(r"line (\d+)", str(error))
    lines = text.splitlines()
    if number is None:  # at the end of the document
        line = next((each for each in reversed(lines) if each.strip()), "")
    else:
        line = lines[int(number[1]) - 1] if int(number[1]) <= len(lines) else ""
    if re.match(r"\s*[\w-]+\s*=\s*#", line):
        return '# begins a comment: put the colour in quotes, "#1e90ff".'
    if re.match(r"\s*--?\w", line):
        return "Write options without the dashes: no-preview = true."
    if re.match(r"\s*[\w-]+\s*:", line):
        return "Write = between a key and its value."
    if re.match(r"\s*[\w-]+\s*=\s*(True|False|yes|no|on|off)\b", line):
        return "Write true or false, in small letters and without quotes."
    if re.match(r"""\s*[\w-]+\s*=\s*[^"'\[{\d\s+-]""", line):
        return 'Put texts in quotes: quality = "best".'
    if re.match(r"""\s*[\w-]+\s*=\s*"[A-Za-z]:\\""", line):
        return "Put paths with backslashes in single quotes: 'C:\\pictures\\beach.jpg'."
    return _FIX


def _other(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "Allow yourself to read it, or use another: --config FILE, or --config none."
    return "Use another one, --config FILE, or --config none."


def _require_shallow(settings: Settings) -> None:
    """Raises RecursionError early: the functions that follow call themselves for each table."""
    layer: list[Any] = [settings]
    for _ in range(MOST_LEVELS):
        layer = [
            value
            for each in layer
            for value in (each.values() if isinstance(each, dict) else each)
            if isinstance(value, (dict, list))
        ]
    if layer:
        raise RecursionError


def _over(upper: Settings, lower: Settings) -> Settings:
    # An option undoes its opposite: no-preview and preview.
    merged = {key: value for key, value in lower.items() if _opposite(key) not in upper}
    for key, value in upper.items():
        below = lower.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _over(value, below)
        else:
            merged[key] = value
    return merged


def _opposite(key: str) -> str:
    return key[3:] if key.startswith("no-") else f"no-{key}"


def _with_paths(settings: Settings, folder: Path) -> Settings:
    """With paths relative to `folder` made absolute, in tables too."""

    def resolved(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return _with_paths(value, folder)
        if isinstance(value, list):
            return [resolved(key, each) for each in value]
        if not isinstance(value, str) or key not in (*PATHS, *PERHAPS_PATHS) or value in NO_PATHS:
            return value
        if address_of(value):
            return value
        path = os.path.join(folder, at_home(value))  # with a slash at its end, if any
        return path if key in PATHS or names_files(path) else value

    return {key: resolved(key, value) for key, value in settings.items()}
