"""Finds the cameras, what they offer, and why livematte cannot use one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from livematte.doctor.finding import Finding, note, ok, problem
from livematte.doctor.linux import end_command, not_let_in
from livematte.linux.device_permission import permission

if TYPE_CHECKING:
    from livematte.sources import CameraInfo

PRIVACY_SETTINGS: Final = {
    "win32": "start ms-settings:privacy-webcam",
    "darwin": 'open "x-apple.systempreferences:com.apple.preference.security?Privacy_Camera"',
}


def check() -> Iterator[Finding]:
    from livematte.sources import list_cameras

    cameras = list_cameras()
    return (
        _on_linux(cameras)
        if sys.platform == "linux"
        else elsewhere(cameras, _open_for_a_moment, sys.platform)
    )


def _open_for_a_moment(index: int) -> None:
    from livematte.sources import Camera

    with Camera(index):
        pass


def _on_linux(cameras: Sequence[CameraInfo]) -> Iterator[Finding]:
    from livematte.linux import v4l2
    from livematte.linux.v4l2loopback import VIRTUAL_DEVICES

    loopbacks = v4l2.paths(VIRTUAL_DEVICES)
    found = False
    for camera in cameras:
        path = f"/dev/video{camera.index}"
        if path not in loopbacks:
            found = True
            yield _examine(path, camera)
        elif not camera.problem:
            # It is a camera while a program feeds it, and several programs can read it.
            found = True
            yield ok(_called(camera), camera.modes)
    if not found:
        yield _none()


def _examine(path: str, camera: CameraInfo) -> Finding:
    from livematte.linux import open_files, v4l2

    name = _called(camera)
    try:
        with v4l2.opened(path) as descriptor:
            if not v4l2.is_held(descriptor):
                return _usable(name, path, camera)
    except PermissionError:
        return problem(f"{name}: you do not have permission to open it.", *permission(path))
    except FileNotFoundError:
        return problem(
            f"{name}: the kernel lists it, but its device file is missing.", *not_let_in(path)
        )
    except OSError as error:
        return problem(f"{name}: it cannot be opened ({error.strerror}).", "Plug it in again.")
    holding = open_files.holders(path).seen
    if not holding:
        return problem(
            f"{name}: it is in use by a program that only the administrator can see.",
            "Find that program and close it:",
            f"sudo fuser -v {path}",
        )
    return problem(
        f"{name}: it is in use by {', '.join(map(str, holding))}.",
        "Close that program, or end it:"
        if len(holding) == 1
        else "Close the program that shows it.",
        end_command(holding),
    )


def _usable(name: str, path: str, camera: CameraInfo) -> Finding:
    from livematte.linux import camera as linux_camera
    from livematte.linux import formats

    if camera.problem:
        found = linux_camera.query(path).formats
        return note(f"{name}: it {camera.problem}.", formats.remedy(found, path))
    if camera.is_colourless:
        return ok(f"{name} (infrared camera; used only if you choose it)", camera.modes)
    return ok(name, camera.modes)


def elsewhere(
    cameras: Sequence[CameraInfo], open_for_a_moment: Callable[[int], None], platform: str
) -> Iterator[Finding]:
    """Check cameras on systems that report only their names, by trying to open each one.

    open_for_a_moment: takes --camera's number; raises `SourceError` if the camera gives no picture.
    """
    from livematte.errors import SourceError

    for camera in cameras:
        name = _called(camera)
        try:
            open_for_a_moment(camera.index)
        except SourceError as error:
            settings = PRIVACY_SETTINGS.get(platform, "")
            yield problem(f"{name}: {error.problem}", error.remedy, settings)
        else:
            yield ok(name)
    if not cameras:
        yield _none()


def _called(camera: CameraInfo) -> str:
    return f"--camera {camera.index}: {camera.name}"


def _none() -> Finding:
    return problem(
        "No camera was found.", "Plug one in. To try livematte without one:", "livematte --demo"
    )
