"""Which camera formats livematte can use, and what to do about the others.

Formats have Linux's four-letter names, without spaces: "MJPG", "Z16".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

DECODED: Final = frozenset(
    [
        "BGR3",
        "RGB3",
        "YV12",
        "YU12",
        "YUYV",
        "UYVY",
        "NV12",
        "NV21",
        "BA81",
        "GBRG",
        "MJPG",
        "JPEG",
        "Y16",
        "GREY",
        "XR24",
        "AR24",
    ]
)
"""The formats that OpenCV decodes (its modules/videoio/src/cap_v4l.cpp), except those where it
reads or writes beyond the end of a buffer: 411P, and Y10 and Y12 if a driver packs them."""

COLOURLESS: Final = frozenset(
    [
        "GREY",
        "Y4",
        "Y6",
        "Y8I",
        "Y10",
        "Y10B",
        "Y10P",
        "Y12",
        "Y12I",
        "Y14",
        "Y16",
        "Y16-BE",
        "Z16",
        "INVZ",
        "INZI",
        "INVI",
        "INRI",
        "RELI",
        "CNF4",
    ]
)
"""Grey pictures, mostly from infrared cameras, and depth maps."""

_DEPTH: Final = frozenset(["Z16", "INVZ", "INZI", "CNF4"])
_COMPRESSED: Final = {
    "H264": "h264",
    "AVC1": "h264",
    "S264": "h264",
    "HEVC": "hevc",
    "MPG4": "mpeg4",
    "MPEG": "mpeg",
    "MPG2": "mpeg2video",
    "VP80": "vp8",
    "VP90": "vp9",
}
"""FFmpeg's names for them."""

_RAW_SENSOR: Final = re.compile(r"(BG|GB|BA|RG|GR)(10|12|14|16)|[pai][Pp]?[BGR]\w\w|BYR2|ip3\w")
"""Bayer patterns with ten or more bits."""

_INFRARED_NAME: Final = re.compile(r"\b(ir|infra-?red|hello|depth)\b", re.IGNORECASE)


def usable(formats: Iterable[str]) -> list[str]:
    """The formats that can be decoded to pictures."""
    return [each for each in formats if each in DECODED]


def is_colourless(name: str, formats: Collection[str]) -> bool:
    """Whether it is an infrared or depth camera, judged by its name or by all its formats."""
    can = usable(formats) or list(formats)
    return bool(_INFRARED_NAME.search(name)) or (bool(can) and set(can) <= COLOURLESS)


def problem(formats: Collection[str]) -> str:
    """Why none of them can be decoded, as a clause; "" if one can, or if no format is known."""
    if not formats or usable(formats):
        return ""
    if set(formats) <= _DEPTH:
        return f"gives depth maps ({_listed(formats)}), not pictures"
    if set(formats) <= COLOURLESS:
        return f"gives infrared or grey pictures in {_listed(formats)}, which cannot be read"
    return f"gives pictures only in {_listed(formats)}, which cannot be decoded here"


def remedy(formats: Collection[str], path: str) -> str:
    """What to do about `problem`. path: the device's path."""
    another = "choose another camera that `livematte cameras` lists"
    if set(formats) <= COLOURLESS:
        return "It is an infrared or depth camera: " + another + "."
    if any(_RAW_SENSOR.fullmatch(each) for each in formats):
        return (
            f"{another.capitalize()}, or let libcamera convert its raw pictures for a loopback "
            "device: "
            "`gst-launch-1.0 libcamerasrc ! videoconvert ! v4l2sink device=/dev/videoN`, and use "
            "that device as --camera."
        )
    known = [_COMPRESSED[each] for each in formats if each in _COMPRESSED]
    asked = f"-input_format {known[0]} " if known else ""
    return (
        f"{another.capitalize()}, or let FFmpeg convert it for a loopback device: `ffmpeg -f v4l2 "
        f"{asked}-i {path} -pix_fmt yuv420p -f v4l2 /dev/videoN`, and use that device as --camera."
    )


def _listed(formats: Iterable[str]) -> str:
    *others, last = dict.fromkeys(formats)
    return f"{', '.join(others)} and {last}" if others else last
