"""Whether a Linux device is a camera that can be opened, and if not, what prevents it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from livematte.errors import SourceError
from livematte.linux import device_permission, formats, v4l2
from livematte.linux.v4l2 import Mode

UDEV_LINKS: Final = "/dev/v4l/"
"""The links in this folder exist as long as their cameras are plugged in."""


class V4l2Camera(NamedTuple):
    """What a device reports about itself."""

    name: str
    gives_pictures: bool
    is_loopback: bool
    modes: list[Mode]
    bus: str

    @property
    def formats(self) -> list[str]:
        """The picture formats, such as "MJPG", in the driver's order; empty if it does not tell."""
        return list(dict.fromkeys(each.fourcc for each in self.modes))


def query(path: str) -> V4l2Camera:
    """Ask the driver. Opens the device for a moment, without starting it.

    Raises `SourceError` if the device does not exist or cannot be opened.
    """
    try:
        with v4l2.opened(path) as descriptor:
            device = v4l2.capabilities(descriptor)
            modes = list(v4l2.modes(descriptor)) if device.gives_pictures else []
            is_loopback = device.driver == v4l2.LOOPBACK_DRIVER
            return V4l2Camera(device.name, device.gives_pictures, is_loopback, modes, device.bus)
    except FileNotFoundError as error:
        if path in v4l2.paths():
            raise SourceError(
                f"The kernel lists the camera {path}, but its device file is missing.",
                "In a container, add the device when you start it: "
                f"`docker run --device {path} ...`.",
            ) from error
        known = ", ".join(v4l2.paths()) or "none"
        raise SourceError(
            f"There is no camera {path} (video devices here: {known}).",
            "Plug it in, or choose one that `livematte cameras` lists.",
        ) from error
    except PermissionError as error:
        raise SourceError(
            f"You do not have permission to open the camera {path}.",
            device_permission.remedy(path),
        ) from error
    except OSError as error:
        raise SourceError(
            f"{path} could not be queried as a camera: {error.strerror}.",
            "Choose one that `livematte cameras` lists.",
        ) from error


def require_camera(path: str) -> V4l2Camera:
    """`query`, but raise `SourceError` if the device gives no pictures that livematte can use."""
    camera = query(path)
    # A loopback without exclusive_caps is always a camera, but has formats only while it is fed.
    if camera.is_loopback and not camera.modes:
        raise SourceError(
            f"{path} ({camera.name}) is a virtual camera; nothing is sending to it.",
            "First start the program that sends to it, or choose another from `livematte cameras`.",
        )
    if camera.gives_pictures:
        if unusable := formats.problem(camera.formats):
            raise SourceError(
                f"{path} ({camera.name}) {unusable}.", formats.remedy(camera.formats, path)
            )
        return camera
    raise SourceError(
        f"{path} ({camera.name}) gives no pictures; many cameras have such a device beside "
        "the one that gives pictures.",
        "Choose one that `livematte cameras` lists.",
    )


class Identity(NamedTuple):
    """Recognises a camera that was unplugged and comes back as another device.

    others: where other cameras of the same name are plugged in; they must not be mistaken for it.
    link: the link that the user named, such as /dev/v4l/by-id/usb-..., which udev makes again for
        the same camera wherever it is plugged in; "" if the user named no link.
    """

    path: str
    name: str
    bus: str
    others: frozenset[str]
    link: str = ""

    def find(self) -> str:
        """The path that it has now. Raises `SourceError` if it is not plugged in."""
        if self.link:
            with suppress(SourceError):
                if query(os.path.realpath(self.link)).name == self.name:
                    return self.link
            if self.link.startswith(UDEV_LINKS):
                raise SourceError(
                    f'The camera "{self.name}" is not plugged in.', "Plug it in again."
                )
        found = {path: bus for path, bus in _called(self.name) if bus not in self.others}
        if found.get(self.path) == self.bus:
            return self.path
        for path, bus in found.items():
            if bus == self.bus:
                return path
        for path in found:
            return path  # in another socket
        raise SourceError(f'The camera "{self.name}" is not plugged in.', "Plug it in again.")


def identify(device: int | str) -> Identity:
    """Raises `SourceError` if there is no such camera."""
    named = f"/dev/video{device}" if isinstance(device, int) else device
    path = os.path.realpath(named)
    camera = query(path)
    others = {bus for other, bus in _called(camera.name) if other != path} - {camera.bus}
    link = named if os.path.islink(named) else ""
    return Identity(path, camera.name, camera.bus, frozenset(others), link)


def _called(name: str) -> Iterator[tuple[str, str]]:
    """Path and bus of each device with that name that gives pictures."""
    for path in v4l2.paths():
        with suppress(OSError), v4l2.opened(path) as descriptor:
            device = v4l2.capabilities(descriptor)
            if device.name == name and device.gives_pictures:
                yield path, device.bus


def is_held(path: str) -> bool:
    """Whether a program is using the camera, even one that this user cannot see."""
    try:
        with v4l2.opened(path) as descriptor:
            return v4l2.is_held(descriptor)
    except OSError as error:
        return error.errno == errno.EBUSY
