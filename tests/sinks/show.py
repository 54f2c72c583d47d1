"""Runs a preview window in a process of its own: `python -m tests.sinks.show KEY=VALUE...`.

It shows pictures until it is told to quit, and prints which changes the window asked for.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.options.changes import (
    Change,
    Freeze,
    Mirror,
    NextBackground,
    Pause,
    PreviousBackground,
    Quit,
    SetBackground,
    SetBlur,
    SetRefinement,
    StartRecording,
    StopRecording,
)
from livematte.options.settings import LiveSettings, LiveSnapshot, LiveState
from livematte.sinks import PreviewWindow
from tests.sinks.pictures import picture

SIZE = Size(640, 360)
SMALL = Size(320, 180)
TITLE = "preview under test"

SLATES = 200
"""Of the scene in which pictures come late: for two seconds or three."""

GREY = (64, 64, 64)

SCENES: dict[str, Callable[[int], Rendered]] = {
    "opaque": lambda index: picture(SIZE, index),
    "transparent": lambda index: picture(SIZE, index, transparent=True),
    "late": lambda index: (
        picture(SIZE, -1, left=GREY, right=GREY) if index < SLATES else picture(SIZE, index)
    ),
    "small": lambda index: picture(SMALL, index),
    "mirrored": lambda index: picture(SIZE, index),
    "mirrored for all": lambda index: picture(SIZE, index),
    "mirrored slate": lambda index: picture(SIZE, -1 if index < SLATES else index),
}

STATE = LiveState(
    frames_per_second=25.0,
    latency_seconds=0.061,
    cpu_share=0.3,
    frames=1000,
    dropped=2,
    device="OpenVINO int8 on the CPU, matte at 512x288",
    camera="A camera with a long name (/dev/video0), 1280x720 at 30 frames/s",
    notice="",
    is_idle=False,
)


class Run:
    """The settings of a run that is not there, which do as they are told."""

    def __init__(self) -> None:
        self.settings = LiveSettings(("green", "/pictures/Straße.jpg", "blur:40"))

    def snapshot(self) -> LiveSnapshot:
        return LiveSnapshot(self.settings, STATE)

    def apply(self, change: Change) -> None:
        backgrounds, index = self.settings.backgrounds, self.settings.background_index
        match change:
            case SetBackground(int(number)):
                self._set(background_index=number)
            case NextBackground():
                self._set(background_index=(index + 1) % len(backgrounds))
            case PreviousBackground():
                self._set(background_index=(index - 1) % len(backgrounds))
            case SetBlur(sigma):
                names = [*backgrounds]
                names[index] = f"blur:{sigma:g}"
                self._set(backgrounds=tuple(names))
            case SetRefinement(edge=int(edge)):
                self._set(edge=edge)
            case Mirror(on):
                self._set(mirrored=on)
            case Freeze(on):
                self._set(frozen=on)
            case Pause(on):
                self._set(paused=on)
            case StartRecording():
                self._set(recording=Path("meeting.mp4"))
            case StopRecording():
                self._set(recording=None)

    def _set(self, **changed: Any) -> None:
        self.settings = replace(self.settings, **changed)


def show(scene: str) -> None:
    run = Run()
    run.apply(Mirror(scene == "mirrored for all"))
    window = PreviewWindow(TITLE, run.snapshot, mirrored=scene.startswith("mirrored"))
    window.open(SCENES[scene](0).size, Fraction(30))
    index = 0
    quitting = False
    while not quitting:
        sent = SCENES[scene](index)
        before = sent.image.copy(), sent.alpha.copy()
        window.send(sent)
        assert (sent.image == before[0]).all()
        assert (sent.alpha == before[1]).all()
        for change in window.poll():
            print(change, flush=True)
            run.apply(change)
            quitting |= isinstance(change, Quit)
        index += 1
        if index == 3:
            print("shown", flush=True)
        time.sleep(0.01)
    window.send(SCENES[scene](index))  # must not bring a closed window back
    print("still there" if is_there() else "gone", flush=True)
    window.close()
    window.close()
    print("snapshots", *window.snapshots, flush=True)


def is_there() -> bool:
    time.sleep(0.3)  # a window would have come back by then
    command = ["xdotool", "search", "--onlyvisible", "--name", f"^{TITLE}$"]
    found = subprocess.run(command, capture_output=True)
    return bool(found.stdout)


if __name__ == "__main__":
    try:
        show(sys.argv[1])
    except SinkError as error:
        print(error)
        sys.exit(1)
