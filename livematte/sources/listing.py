"""The cameras that can be opened here, for `livematte cameras`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from livematte.errors import SourceError

if TYPE_CHECKING:
    from livematte.linux.v4l2 import Mode


@dataclass(frozen=True)
class CameraInfo:
    """A camera that a user can choose.

    index: the number for --camera.
    modes: its sizes and rates, one line for each format; empty if the system does not tell.
    problem: why it cannot be used now; "" if it can.
    card: its name alone, as its maker wrote it; "" if `name` is the same.
    bus, serial: where it is plugged in, and its serial number; "" if the system does not tell.
    is_virtual: a program feeds it, or can feed it.
    is_colourless: an infrared or depth camera.
    is_fed_by_livematte: another run of livematte feeds it.
    """

    index: int
    name: str
    modes: tuple[str, ...]
    problem: str = ""
    card: str = ""
    bus: str = ""
    serial: str = ""
    is_virtual: bool = False
    is_colourless: bool = False
    is_fed_by_livematte: bool = False

    @property
    def called(self) -> str:
        return self.card or self.name

    @property
    def keys(self) -> tuple[str, ...]:
        """The values of --camera that mean it."""
        return tuple(filter(None, (self.called, self.bus, self.serial)))

    @property
    def is_usual(self) -> bool:
        """Whether it can be chosen for a user who names no camera."""
        return not self.problem and not self.is_colourless


def list_cameras() -> list[CameraInfo]:
    """The cameras that can be opened, ordered by number; starts none of them.

    Leaves out the devices of a camera that give no pictures. Only Linux reports the modes.
    """
    return list(_on_linux() if sys.platform == "linux" else _elsewhere())


def _on_linux() -> Iterator[CameraInfo]:
    from livematte.linux import camera as linux_camera
    from livematte.linux import formats, open_files, v4l2

    for path in v4l2.paths():
        index = int(path.removeprefix("/dev/video"))
        try:
            camera = linux_camera.query(path)
        except SourceError as error:
            yield CameraInfo(index, path, (), error.problem, v4l2.name_in_sysfs(path))
            continue
        info = CameraInfo(
            index,
            f"{camera.name} ({path})",
            tuple(_mode_lines(camera.modes)),
            formats.problem(camera.formats),
            camera.name,
            camera.bus,
            v4l2.serial_number(path),
            is_virtual=camera.is_loopback,
            is_colourless=formats.is_colourless(camera.name, camera.formats),
        )
        if camera.is_loopback and not camera.modes:
            yield replace(info, problem="a virtual camera; nothing is sending to it")
        elif camera.is_loopback:
            ours = any(each.is_livematte for each in open_files.holders(path).seen)
            yield replace(info, is_fed_by_livematte=ours)
        elif camera.gives_pictures:
            yield info


def _mode_lines(modes: list[Mode]) -> Iterator[str]:
    """One line for the FOURCCs with equal modes: "MJPG, YUYV: 1920x1080 at 30, 1280x720 at 60"."""
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

    from livematte.linux import formats
    from livematte.sources.backend import capture_backend

    for camera in enumerate_cameras(capture_backend()):
        yield CameraInfo(
            camera.index,
            camera.name,
            (),
            is_virtual="virtual" in camera.name.casefold(),
            is_colourless=formats.is_colourless(camera.name, ()),
        )


def find_by_name(index: int, name: str) -> int:
    """The current number of a camera that had `index` before. Linux has better ways to find it.

    Raises `SourceError` if it is not plugged in.
    """
    found = [each.index for each in list_cameras() if each.name == name]
    if index in found:
        return index
    if not found:
        raise SourceError(f'The camera "{name}" is not plugged in.', "Plug it in again.")
    return found[0]
