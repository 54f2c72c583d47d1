"""Sinks that are slow, hang or fail beside one that is not: what each gets, and what is said."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from livematte.backgrounds.parse import parse
from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.pipeline import outlet, outputs_ending
from livematte.pipeline import outputs as outputs_module
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.outputs import Outputs
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.pipeline.stall_timing import AwakeClock
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from tests.pipeline.test_pipeline import wait_until
from tests.sinks.fakes import RecordingSink
from tests.sinks.pictures import picture
from tests.sources.fakes import SIZE, ListedSource

LONGEST_GAP_SECONDS: Final = 0.4
"""Between two pictures of a sink that nothing is wrong with: 10 ms, on a busy machine."""


class Pipe(RecordingSink):
    """Writes pictures to a named pipe: it blocks while nobody reads, like a drive that hangs."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="pipe")
        os.mkfifo(path)
        self.path = path
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._writer = os.open(path, os.O_WRONLY)

    def send(self, picture: Rendered) -> None:
        for _ in range(4):
            os.write(self._writer, picture.image.tobytes())
        super().send(picture)

    def read_on(self) -> None:
        """From now on somebody reads."""
        os.set_blocking(self._reader, True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while os.read(self._reader, 1 << 20):
            pass


class Recording(RecordingSink):
    """A sink that should lose nothing."""

    most_waiting = 8


class Run:
    """A pipeline in a thread, of a camera unless it is a file, that can be stopped."""

    def __init__(
        self,
        *sinks: RecordingSink,
        live: bool = True,
        count: int = 100_000,
        seconds_apart: float = 0.01,
    ) -> None:
        self.sentences: list[str] = []
        self.error: BaseException | None = None
        self.source = ListedSource(count, live=live, seconds_apart=seconds_apart)
        self.pipeline = Pipeline(
            self.source,
            lambda size: OpenedRenderer(FakeRenderer(size), ""),
            Scene((parse("navy"),)),
            sinks,
            events=PipelineEvents(trouble=self.sentences.append),
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.pipeline.run()
        except BaseException as error:
            self.error = error

    def stop(self, within_seconds: float) -> float:
        """Stop it, and say how long that took."""
        started = time.monotonic()
        self.pipeline.stop()
        self.join(within_seconds)
        return time.monotonic() - started

    def join(self, within_seconds: float) -> None:
        self._thread.join(within_seconds)
        assert not self._thread.is_alive(), "the run does not end"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (outlet, outputs_ending):
        monkeypatch.setattr(module, "STALLED_SECONDS", 0.5)
    monkeypatch.setattr(outputs_ending, "STUCK_SECONDS", 0.8)
    monkeypatch.setattr(outputs_ending, "STUCK_IDLE_SECONDS", 0.3)


def test_a_full_pipe_delays_no_other_output(tmp_path: Path) -> None:
    pipe, other = Pipe(tmp_path / "pipe"), RecordingSink()
    run = Run(pipe, other)
    wait_until(lambda: bool(run.sentences))
    assert run.sentences == [
        "pipe has not accepted a picture for 1 seconds. The other outputs continue."
    ]
    seen = len(pipe.indices)
    time.sleep(0.5)
    assert len(pipe.indices) == seen, "it is blocked"
    newest = other.indices[-1]
    pipe.read_on()
    wait_until(lambda: len(run.sentences) == 2)
    assert run.sentences[1] == "pipe accepts pictures now."
    wait_until(lambda: len(pipe.indices) > seen + 5)
    assert pipe.indices[seen + 2] >= newest, "it goes on with the newest"
    assert pipe.indices == sorted(pipe.indices)
    assert run.stop(5) < 2
    assert run.error is None
    assert (pipe.ended, other.ended) == ("closed", "closed")
    assert other.longest_gap < LONGEST_GAP_SECONDS
    assert len(pipe.memory | other.memory) <= 5, "no memory is taken while it runs"


@pytest.mark.parametrize("live", [True, False])
def test_a_pipe_that_nobody_reads_is_left_behind(tmp_path: Path, live: bool) -> None:
    pipe, other = Pipe(tmp_path / "pipe"), RecordingSink()
    run = Run(pipe, other, live=live)
    wait_until(lambda: bool(run.sentences))
    assert run.stop(8) < 4
    assert isinstance(run.error, SinkError)
    assert run.error.problem == "pipe does not respond and was left unfinished."
    assert other.ended == "closed"
    assert other.indices[-1] == -1, "the slate comes last"
    assert pipe.ended == ""
    pipe.read_on()


def test_closing_may_take_its_time_as_long_as_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs_ending, "FINISHING_SECONDS", 0.6)

    class Finishing(RecordingSink):
        def close(self) -> None:
            end = time.monotonic() + 1.2
            while time.monotonic() < end:
                sum(range(1000))
            super().close()

    finishing = Finishing(name="long.mp4")
    run = Run(finishing, count=3)
    run.join(8)
    assert run.error is None
    assert finishing.ended == "closed"
    assert run.sentences == ["Finishing long.mp4."]


def test_closing_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs_ending, "FINISHING_SECONDS", 0.8)
    released = threading.Event()

    class Hanging(RecordingSink):
        def close(self) -> None:
            released.wait(20)

    other = RecordingSink()
    run = Run(Hanging(name="drive"), other, count=3)
    run.join(8)
    released.set()
    assert isinstance(run.error, SinkError)
    assert "drive does not respond and was left" in run.error.problem
    assert run.sentences == ["Finishing drive."]
    assert other.ended == "closed"


