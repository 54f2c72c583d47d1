from __future__ import annotations

import time

import pytest

from livematte.doctor import trial
from livematte.doctor.finding import Status
from livematte.errors import DeviceError
from livematte.frame import Size
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer


def test_the_real_thing_runs_for_two_seconds() -> None:
    (finding,) = trial.check()
    assert finding.status in (Status.OK, Status.NOTE)  # a note on a busy machine
    assert "frames/s, latency" in finding.text
    assert "95th percentile, the first after" in finding.text
    assert "matte at" in finding.text


def test_the_fake_renderer_runs_for_as_long_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PERSON_SHARE", (0.0, 1.0))
    started = time.monotonic()
    finding = trial.run(lambda size: OpenedRenderer(FakeRenderer(size), "as a test"), seconds=1)
    assert 1 <= time.monotonic() - started < 5
    assert "fake renderer (as a test)" in finding.text


def test_a_slow_renderer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PERSON_SHARE", (0.0, 1.0))
    finding = trial.run(lambda size: OpenedRenderer(FakeRenderer(size, 0.2), ""), seconds=1)
    assert finding.status is Status.NOTE
    assert finding.text.endswith("That is slow.")
    assert finding.command == "livematte --quality fast --matte-size 224"


@pytest.mark.parametrize("share", [(0.9, 1.0), (0.0, 0.0)], ids=["too little", "too much"])
def test_wrong_mattes_are_a_problem(
    monkeypatch: pytest.MonkeyPatch, share: tuple[float, float]
) -> None:
    """The fake takes some of the demo's picture for the person, but neither all nor nothing."""
    monkeypatch.setattr(trial, "PERSON_SHARE", share)
    finding = trial.run(lambda size: OpenedRenderer(FakeRenderer(size), ""), seconds=0.2)
    assert finding.status is Status.PROBLEM
    assert "mattes are wrong" in finding.text


def test_a_renderer_that_cannot_be_opened() -> None:
    def fail(_: Size) -> OpenedRenderer:
        raise DeviceError("There is no device.", "Get one.")

    finding = trial.run(fail)
    assert (finding.status, finding.fix) == (Status.PROBLEM, "Get one.")
    assert "There is no device." in finding.text


def test_a_renderer_that_is_never_done() -> None:
    class Stuck(FakeRenderer):
        def wait_until_ready(self, timeout_seconds: float) -> bool:
            time.sleep(timeout_seconds)
            return False

    finding = trial.run(lambda size: OpenedRenderer(Stuck(size), ""), seconds=0.2, start_seconds=1)
    assert finding.status is Status.PROBLEM
    assert "no matted picture within 1.2 seconds" in finding.text
