"""What the preview says of a run, as pure functions of its settings and state."""

from __future__ import annotations

import os
from typing import Final

from livematte.options.changes import (
    Change,
    NextBackground,
    PreviousBackground,
    ReplaceBackgrounds,
    SetBackground,
    SetBlur,
    SetRefinement,
)
from livematte.options.settings import LiveSettings, LiveSnapshot

_ABOUT_BACKGROUND: Final = (
    SetBackground,
    NextBackground,
    PreviousBackground,
    ReplaceBackgrounds,
    SetBlur,
)


def announcement(before: LiveSettings, now: LiveSettings, asked: Change | None = None) -> str:
    """What has changed, in a few words; "" for nothing.

    asked: a change that may have changed nothing, as at the end of a range: how it is, is said.
    """
    if before.recording != now.recording:
        return _recording(before, now)
    if before.paused != now.paused:
        return "Paused: others see the background alone" if now.paused else "Others see you again"
    if before.frozen != now.frozen:
        return "Frozen: others see this picture" if now.frozen else "The picture moves again"
    if before.mirrored != now.mirrored:
        return "Others see you mirrored" if now.mirrored else "Others see you as you are"
    if before.background != now.background or isinstance(asked, _ABOUT_BACKGROUND):
        return _background(now)
    if before.edge != now.edge or (isinstance(asked, SetRefinement) and asked.edge is not None):
        return f"Edge {now.edge:+d}" if now.edge else "Edge 0"
    if before.quality != now.quality:
        return f"Quality {now.quality}"
    if before.without != now.without:
        return f"Without {', '.join(sorted(now.without)) or 'nothing'}"
    if before.light_wrap != now.light_wrap:
        return f"Light wrap {now.light_wrap:g}"
    if before.camera != now.camera:
        return f"Camera {now.camera}"
    if (before.device, before.precision) != (now.device, now.precision):
        return f"Device {now.device}, precision {now.precision}"
    return ""


def _recording(before: LiveSettings, now: LiveSettings) -> str:
    if now.recording is not None:
        return f"Recording {now.recording.name}"
    return "" if before.recording is None else f"Recorded {before.recording.name}"


def _background(now: LiveSettings) -> str:
    count = len(now.backgrounds)
    place = f" ({now.background_index + 1} of {count})" if count > 1 else ""
    return f"Background {background_name(now.background)}{place}"


def background_name(background: str) -> str:
    """A background without the folders that its file is in."""
    return os.path.basename(background.rstrip("/\\")) or background


def statistics(snapshot: LiveSnapshot) -> tuple[tuple[str, str], ...]:
    """Names and values for the overlay. What is not known is left out."""
    settings, state = snapshot.settings, snapshot.state
    latency, cpu = state.latency_seconds, state.cpu_share
    rows = (
        ("Notice", state.notice),
        ("Rate", f"{state.frames_per_second:.1f} frames/s"),
        ("Latency", "" if latency is None else f"{latency * 1000:.0f} ms"),
        ("Dropped", f"{state.dropped} of {state.dropped + state.frames}"),
        ("CPU", "" if cpu is None else f"{cpu:.0%} of all cores"),
        ("Device", state.device),
        ("Camera", state.camera),
        ("Background", background_name(settings.background)),
    )
    return tuple(each for each in rows if each[1])
