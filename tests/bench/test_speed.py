"""One candidate's process, run here in a thread, with a renderer whose speed is known."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from livematte.background import Background
from livematte.bench import speed
from livematte.bench.speed import Candidate, Opened, Round, Wish, serve
from livematte.errors import DeviceError, RenderError
from livematte.frame import Frame, Size
from livematte.options.refinement import Refinement
from livematte.options.rendering import CPU, RenderOptions
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer

SIZE = Size(320, 180)
NETWORK_SECONDS = 0.02


class TimedFake(FakeRenderer):
    """Tells of its one stage, as real renderers do."""

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        submitted = super().submit(frame, background, refinement)
        if submitted:
            self.timings.record("network", NETWORK_SECONDS)
        return submitted


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch, open_renderer: Callable[[Size], OpenedRenderer]
) -> Iterator[Connection]:
    monkeypatch.setattr(speed, "_opener", lambda _candidate: open_renderer)
    ours, theirs = Pipe()
    thread = threading.Thread(
        target=serve, args=(theirs, Candidate(RenderOptions(CPU)), SIZE, "green")
    )
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join(10)
        theirs.close()
    assert not thread.is_alive()


def open_fake(size: Size) -> OpenedRenderer:
    return OpenedRenderer(TimedFake(size, NETWORK_SECONDS), "as a test")


def ask(connection: Connection, wish: Wish) -> Round:
    connection.send(wish)
    answer = connection.recv()
    assert isinstance(answer, Round), answer
    return answer


def test_a_round_is_measured_and_the_next_one_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, open_fake) as connection:
        assert connection.recv() == Opened("as a test")
        sent = 0
        for frames, single_frames in ((6, 4), (3, 2)):
            done = ask(connection, Wish(frames, single_frames))
            sent += speed.WARM_UP_FRAMES + frames + 1 + single_frames
            assert done.frames == sent
            assert done.description == "fake renderer"
            # From one picture to the next there is one less.
            assert len(done.period_seconds) == frames - 1
            assert len(done.latency_seconds) == single_frames
            assert {name: len(each) for name, each in done.stage_seconds.items()} == {
                "capture": single_frames,
                "network": single_frames,
                "sink": single_frames,
            }
            assert all(NETWORK_SECONDS <= each < 1 for each in done.latency_seconds)
            assert sum(done.period_seconds) >= (frames - 1) * NETWORK_SECONDS * 0.9


def test_full_speed_renders_ahead_and_single_frames_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    in_flight = []

    class Counting(TimedFake):
        flying = 0

        def submit(
            self, frame: Frame, background: Background, refinement: Refinement | None = None
        ) -> bool:
            submitted = super().submit(frame, background, refinement)
            self.flying += submitted
            in_flight.append(self.flying)
            return submitted

        def collect(self, timeout_seconds: float):  # type: ignore[no-untyped-def]
            picture = super().collect(timeout_seconds)
            if picture is not None:
                threading.Event().wait(2 * NETWORK_SECONDS)  # a slow sink
                self.flying -= 1
            return picture

    with serving(monkeypatch, lambda size: OpenedRenderer(Counting(size, 0.0), "")) as connection:
        connection.recv()
        ask(connection, Wish(5, 0))
        assert max(in_flight) >= 2
        in_flight.clear()
        done = ask(connection, Wish(1, 5))
    assert len(done.latency_seconds) == 5
    assert max(in_flight[-5:]) == 1


def test_a_slow_candidate_stops_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, open_fake) as connection:
        connection.recv()
        done = ask(connection, Wish(1000, 1000, seconds=0.2, single_seconds=0.2))
    assert 1 < len(done.period_seconds) < 15
    assert speed.FEWEST_FRAMES <= len(done.latency_seconds) < 15


def test_memory_is_noted_once_it_should_have_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SETTLED_FRAMES", 8)
    with serving(monkeypatch, lambda size: OpenedRenderer(FakeRenderer(size), "")) as connection:
        connection.recv()
        assert ask(connection, Wish(2, 0)).settled_bytes is None
        settled = ask(connection, Wish(4, 0))
        assert settled.settled_bytes == ask(connection, Wish(4, 0)).settled_bytes
    if settled.memory.present_bytes is None:
        pytest.skip("this system does not tell")
    assert settled.settled_bytes is not None


def test_why_a_renderer_cannot_be_opened_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_size: Size) -> OpenedRenderer:
        raise DeviceError("It is unplugged.", "Plug it in.")

    with serving(monkeypatch, refuse) as connection:
        answer = connection.recv()
    assert isinstance(answer, DeviceError)
    assert answer.problem == "It is unplugged."


def test_a_failure_on_the_way_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(FakeRenderer):
        def submit(
            self, frame: Frame, background: Background, refinement: Refinement | None = None
        ) -> bool:
            if frame.index == 3:
                raise RenderError("It broke.", "Mend it.")
            return super().submit(frame, background, refinement)

    with serving(monkeypatch, lambda size: OpenedRenderer(Failing(size), "")) as connection:
        connection.recv()
        connection.send(Wish(10, 10))
        answer = connection.recv()
    assert isinstance(answer, RenderError)


def test_a_bug_is_the_answer_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(_size: Size) -> OpenedRenderer:
        raise ZeroDivisionError

    with serving(monkeypatch, stumble) as connection:
        answer = connection.recv()
    assert "ZeroDivisionError" in answer
    assert "stumble" in answer


def test_openvino_is_measured_without_the_memory_of_pytorch() -> None:
    code = """
import sys, threading
from multiprocessing import Pipe
from livematte.bench.speed import Candidate, Round, Wish, serve
from livematte.frame import Size
from livematte.options.rendering import CPU, RenderOptions

ours, theirs = Pipe()
arguments = theirs, Candidate(RenderOptions(CPU, "fp32", 224)), Size(320, 180), "green"
thread = threading.Thread(target=serve, args=arguments)
thread.start()
ours.recv()
ours.send(Wish(1, 1))
assert isinstance(ours.recv(), Round)
ours.close()
thread.join()
print("openvino" in sys.modules, "torch" in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout.split() == ["True", "False"], finished.stderr
