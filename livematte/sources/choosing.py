"""Which camera the value of --camera means, and which one to use if it is not given.

2, /dev/video2, rtsp://...     used unchanged
C920, "HD Pro Webcam"          the camera with that name, or with this as a part of its name
usb-0000:00:14.0-1, 8C4D02AF   the camera that is plugged in there, or has this serial number
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from livematte.errors import SourceError
from livematte.sources.listing import CameraInfo, list_cameras
from livematte.text.addresses import is_address, shown_address
from livematte.text.counted import counted
from livematte.text.near import near

FIRST_CAMERA: Final = 0

_OURS: Final = ("obs virtual camera", "unity video capture", "livematte")
"""Parts of the names of virtual cameras that livematte itself may feed."""


def find_camera(wanted: int | str) -> int | str:
    """The number, path or address of the camera that `wanted` means, for `Camera`.

    Raises `SourceError`, with a list of the cameras, if no camera or several have that name.
    """
    if isinstance(wanted, int) or _is_path(wanted) or is_address(wanted):
        return wanted
    if wanted.isdecimal() and len(wanted) < 5:
        return int(wanted)
    cameras = list_cameras()
    found = _named(wanted, cameras)
    if not found:
        raise _unknown(wanted, cameras)
    if len(found) > 1:
        # Of the several that one device has, such as for H.264 and infrared, one is usable.
        found = [each for each in found if each.is_usual] or found
    if len(found) > 1:
        raise SourceError(
            f"{counted(len(found), 'camera')} are called {shown_address(wanted)!r}: "
            f"{_listed(found)}.",
            f"Choose one by number, as in --camera {found[0].index}{_or_by_bus(found[0])}.",
        )
    return found[0].index


def usual_camera() -> int:
    """The number of the first usable camera, which is never livematte's own virtual camera.

    Skips infrared cameras, cameras whose pictures cannot be decoded, and cameras that are in use
    according to the driver; users can still name them.

    Raises `SourceError`, with the reason for each camera, if there is none.
    """
    try:
        cameras = list_cameras()
    except ImportError:  # the library that lists cameras on other systems than Linux
        return FIRST_CAMERA
    real = [each for each in cameras if not each.is_virtual]
    virtual = [each for each in cameras if each.is_virtual and not _is_ours(each)]
    for each in (*real, *virtual):
        if each.is_usual:
            return each.index
    # Opening it fails with a message that says why, and what to do.
    for each in real:
        if each.problem:
            return each.index
    if not cameras:
        return FIRST_CAMERA
    raise SourceError(
        f"No camera gives colour pictures: {_listed(cameras)}.",
        "Plug one in, choose one of these with --camera, or try livematte --demo.",
    )


def _is_path(text: str) -> bool:
    starts = ("/", "./", "../", "~", "\\")
    return text.startswith(starts) or os.path.lexists(text) or text[1:3] == ":\\"


def _named(wanted: str, cameras: Sequence[CameraInfo]) -> list[CameraInfo]:
    """Those with exactly that name, bus or serial number; else those with it in the name."""
    text = wanted.strip().casefold()
    if not text:
        return []
    exact = [each for each in cameras if text in (key.casefold() for key in each.keys if key)]
    return exact or [each for each in cameras if text in each.called.casefold()]


def _unknown(wanted: str, cameras: Sequence[CameraInfo]) -> SourceError:
    shown = shown_address(wanted)
    cameras = [each for each in cameras if not (each.is_virtual and each.problem)]
    problem = f"There is no camera {shown!r} (cameras here: {_listed(cameras) or 'none'})."
    cards = {each.called.casefold(): each for each in cameras}
    words = {word.casefold(): each for each in cameras for word in each.called.split()}
    known = {**words, **cards}
    meant = near(wanted.strip().casefold(), known)
    if meant is not None:
        camera = known[meant]
        return SourceError(problem, f'Did you mean --camera "{camera.called}"?')
    return SourceError(
        problem, "Choose one of these by number or name, or run `livematte cameras`."
    )


def _or_by_bus(camera: CameraInfo) -> str:
    return f", or by its USB port: --camera {camera.bus}" if camera.bus else ""


def _listed(cameras: Sequence[CameraInfo]) -> str:
    return ", ".join(_described(each) for each in cameras)


def _described(camera: CameraInfo) -> str:
    about = [camera.bus, f"serial {camera.serial}" if camera.serial else "", camera.problem]
    more = ", ".join(filter(None, about))
    return f'{camera.index} "{camera.called}"' + (f" ({more})" if more else "")


def _is_ours(camera: CameraInfo) -> bool:
    return camera.is_fed_by_livematte or any(each in camera.called.casefold() for each in _OURS)
