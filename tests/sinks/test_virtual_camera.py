from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import pytest

from livematte.errors import SinkError
from livematte.frame import Size
from livematte.sinks import VirtualCamera
from tests.lab import needs_lab, run_in_lab

SIZE = Size(320, 240)
RATE = Fraction(30)
REPOSITORY = Path(__file__).parents[2]

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")


@pytest.mark.lab
@needs_lab
def test_in_the_lab() -> None:
    """Every check of `in_lab_virtual_camera.py` and `in_lab_outputs.py`, on real devices."""
    here = Path(__file__)
    checks = [here.with_name(f"in_lab_{name}.py") for name in ("virtual_camera", "outputs")]
    command = "cd {} && exec {} -m pytest -q -s -p no:cacheprovider --noconftest {} {}"
    said = run_in_lab("sh", "-c", command.format(REPOSITORY, sys.executable, *checks), seconds=120)
    print(*(line for line in said.splitlines() if "longest gap" in line), sep="\n")
    assert " passed" in said
    assert "skipped" not in said


@needs_linux
@pytest.mark.skipif(Path("/sys/module/v4l2loopback").exists(), reason="v4l2loopback is loaded")
def test_without_the_module_it_says_how_to_load_it() -> None:
    with pytest.raises(SinkError, match="v4l2loopback is not loaded") as caught:
        VirtualCamera().open(SIZE, RATE)
    assert "`sudo modprobe v4l2loopback exclusive_caps=1 card_label=livematte`" in (
        caught.value.remedy
    )


@needs_linux
def test_a_missing_device_is_an_error() -> None:
    with pytest.raises(SinkError, match="There is no device /dev/video4711"):
        VirtualCamera("/dev/video4711").open(SIZE, RATE)


@needs_linux
def test_a_device_of_another_kind_is_an_error() -> None:
    with pytest.raises(SinkError, match="/dev/null is not a virtual camera"):
        VirtualCamera("/dev/null").open(SIZE, RATE)


def test_closing_what_is_not_open_is_fine() -> None:
    camera = VirtualCamera("/dev/video4711")
    assert camera.description == "virtual camera /dev/video4711"
    camera.close()
    camera.abort()
