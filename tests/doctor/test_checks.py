"""What single checks find; the devices of Linux are in `test_lab.py`."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

from livematte.doctor import cameras, devices, display, linux, recordings, virtual_camera
from livematte.doctor import weights as weights_check
from livematte.doctor.finding import Status
from livematte.errors import DeviceError, SinkError, SourceError
from livematte.linux import device_permission, x11
from livematte.network import weights
from livematte.render.openvino import cache as network_cache
from livematte.sinks.video import journal
from livematte.sources import CameraInfo


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped weights that stands in for them."""
    folder = Path(shutil.copytree(weights.find(weights.SHIPPED).parent, tmp_path / "weights"))
    path = folder / weights.find(weights.SHIPPED).name
    monkeypatch.setattr(weights, "_shipped_path", lambda: path)
    monkeypatch.setattr(weights, "pulled_path", lambda name: tmp_path / f"{name}.safetensors")
    return path


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.usefixtures("copied")
def test_whole_weights() -> None:
    (shipped,) = weights_check.check_shipped()
    assert (shipped.status, weights.SHIPPED_SHA256 in shipped.text) == (Status.OK, True)
    quantized, pulled = weights_check.check_others()
    assert quantized.status is Status.OK
    assert (pulled.status, pulled.command) == (Status.NOTE, "livematte weights pull webcam")


def test_damaged_weights(copied: Path, tmp_path: Path) -> None:
    flip_last_byte(copied)
    flip_last_byte(weights.quantized_path(copied).with_suffix(".bin"))
    (tmp_path / "webcam.safetensors").write_bytes(b"cut short")
    (shipped,) = weights_check.check_shipped()
    quantized, pulled = weights_check.check_others()
    assert {each.status for each in (shipped, quantized, pulled)} == {Status.PROBLEM}
    assert str(copied) in shipped.text
    assert "pip install --force-reinstall --no-deps ." in shipped.command
    assert pulled.command == "livematte weights pull webcam"
    (tmp_path / ".git").mkdir()
    (shipped,) = weights_check.check_shipped()
    assert shipped.command == f"git -C {tmp_path} checkout -- weights"


def test_missing_weights(copied: Path) -> None:
    shutil.rmtree(copied.parent)
    for check in (weights_check.check_shipped, weights_check.check_others):
        assert next(iter(check())).status is Status.PROBLEM


@pytest.mark.parametrize(
    ("system", "settings"), [("win32", "ms-settings:privacy-webcam"), ("darwin", "Privacy_Camera")]
)
def test_cameras_of_other_systems_are_tried(system: str, settings: str) -> None:
    def open_for_a_moment(index: int) -> None:
        if index == 1:
            raise SourceError("Camera 1 cannot be opened.", "Close programs that use it.")

    known = [CameraInfo(0, "built in", ()), CameraInfo(1, "other", ())]
    good, bad = cameras.elsewhere(known, open_for_a_moment, system)
    assert (good.status, good.text) == (Status.OK, "--camera 0: built in")
    assert bad.status is Status.PROBLEM
    assert "Camera 1 cannot be opened." in bad.text
    assert settings in bad.command


def test_no_camera_at_all() -> None:
    (finding,) = cameras.elsewhere([], lambda _: None, "win32")
    assert (finding.status, finding.command) == (Status.PROBLEM, "livematte --demo")


@pytest.mark.parametrize(("system", "command"), [("win32", "winget"), ("darwin", "brew")])
def test_the_virtual_camera_of_other_systems(system: str, command: str) -> None:
    def fail() -> str:
        raise SinkError("No virtual camera could be opened.", "Install OBS Studio.")

    (good,) = virtual_camera.elsewhere(lambda: "virtual camera OBS", system)
    assert good.status is Status.OK
    (bad,) = virtual_camera.elsewhere(fail, system)
    assert bad.status is Status.PROBLEM
    assert bad.command.startswith(command)


LOAD = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=livematte"


