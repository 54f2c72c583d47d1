from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from livematte.errors import SourceError, UsageError
from livematte.sources import Camera
from livematte.sources.camera import PATIENCE_SECONDS
from tests.lab import needs_lab, run_in_lab

ONE_FRAME = """
from livematte.frame import Size
from livematte.linux import camera as linux_camera
from livematte.sources import Camera
with Camera("/dev/video-cam", Size(320, 180)) as camera:
    print(next(camera.frames()).size, bool(linux_camera.query("/dev/video-cam").modes))
"""

TWO_CAMERAS = f"""
from livematte.errors import SourceError
from livematte.sources.choosing import find_camera
try:
    find_camera("vivid")
except SourceError as error:
    print(error)
{ONE_FRAME}
print(find_camera("platform:vivid-001"))
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")


def test_making_one_touches_nothing() -> None:
    Camera(87)


@linux_only
def test_a_camera_that_is_not_there_is_named_with_those_that_are() -> None:
    with (
        pytest.raises(SourceError, match=r"no camera /dev/video87 .*livematte cameras"),
        Camera(87),
    ):
        pass


@linux_only
def test_a_file_is_no_camera(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    with pytest.raises(UsageError, match="--input"), Camera(str(clip)):
        pass


@linux_only
def test_what_is_no_video_device_is_no_camera() -> None:
    with pytest.raises(SourceError, match="/dev/null"), Camera("/dev/null"):
        pass


def test_a_stream_that_nobody_serves() -> None:
    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1:9/none"):
        Camera("http://127.0.0.1:9/none").__enter__()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `in_lab_camera.py` found."""
    path = tmp_path_factory.mktemp("lab") / "found.json"
    run_in_lab(sys.executable, "-m", "tests.sources.in_lab_camera", str(path), seconds=120)
    findings: dict[str, Any] = json.loads(path.read_text())
    return findings


@pytest.mark.lab
@needs_lab
class TestInTheLab:
    def test_frames_come_in_the_mode_that_was_asked_for(self, found: dict[str, Any]) -> None:
        asked = found["asked"]
        assert asked["sizes"] == [asked["size"]] == ["640x360"]
        assert asked["indices"] == list(range(20))
        assert asked["rate"] == pytest.approx(30, rel=0.4)
        assert asked["moves"]
        assert asked["media_seconds"] == 0
        assert "640x360" in asked["description"]
        assert "instead" not in asked["description"]

    def test_what_the_camera_gives_instead_is_said(self, found: dict[str, Any]) -> None:
        given = found["not offered"]
        assert given["size"] != "800x600"
        assert given["sizes"] == [given["size"]]
        assert given["size"] in given["description"]
        assert "instead of 800x600 at 200 frames/s" in given["description"]

    def test_without_a_wish_it_is_720p(self, found: dict[str, Any]) -> None:
        assert found["usual"]["size"] == "1280x720"
        assert "instead" not in found["usual"]["description"]

    def test_recycled_memory_is_used_again(self, found: dict[str, Any]) -> None:
        assert found["arrays"] == 1

    def test_a_loopback_that_is_fed_is_a_camera(self, found: dict[str, Any]) -> None:
        assert found["fed"]["sizes"] == ["640x480"]
        assert "lab-feed" in found["fed"]["description"]

    def test_a_loopback_that_nobody_feeds_is_not(self, found: dict[str, Any]) -> None:
        assert "nothing is sending to it" in found["nobody feeds"]

    def test_a_busy_camera_is_said_to_be(self, found: dict[str, Any]) -> None:
        assert "in use" in found["busy"]
        assert "in use by v4l2-ctl (process " in found["busy elsewhere"]

    def test_other_errors(self, found: dict[str, Any]) -> None:
        assert "/dev/video87" in found["missing"]
        assert "--input" in found["a file"]

    def test_a_camera_that_opens_and_gives_nothing(self, found: dict[str, Any]) -> None:
        assert "opens but gives no picture" in found["gives nothing"]["error"]
        assert found["gives nothing"]["seconds"] < PATIENCE_SECONDS + 2

    def test_interrupting_ends_the_wait(self, found: dict[str, Any]) -> None:
        assert found["interrupted after"] < 0.5

    def test_a_pulled_plug_ends_it_at_once_with_an_error(self, found: dict[str, Any]) -> None:
        unplugged = found["unplugged"]
        assert unplugged["frames"] > 3
        assert unplugged["seconds"] < 1
        assert "stopped giving pictures" in unplugged["error"]

    def test_cameras_are_listed_with_their_modes(self, found: dict[str, Any]) -> None:
        camera, *loopbacks = found["listed"]
        assert (camera["index"], camera["problem"]) == (0, "")
        assert "vivid" in camera["name"]
        assert any("YUYV" in line and "1280x720 at 12.5" in line for line in camera["modes"])
        assert [each["problem"] != "" for each in loopbacks] == [True, True]
        assert found["listed while fed"][1] == ""

    def test_formats_that_cannot_be_decoded_are_said_and_others_work(
        self, found: dict[str, Any]
    ) -> None:
        said = found["fed in"]
        assert "only in H264, which cannot be decoded" in said["libx264"]
        assert "-input_format h264" in said["libx264"]
        assert "only in 422P" in said["yuv422p"]
        assert "GREY (grey: probably an infrared camera)" in said["gray"]
        for form, fourcc in (("bgr24", "BGR3"), ("rgb24", "RGB3"), ("nv12", "NV12")):
            assert f"640x480 {fourcc} at " in said[form]
        assert "in use" not in str(said)

    def test_a_name_opens_the_camera(self, found: dict[str, Any]) -> None:
        named = found["named"]
        assert [named[each] for each in ("vivid", "VIV", "platform:vivid-000")] == ["", "", ""]
        assert 'Did you mean --camera "vivid"?' in named["vived"]
        assert "nothing is sending to it" in named["lab-feed"]
        assert found["usual"]["number"] == 0

    def test_a_camera_by_its_link_is_only_where_the_link_is(self, found: dict[str, Any]) -> None:
        linked = found["linked"]
        assert len(linked["without link"]) == 1, "another device is not taken for it"
        assert len(linked["told"]) == 2
        assert "is back: camera /dev/v4l/by-id/usb-Test_Camera" in linked["told"][1]


@pytest.mark.lab
@needs_lab
def test_two_cameras_of_one_name_are_told_apart_and_the_multi_planar_one_gives_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIVID", "vivid.n_devs=2 vivid.node_types=0x1,0x1 vivid.multiplanar=2,1")
    said = run_in_lab(sys.executable, "-c", TWO_CAMERAS, seconds=60)
    refused, *others = said.strip().splitlines()
    for each in ("2 cameras are called 'vivid'", "platform:vivid-000", "--camera 0"):
        assert each in refused
    assert others == ["320x180 True", "1"]


@pytest.mark.lab
@needs_lab
def test_a_camera_unplugged_while_it_is_opened_is_there_again(found: dict[str, Any]) -> None:
    for tried in found["unplugged while opening"]:
        assert not tried["hangs"], tried
        # It may have gone before anybody had seen it.
        assert tried["is_back"] or tried["error"].startswith("SourceError: There is no cam"), tried
        assert tried["seconds"] < 5, tried
    assert sum(tried["is_back"] for tried in found["unplugged while opening"]) >= 9
