"""Settings after a change, as a pure function."""

from __future__ import annotations

from dataclasses import replace

from livematte.options import changes
from livematte.options.changes import Change
from livematte.options.settings import LiveSettings


def changed(settings: LiveSettings, change: Change) -> LiveSettings:
    """The settings after a change of what is shown; those of the backgrounds stay.

    Raises `UsageError` if a value is none that can be.
    """
    if isinstance(change, changes.Mirror):
        return replace(settings, mirrored=change.on)
    if isinstance(change, changes.Freeze):
        return replace(settings, frozen=change.on)
    if isinstance(change, changes.Pause):
        return replace(settings, paused=change.on)
    if isinstance(change, changes.SetRefinement):
        asked = {
            "quality": change.quality,
            "without": change.without,
            "edge": change.edge,
            "light_wrap": change.light_wrap,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        settings = replace(settings, **given)  # type: ignore[arg-type]
        _ = settings.refinement  # raises if it is not valid
    return settings