def test_a_module_that_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "6.1").mkdir()
    (tmp_path / "6.1" / "modules.dep").write_text("updates/dkms/v4l2loopback.ko.xz: videodev.ko\n")
    assert virtual_camera.not_loaded("6.1", ["debian"], tmp_path).command == LOAD


def test_a_module_that_secure_boot_may_refuse(tmp_path: Path) -> None:
    (tmp_path / "6.1").mkdir()
    (tmp_path / "6.1" / "modules.dep").write_text("updates/dkms/v4l2loopback.ko.xz: videodev.ko\n")
    finding = virtual_camera.not_loaded("6.1", [], tmp_path, secure_boot=True)
    assert "mokutil --import" in finding.fix
    assert finding.command == LOAD
    assert "mokutil" not in virtual_camera.not_loaded("6.1", [], tmp_path).fix
    variable = tmp_path / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    for content, expected in ((b"\6\0\0\0\1", True), (b"\6\0\0\0\0", False), (b"", False)):
        variable.write_bytes(content)
        assert linux.has_secure_boot(tmp_path) == expected
    assert not linux.has_secure_boot(tmp_path / "none")


def test_a_module_that_is_loaded_without_a_device(tmp_path: Path) -> None:
    finding = virtual_camera.not_loaded("6.1", ["debian"], tmp_path, loaded=tmp_path)
    assert "is loaded but has no device" in finding.text
    assert finding.command == f"sudo modprobe -r v4l2loopback && {LOAD}"


@pytest.mark.skipif(sys.platform == "win32", reason="groups of users as Linux has them")
def test_a_container_is_let_in_by_the_computer_around_it(tmp_path: Path) -> None:
    finding = virtual_camera.not_loaded("6.1", ["debian"], tmp_path, in_container=True)
    assert "a container cannot load it" in finding.text
    assert "docker run --device /dev/video10" in finding.fix
    assert "apt" not in finding.command
    device = tmp_path / "video10"
    device.touch()
    words, command = device_permission.permission(str(device), in_container=True)
    assert "container" in words
    assert command == f"docker run --device {device} --group-add {device.stat().st_gid} ..."

    # A running call says the same as the doctor.
    assert device_permission.remedy(str(tmp_path / "gone")) == "Check its permissions."
    words, command = device_permission.permission(str(device))
    assert device_permission.remedy(str(device)) == f"{words} `{command}`."

    mounts, marker = tmp_path / "mounts", tmp_path / ".dockerenv"
    mounts.write_text("overlay / overlay rw 0 0\n")
    assert not device_permission.is_container([marker], mounts)
    marker.touch()
    assert device_permission.is_container([marker], mounts)
    mounts.write_text("/dev/root / ext4 rw 0 0\noverlay /var/lib/docker/1 overlay rw 0 0\n")
    assert not device_permission.is_container([marker], mounts)


def test_unfinished_recordings_are_listed_with_what_finishes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "folder", lambda: tmp_path / "journal")
    (none,) = recordings.check()
    assert (none.status, none.command) == (Status.OK, "")
    for name in ("talk", "lesson"):
        unfinished = tmp_path / f".{name}.unfinished.mp4"
        unfinished.write_bytes(b"some of it")
        journal.begin(unfinished, tmp_path / f"{name}.mp4")
    found = list(recordings.check())
    assert len(found) == 2
    for each in found:
        assert (each.status, each.command) == (Status.NOTE, "livematte recover")
        assert "all 2 recordings" in each.fix
    assert str(tmp_path / "talk.mp4") in str([each.text for each in found])


@pytest.mark.parametrize(
    ("families", "install"),
    [
        (["ubuntu", "debian"], "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r) && "),
        (["fedora"], "sudo dnf install akmod-v4l2loopback && "),
        (["nobody's"], ""),
    ],
)
def test_a_module_that_is_not_installed(tmp_path: Path, families: list[str], install: str) -> None:
    finding = virtual_camera.not_loaded("6.1", families, tmp_path)
    assert finding.status is Status.PROBLEM
    assert finding.command == install + LOAD