class HangingOpen(RecordingSink):
    """A window or a drive that does not come up for a while."""

    def __init__(self) -> None:
        super().__init__(name="drive")
        self.released = threading.Event()

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        self.released.wait(20)
        super().open(size, frames_per_second)


def test_an_output_that_does_not_open_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs_module, "OPENING_SECONDS", 0.3)
    hanging, other = HangingOpen(), RecordingSink()
    run = Run(hanging, other)
    wait_until(lambda: len(other.indices) > 5)
    assert run.sentences == [
        "drive did not open within 0 seconds. The other outputs start without it."
    ]
    assert hanging.indices == []
    hanging.released.set()
    wait_until(lambda: len(hanging.indices) > 5)
    assert run.stop(5) < 2
    assert run.error is None
    assert (hanging.ended, other.ended) == ("closed", "closed")


@pytest.mark.parametrize("live", [True, False])
def test_where_it_is_needed_it_is_an_error(monkeypatch: pytest.MonkeyPatch, live: bool) -> None:
    monkeypatch.setattr(outputs_module, "LONGEST_OPENING_SECONDS", 0.3)
    hanging = HangingOpen()
    others = () if live else (RecordingSink(),)
    run = Run(hanging, *others, live=live)
    run.join(8)
    hanging.released.set()
    assert isinstance(run.error, SinkError)
    assert "drive did not open within" in run.error.problem
    assert run.sentences == ["drive does not respond and was left unfinished."]


def test_ctrl_c_ends_the_wait_for_an_output_that_does_not_open() -> None:
    hanging = HangingOpen()
    run = Run(hanging)
    time.sleep(0.2)
    assert run.stop(8) < 3
    hanging.released.set()
    assert isinstance(run.error, SinkError)
    assert "drive does not respond and was left" in run.error.problem


def test_of_a_file_every_picture_reaches_every_output_in_order() -> None:
    class Slow(RecordingSink):
        def send(self, picture: Rendered) -> None:
            time.sleep(0.02)
            super().send(picture)

    slow, fast, recording = Slow(), RecordingSink(), Recording()
    run = Run(slow, fast, recording, live=False, count=25)
    run.join(10)
    assert run.error is None
    for sink in (slow, fast):
        assert [each for each in sink.indices if each >= 0] == list(range(25))
    assert recording.indices == list(range(25)), "no slates"
    assert len(slow.memory | fast.memory | recording.memory) <= 7
    assert run.pipeline.statistics.frames == 25


def test_a_view_neither_holds_up_nor_ends_what_is_made_of_a_file(tmp_path: Path) -> None:
    class Window(Pipe):
        only_shows = True

        def send(self, picture: Rendered) -> None:
            if picture.index > 20:
                raise SinkError("The window has ended.", "")
            super().send(picture)

    window, recording = Window(tmp_path / "pipe"), Recording()
    run = Run(window, recording, live=False, count=120)
    wait_until(lambda: bool(run.sentences))
    window.read_on()
    run.join(10)
    assert recording.indices == list(range(120))
    assert (window.ended, recording.ended) == ("aborted", "closed")
    assert len(window.indices) < 30
    assert str(run.error) == "The window has ended. "
    assert run.sentences[-1] == "The window has ended. The other outputs continue."


