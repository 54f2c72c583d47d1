"""The cameras that can be opened here, for `livematte cameras`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livematte.errors import SourceError

if TYPE_CHECKING:
    from livematte.v4l2 import Mode


@dataclass(frozen=True)
class CameraInfo:
    """A camera as a person chooses it.

    index: what --camera takes.
    modes: what it offers, a line for each kind of picture; empty where the system does not tell.
    problem: why it cannot be opened now; "" if nothing speaks against it.
    """

    index: int
    name: str
    modes: tuple[str, ...]
    problem: str = ""


def list_cameras() -> list[CameraInfo]:
    """What can be opened, in the order of --camera's numbers; no camera is started.

    Devices of a camera that give no pictures are left out. Only Linux tells the modes.
    """
    return list(_on_linux() if sys.platform == "linux" else _elsewhere())


def _on_linux() -> Iterator[CameraInfo]:
    from livematte import v4l2
    from livematte.sources import linux_camera

    for path in v4l2.paths():
        index = int(path.removeprefix("/dev/video"))
        try:
            camera = linux_camera.query(path)
        except SourceError as error:
            yield CameraInfo(index, path, (), error.problem)
            continue
        name = f"{camera.name} ({path})"
        if camera.gives_pictures:
            yield CameraInfo(index, name, tuple(_mode_lines(camera.modes)))
        elif camera.is_loopback:
            yield CameraInfo(index, name, (), "a virtual camera that no program feeds now")


def _mode_lines(modes: list[Mode]) -> Iterator[str]:
    """One line for the FOURCCs that come alike: "MJPG, YUYV: 1920x1080 at 30, 1280x720 at 60"."""
    offers: dict[str, list[Mode]] = {}
    for mode in sorted(modes, key=lambda mode: (-mode.size.width, -mode.size.height)):
        offers.setdefault(mode.fourcc, []).append(mode)
    alike: dict[str, list[str]] = {}
    for fourcc, offered in offers.items():
        alike.setdefault(", ".join(map(_mode_text, offered)), []).append(fourcc)
    for text, fourccs in alike.items():
        yield f"{', '.join(fourccs)}: {text}"


def _mode_text(mode: Mode) -> str:
    least = f"{mode.smallest} to " if mode.smallest else ""
    rate = f" at {float(mode.frames_per_second):.3g}" if mode.frames_per_second else ""
    return f"{least}{mode.size}{rate}"


def _elsewhere() -> Iterator[CameraInfo]:
    from cv2_enumerate_cameras import enumerate_cameras

    from livematte.sources.camera import capture_backend

    for camera in enumerate_cameras(capture_backend()):
        yield CameraInfo(camera.index, camera.name, ())


def find_by_name(index: int, name: str) -> int:
    """The number that a camera has now, which had `index` before. Not for Linux, which tells more.

    Raises `SourceError` if it is not there.
    """
    found = [each.index for each in list_cameras() if each.name == name]
    if index in found:
        return index
    if not found:
        raise SourceError(f'The camera "{name}" is not there.', "Plug it in again.")
    return found[0]
