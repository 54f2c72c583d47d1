"""Runs a preview window in a process of its own: `python -m tests.sinks.show KEY=VALUE...`.

It shows pictures until it is told to quit, and prints what the window asked for.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction

from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.sinks import Command, PreviewWindow
from tests.sinks.pictures import picture

SIZE = Size(640, 360)
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
}


def show(scene: str) -> None:
    window = PreviewWindow(TITLE, status=lambda: ["25.0 frames/s", "latency 61 ms"])
    window.open(SIZE, Fraction(30))
    index = 0
    quitting = False
    while not quitting:
        sent = SCENES[scene](index)
        before = sent.image.copy(), sent.alpha.copy()
        window.send(sent)
        assert (sent.image == before[0]).all()
        assert (sent.alpha == before[1]).all()
        for command in window.poll():
            print(command.name, flush=True)
            quitting |= command is Command.QUIT
        index += 1
        if index == 3:
            print("shown", flush=True)
        time.sleep(0.01)
    window.send(picture(SIZE))  # must not bring a closed window back
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
