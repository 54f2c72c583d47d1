"""Which camera is meant; the kernel's own devices are asked in the lab."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from livematte.errors import SourceError
from livematte.sources import CameraInfo, choosing, listing
from livematte.sources.choosing import find_camera, usual_camera

LAPTOP = CameraInfo(0, "Integrated Camera (/dev/video0)", (), card="Integrated Camera", bus="usb-3")
INFRARED = CameraInfo(2, "Integrated IR (/dev/video2)", (), card="IR", is_colourless=True)
LOGITECH = CameraInfo(
    4,
    "HD Pro Webcam C920 (/dev/video4)",
    (),
    card="HD Pro Webcam C920",
    bus="usb-0000:00:14.0-1",
    serial="8C4D02AF",
)
TWIN = CameraInfo(
    6,
    "HD Pro Webcam C920 (/dev/video6)",
    (),
    card="HD Pro Webcam C920",
    bus="usb-0000:00:14.0-2",
    serial="1111AAAA",
)
ITS_H264 = CameraInfo(
    5,
    "HD Pro Webcam C920 (/dev/video5)",
    (),
    "gives pictures only in H264",
    card="HD Pro Webcam C920",
    bus="usb-0000:00:14.0-1",
)
OURS = CameraInfo(10, "livematte", (), card="livematte", is_virtual=True)
FED = CameraInfo(11, "phone", (), card="phone", is_virtual=True)
FED_BY_US = CameraInfo(12, "call", (), card="call", is_virtual=True, is_fed_by_livematte=True)
IDLE = CameraInfo(13, "idle", (), "a virtual camera; nothing is sending to it", is_virtual=True)
LOCKED = CameraInfo(1, "/dev/video1", (), "You may not open it.", card="Locked")


Here = Callable[..., None]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Says which cameras there are."""

    def these(*cameras: CameraInfo) -> None:
        monkeypatch.setattr(choosing, "list_cameras", lambda: list(cameras))

    return these


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("HD Pro Webcam C920", 4),
        ("hd pro WEBCAM c920", 4),
        ("c920", 4),
        ("  C920 ", 4),
        ("Integrated", 0),
        ("usb-0000:00:14.0-1", 4),
        ("8c4d02af", 4),
        ("phone", 11),
        ("locked", 1),
    ],
)
def test_a_name_or_a_unique_part_of_it_is_enough(wanted: str, index: int, here: Here) -> None:
    here(LAPTOP, LOCKED, LOGITECH, FED)
    assert find_camera(wanted) == index


def test_an_exact_name_goes_before_one_that_it_is_a_part_of(here: Here) -> None:
    here(CameraInfo(0, "Webcam Pro", ()), CameraInfo(1, "Webcam", ()))
    assert find_camera("webcam") == 1


@pytest.mark.parametrize(
    "wanted",
    [0, 17, "17", "/dev/video3", "/dev/v4l/by-id/usb-C920", "rtsp://camera/", "./link", "u:p@host"],
)
def test_what_is_no_name_is_left_as_it_is(wanted: int | str, here: Here) -> None:
    here()
    assert find_camera(wanted) == (17 if wanted == "17" else wanted)


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("C290", "C920"), ("HD Pro Webcm C920", "C920"), ("integratd", "Integrated Camera")],
)
def test_a_mistyped_name_is_asked_about(wanted: str, meant: str, here: Here) -> None:
    here(LAPTOP, LOGITECH, IDLE)
    with pytest.raises(SourceError) as caught:
        find_camera(wanted)
    assert "Did you mean --camera" in caught.value.remedy
    assert meant in caught.value.remedy
    assert '4 "HD Pro Webcam C920"' in caught.value.problem
    assert "idle" not in caught.value.problem


@pytest.mark.parametrize("cameras", [(), (LAPTOP, LOGITECH)])
def test_a_name_that_is_like_no_other_gets_the_list(
    cameras: tuple[CameraInfo, ...], here: Here
) -> None:
    here(*cameras)
    with pytest.raises(SourceError, match="livematte cameras") as caught:
        find_camera("zzz")
    assert ("Integrated" if cameras else "none") in caught.value.problem


def test_two_of_one_name_are_told_apart(here: Here) -> None:
    here(LOGITECH, TWIN)
    with pytest.raises(SourceError, match="2 cameras are called 'C920'") as caught:
        find_camera("C920")
    for each in ("usb-0000:00:14.0-1", "serial 8C4D02AF", "usb-0000:00:14.0-2", "serial 1111AAAA"):
        assert each in caught.value.problem
    assert "--camera 4" in caught.value.remedy
    assert "--camera usb-0000:00:14.0-1" in caught.value.remedy
    assert find_camera("usb-0000:00:14.0-2") == 6


def test_of_the_devices_of_one_camera_the_usable_one_is_meant(here: Here) -> None:
    here(LOGITECH, ITS_H264)
    assert find_camera("C920") == 4
    here(ITS_H264)
    assert find_camera("C920") == 5, "it is for opening it to say what is wrong"


@pytest.mark.parametrize(
    ("cameras", "index"),
    [
        ((LAPTOP, LOGITECH), 0),
        ((INFRARED, LOGITECH), 4),
        ((ITS_H264, TWIN), 6),
        ((OURS, LOGITECH), 4),
        ((FED, LOGITECH), 4),
        ((FED_BY_US, IDLE, FED), 11),
        ((LOCKED,), 1),
        ((LOCKED, LOGITECH), 4),
        ((), 0),
    ],
)
def test_without_a_name_the_first_real_camera_of_colours_is_taken(
    cameras: tuple[CameraInfo, ...], index: int, here: Here
) -> None:
    here(*cameras)
    assert usual_camera() == index


@pytest.mark.parametrize("cameras", [(INFRARED,), (OURS,), (FED_BY_US, IDLE)])
def test_what_must_be_asked_for_is_not_taken_by_itself(
    cameras: tuple[CameraInfo, ...], here: Here
) -> None:
    here(*cameras)
    with pytest.raises(SourceError, match="No camera gives colour pictures"):
        usual_camera()


def test_elsewhere_names_tell_virtual_and_infrared_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["OBS Virtual Camera", "Surface IR Camera Front", "Surface Camera Front"]
    listed = [SimpleNamespace(index=index, name=name) for index, name in enumerate(names)]
    library = SimpleNamespace(enumerate_cameras=lambda _backend: listed)
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", library)  # not installed on Linux
    monkeypatch.setattr(choosing, "list_cameras", lambda: list(listing._elsewhere()))
    assert usual_camera() == 2
    assert find_camera("surface camera") == 2
    assert find_camera("obs") == 0, "whoever asks for it gets it"