def test_labels_with_spaces_reach_the_module_as_one_word() -> None:
    command = virtual_camera.load_command(["OBS Virtual Camera", "livematte"], ["9", "10"])
    assert command == (
        "sudo modprobe v4l2loopback devices=2 exclusive_caps=1,1 "
        "'card_label=OBS Virtual Camera,livematte' video_nr=9,10"
    )


def test_an_opencv_without_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.currentUIFramework", lambda: "")
    finding = next(iter(display.check()))
    assert "without support for windows" in finding.text
    assert "opencv-python" in finding.command


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="X11 and Wayland are Linux's")
def test_wayland_without_xwayland(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    (finding,) = display.check()
    assert finding.command == "sudo apt install xwayland"


@pytest.mark.skipif(sys.platform != "linux", reason="the library is of X11 on Linux")
def test_windows_that_may_stay_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11, "EVENT_LIBRARY", "libnot-there.so.1")
    monkeypatch.setattr(x11, "display_problem", lambda: None)
    monkeypatch.setattr("cv2.currentUIFramework", lambda: "QT5")
    (finding,) = display.check()
    assert "stay blank" in finding.text
    assert finding.command == "sudo apt install libx11-xcb1"


class TwoCards:
    """Stands in for `torch.cuda`."""

    def device_count(self) -> int:
        return 2

    def get_device_capability(self, index: int) -> tuple[int, int]:
        return 8, index

    def get_device_name(self, index: int) -> str:
        return f"GPU {index}"


def test_cuda_cards() -> None:
    def computes_in(device: torch.device) -> str:
        if device.index == 1:
            raise DeviceError("GPU 1 computes wrong mattes, even in float32.", "Update.")
        return "float16"

    good, bad = devices.examine_cuda(None, TwoCards(), computes_in)
    assert good.status is Status.OK
    assert "cuda:0: GPU 0, compute capability 8.0" in good.text
    assert good.text.endswith("is used, in float16")
    assert bad.status is Status.PROBLEM
    assert "wrong mattes" in bad.text
    assert "driver" in bad.fix


def test_a_driver_and_a_pytorch_without_cuda() -> None:
    reason = "this PyTorch was built without CUDA"
    (finding,) = devices.examine_cuda(reason, None, str)
    assert finding.status is Status.PROBLEM
    assert reason in finding.text
    if sys.platform == "linux":
        assert re.search(r"pip install --force-reinstall 'torch.*<2\.\d+.*'$", finding.command)


@pytest.mark.parametrize(
    ("vendor", "kind", "is_card"),
    [
        ("0x10de", "0x030000", True),  # a graphics card
        ("0x10de", "0x040300", False),  # its sound
        ("0x8086", "0x030000", False),
    ],
)
def test_an_nvidia_card_is_known_without_its_driver(
    tmp_path: Path, vendor: str, kind: str, is_card: bool
) -> None:
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0" / "vendor").write_text(f"{vendor}\n")
    (tmp_path / "0000:01:00.0" / "class").write_text(f"{kind}\n")
    assert devices.has_nvidia_card(tmp_path) == is_card


def test_stored_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "networks"
    monkeypatch.setattr(network_cache, "cache_folder", lambda: folder)
    (none,) = weights_check.check_stored()
    assert (none.status, none.text) == (Status.OK, f"none yet in {folder}")
    network_cache.store("abc", b"a network")
    network_cache.store("def", b"another")
    (fine,) = weights_check.check_stored()
    assert fine.text == f"2 in {folder}, checksums OK"
    flip_last_byte(folder / "def.network")
    (damaged,) = weights_check.check_stored()
    assert damaged.status is Status.NOTE
    assert damaged.text == f"{folder / 'def.network'} is damaged."
    shutil.rmtree(folder)
    folder.write_text("in the way")
    fine, unwritable = weights_check.check_stored()
    assert unwritable.status is Status.NOTE
    assert "Each start takes a little longer" in unwritable.text
