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

import sys
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from livematte.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES: Final = "profiles"

PATHS: Final = ("input", "output", "config")
PERHAPS_PATHS: Final = ("background", "weights")
"""Names of other things too: taken for a path where there is such a file."""

Settings = dict[str, Any]


def usual_path() -> Path:
    """Where settings are looked for: ~/.config/livematte/config.toml on Linux."""
    return user_config_path("livematte", appauthor=False) / "config.toml"


def read(path: Path | None, profile: str | None) -> tuple[Path, Settings]:
    """The file that was read, and the settings of `profile` over those for all.

    path: None for `usual_path`, which need not be there.

    Raises `UsageError` if the file cannot be read, is no TOML, or has no such profile.
    """
    asked, path = path, (path or usual_path()).expanduser()
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if asked is None and profile is None:
            return path, {}
        raise UsageError(
            f"There is no settings file {path}.", "Write one, or leave out --config and --profile."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Name another --config.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}.", "Correct it there.") from error
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
        path = folder / Path(value).expanduser()
        return str(path) if key in PATHS or path.exists() else value

    return {key: resolved(key, value) for key, value in settings.items()}
