"""The doctor on real devices: what `in_lab_doctor.py` found in the V4L2 lab."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import tests.lab
from tests.lab import RUN, needs_lab, run_in_lab

pytestmark = [pytest.mark.lab, needs_lab]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("lab") / "found.json"
    run_in_lab(sys.executable, "-m", "tests.doctor.in_lab_doctor", str(path), seconds=120)
    findings: dict[str, Any] = json.loads(path.read_text())
    return findings


def test_what_is_free_is_ok(found: dict[str, Any]) -> None:
    camera, feed, out = found["devices"]
    (status, text, fix, command, modes), *others = found["free"]["cameras"]
    assert not others, "loopbacks that nobody feeds are no cameras"
    assert (status, fix, command) == ("ok", "", "")
    assert f"vivid ({camera})" in text
    assert "1920x1080 at 5" in modes[0]
    assert found["free"]["virtual camera"] == [
        ["ok", f'{feed} "lab-feed" is free, with exclusive_caps=1', "", "", []],
        ["ok", f'{out} "lab-out" is free, with exclusive_caps=1', "", "", []],
    ]


def test_who_holds_a_camera_is_named(found: dict[str, Any]) -> None:
    held = found["camera held"]
    status, text, _, command, _ = held["cameras"][0]
    assert status == "problem"
    assert f"in use by v4l2-ctl (process {held['process']})" in text
    assert command == f"kill {held['process']}"


def test_a_camera_that_is_only_open_somewhere_is_not_held(found: dict[str, Any]) -> None:
    assert found["camera open"] == found["free"]


def test_a_holder_that_may_not_be_seen(found: dict[str, Any]) -> None:
    status, text, _, command, _ = found["held by another user"]["cameras"][0]
    assert status == "problem"
    assert "only the administrator can see" in text
    assert command == f"sudo fuser -v {found['devices'][0]}"


def test_a_loopback_that_is_fed_is_a_camera_and_no_free_virtual_camera(
    found: dict[str, Any],
) -> None:
    fed, out = found["loopback fed"], found["devices"][2]
    assert [each[0] for each in fed["cameras"]] == ["ok", "ok"]
    assert f"lab-out ({out})" in fed["cameras"][1][1]
    assert [each[0] for each in fed["virtual camera"]] == ["ok", "ok"], "it is a usual set-up"
    assert f"feeds (ffmpeg (process {fed['process']}))" in fed["virtual camera"][1][1]
    assert fed["virtual camera"][1][3] == "", "nothing is to be killed"


def test_without_permission_it_says_how_to_get_it(found: dict[str, Any]) -> None:
    feed = found["devices"][1]
    refused = found["no permission"]
    assert len(refused["cameras"]) == 1
    for device, (status, text, _, command, _) in zip(
        found["devices"], refused["cameras"] + refused["virtual camera"], strict=True
    ):
        assert status == "problem"
        assert device in text
        assert "you do not have permission" in text
        assert command == f'sudo chown "$USER" {device}'
    allowed = found["a group may"]
    assert allowed["cameras"][0][3] == 'sudo usermod -aG video "$USER"'
    assert [each[3] for each in allowed["virtual camera"]] == [
        f'sudo chown "$USER" {feed}',
        'sudo usermod -aG video "$USER"',
    ]


def test_a_device_without_a_file(found: dict[str, Any]) -> None:
    camera = found["devices"][0]
    assert found["no file"]["cameras"][0][3] == f"docker run --device {camera} ..."


def test_a_loopback_without_exclusive_caps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a lab whose first loopback was made without."""
    usual = RUN.read_text()
    changed = usual.replace("exclusive_caps=1,1", "exclusive_caps=0,1")
    assert changed != usual
    run = tmp_path / "run"
    run.write_text(changed)
    run.chmod(0o755)
    (tmp_path / "linux").symlink_to(RUN.with_name("linux"))
    monkeypatch.setattr(tests.lab, "RUN", run)
    said = run_in_lab(
        *(sys.executable, "-c"),
        "from livematte.doctor import virtual_camera as v\n"
        "for each in v.check(): print(each.status.value, each.text, each.command, sep='|')",
        seconds=60,
    )
    first, second = (line.split("|") for line in said.splitlines())
    assert first[0] == "problem"
    assert "Chrome, Zoom and Teams do not list it" in first[1]
    assert first[2] == (
        "sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback devices=2 "
        "exclusive_caps=1,1 card_label=lab-feed,lab-out video_nr=1,2"
    )
    assert second[0] == "ok"
