"""The settings file: options of the command line, written down once.

    background = ["office.jpg", "blur"]
    virtual-camera = true
    no-preview = true

    [video]                    # options of `livematte video`
    matte-quality = "best"

    [profiles.demo]            # with --profile demo, over those above
    demo = true

TOML. Keys are the options' long names without the dashes. `~` is the home folder, and paths are
relative to the file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from livematte.errors import UsageError
from livematte.media.names import address_of, names_files
from livematte.regular_file import read_small

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES: Final = "profiles"

PATHS: Final = ("input", "output", "config")
PERHAPS_PATHS: Final = ("background", "weights")
"""Names of other things too: taken for a path where there is such a file."""

MOST_BYTES: Final = 1 << 16
"""Of a settings file; a long one has a hundredth of it."""

MOST_LEVELS: Final = 8
"""Of tables in tables: profiles.NAME.bench.quality and a list are five."""

MOST_DOTS: Final = 500
"""In a line. Keys of many parts take the parser a time that grows with the square of them."""

Settings = dict[str, Any]


def usual_path() -> Path:
    """Where settings are looked for: ~/.config/livematte/config.toml on Linux."""
    return user_config_path("livematte", appauthor=False) / "config.toml"


def read(path: Path | None, profile: str | None) -> tuple[Path, Settings]:
    """The file that was read, and the settings of `profile` over those for all.

    path: None for `usual_path`, which need not be there.

    Raises `UsageError` if the file cannot be read, is no TOML, or has no such profile.
    """
    asked, path = path, _at_home(path or usual_path())
    try:
        text = read_small(path, MOST_BYTES).decode("utf-8-sig")
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise RecursionError
        settings = tomllib.loads(text)
        _require_shallow(settings)
    except FileNotFoundError as error:
        if asked is None and profile is None:
            return path, {}
        raise UsageError(
            f"There is no settings file {path}.", "Write one, or leave out --config and --profile."
        ) from error
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}."
        raise UsageError(problem, "Name another --config.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8.", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}.", "Correct it there.") from error
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply.", "Correct it there.") from error
    except ValueError as error:
        raise UsageError(f"{path} has a number of too many digits.", "Correct it there.") from error
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
                f"{path} has no profile {profile!r}, only: {known}.",
                f"Begin it with [{PROFILES}.{profile}].",
            )
        settings = _over(profiles[profile], settings)
    return path, _with_paths(settings, path.parent)


def _at_home(path: Path) -> Path:
    """With `~` as the home folder; not Path.expanduser, which raises where ~NAME is nobody's."""
    return Path(os.path.expanduser(path))


def _require_shallow(settings: Settings) -> None:
    """Raises RecursionError, early: what follows goes into tables by calling itself."""
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
    merged = dict(lower)
    for key, value in upper.items():
        below = lower.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _over(value, below)
        else:
            merged[key] = value
    return merged


def _with_paths(settings: Settings, folder: Path) -> Settings:
    """With paths relative to `folder` made absolute, in tables too."""

    def resolved(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return _with_paths(value, folder)
        if isinstance(value, list):
            return [resolved(key, each) for each in value]
        if not isinstance(value, str) or key not in (*PATHS, *PERHAPS_PATHS):
            return value
        if address_of(value):
            return value
        path = os.path.join(folder, os.path.expanduser(value))  # with a slash at its end, if any
        return path if key in PATHS or names_files(path) else value

    return {key: resolved(key, value) for key, value in settings.items()}