class Hiccuping(Recording):
    """A recording whose encoder or disk stops for a moment."""

    def __init__(self, seconds: float) -> None:
        super().__init__(name="r.mp4")
        self._seconds = seconds

    def send(self, picture: Rendered) -> None:
        if picture.index == 10:
            time.sleep(self._seconds)
        super().send(picture)


def test_a_recording_loses_nothing_to_a_moment_and_says_what_it_lost_to_more() -> None:
    brief, long, window = Hiccuping(0.1), Hiccuping(0.8), RecordingSink(name="window")
    run = Run(brief, long, window, count=60, seconds_apart=0.03)
    run.join(10)
    sent = [each for each in window.indices if each >= 0]
    assert set(sent) <= set(brief.indices)
    assert len(long.indices) < len(brief.indices)
    assert run.pipeline.statistics.frames + run.pipeline.statistics.dropped == 60
    missing = len(brief.indices) - len(long.indices)
    assert run.pipeline.remarks == [
        f"r.mp4: {missing} pictures are missing, since its encoder or drive was too slow."
    ]
    assert window.longest_gap < LONGEST_GAP_SECONDS


def test_with_recordings_alone_no_more_is_rendered_than_they_take() -> None:
    class Slow(Recording):
        def send(self, picture: Rendered) -> None:
            time.sleep(0.05)
            super().send(picture)

    slow = Slow()
    run = Run(slow, count=80)
    run.join(15)
    assert run.pipeline.remarks == []
    assert run.pipeline.statistics.frames == len(slow.indices) < 50


def test_latency_is_counted_until_the_picture_is_taken() -> None:
    class Slow(RecordingSink):
        def send(self, picture: Rendered) -> None:
            time.sleep(0.1)
            super().send(picture)

    run = Run(Slow(), Recording(), count=60)
    run.join(10)
    latency = run.pipeline.statistics.summary().median_latency_seconds
    assert latency is not None
    assert 0.1 <= latency < 0.5


def test_an_output_that_fails_as_nobody_foresaw_is_given_up_too() -> None:
    class Broken(RecordingSink):
        def send(self, picture: Rendered) -> None:
            if picture.index >= 2:
                raise OSError("Input/output error")

    broken, other = Broken(name="broken"), RecordingSink()
    run = Run(broken, other, count=30)
    run.join(10)
    assert isinstance(run.error, OSError)
    assert run.sentences == ["broken failed: Input/output error. The other outputs continue."]
    assert (broken.ended, other.ended) == ("aborted", "closed")
    assert len(other.indices) > len(broken.indices) + 5


@pytest.fixture
def blocked() -> Iterator[tuple[AwakeClock, Outputs, list[str], Callable[[], None]]]:
    """Outputs with one sink that is busy with its first picture."""
    released = threading.Event()

    class Blocked(RecordingSink):
        def send(self, picture: Rendered) -> None:
            released.wait(20)

    clock, said = AwakeClock(), list[str]()
    outputs = Outputs([Blocked()], clock, live=True, on_trouble=said.append)
    outputs.open(SIZE, Fraction(30))
    outputs.send(picture(SIZE))
    yield clock, outputs, said, released.set
    released.set()
    outputs.close(None)


def test_a_program_that_was_stopped_blames_no_output(
    blocked: tuple[AwakeClock, Outputs, list[str], Callable[[], None]],
) -> None:
    clock, outputs, said, _ = blocked
    time.sleep(1)  # as SIGSTOP does, or the computer's lid
    clock.tick()
    outputs.check()
    assert said == []
    deadline = time.monotonic() + 5
    while not said and time.monotonic() < deadline:
        time.sleep(0.02)
        clock.tick()
        outputs.check()
    assert said == ["recording has not accepted a picture for 1 seconds."]


def test_sinks_read_copies() -> None:
    got: list[Rendered] = []

    class Keeping(RecordingSink):
        def send(self, picture: Rendered) -> None:
            got.append(picture)

    outputs = Outputs([Keeping()], AwakeClock(), live=True, on_trouble=print)
    outputs.open(SIZE, Fraction(30))
    sent = picture(SIZE, 7, transparent=True)
    outputs.send(sent)
    outputs.wait_until_taken()
    expected = sent.image.copy(), sent.alpha.copy()
    sent.image[:] = sent.alpha[:] = 99
    np.testing.assert_array_equal(got[0].image, expected[0])
    np.testing.assert_array_equal(got[0].alpha, expected[1])
    assert (got[0].index, got[0].transparent) == (7, True)
    outputs.close(None)
