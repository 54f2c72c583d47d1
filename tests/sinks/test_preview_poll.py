"""The preview as a source of changes, without its window."""

from __future__ import annotations

import time

import pytest

from livematte.options.changes import Change, NextBackground, Pause, Quit, SetBlur, SetRefinement
from livematte.sinks import PreviewWindow
from livematte.sinks.preview import preview
from livematte.sinks.preview.messages import Pressed, StatusWanted
from tests.sinks.show import Run


class SlowRun(Run):
    """Changes take some rounds until they are in the settings."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.window = PreviewWindow("poll", self.snapshot)
        self.asked: list[Change] = []
        self._rounds = rounds
        self._due: list[tuple[int, Change]] = []
        self._round = 0

    def press(self, keys: str) -> None:
        for key in keys:
            self.window._hear(Pressed(key))

    def go(self, rounds: int) -> None:
        for _ in range(rounds):
            self._round += 1
            for due, change in [*self._due]:
                if due <= self._round:
                    self._due.remove((due, change))
                    self.apply(change)
            for change in self.window.poll():
                self.asked.append(change)
                self._due.append((self._round + self._rounds, change))

    @property
    def said(self) -> str:
        return self.window._notes.said


@pytest.mark.parametrize("rounds", [1, 20])
def test_keys_in_a_row_each_go_on_from_the_one_before(rounds: int) -> None:
    run = SlowRun(rounds)
    run.press("++-]]")
    run.go(10 * rounds)
    assert run.asked == [
        *(SetBlur(30), SetBlur(35), SetBlur(30)),
        *(SetRefinement(edge=1), SetRefinement(edge=2)),
    ]


def test_what_hides_or_ends_waits_for_nothing() -> None:
    run = SlowRun(1000)
    run.press("+b]pq")
    run.go(3)
    assert run.asked == [SetBlur(30), Pause(True), Quit()]


def test_a_change_without_an_answer_holds_up_others_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preview, "ANSWER_SECONDS", 0.05)
    run = SlowRun(10_000)
    run.press("bb")
    run.go(2)
    assert run.asked == [NextBackground()]
    time.sleep(0.06)
    run.go(2)
    assert run.asked == [NextBackground()] * 2


def test_a_key_that_was_held_does_not_go_on_for_long() -> None:
    run = SlowRun(5)
    run.press("]" * 50)
    run.go(100)
    assert len(run.asked) == preview.MOST_WAITING


def test_a_refusal_is_said_and_so_is_what_has_changed() -> None:
    run = SlowRun(1)
    run.press("9")
    run.go(1)
    assert run.asked == []
    assert run.said == "There is no background 9. There are 3."
    time.sleep(preview.LOOK_SECONDS + 0.02)
    run.go(1)
    run.apply(NextBackground())  # by someone else
    time.sleep(preview.LOOK_SECONDS + 0.02)
    run.go(1)
    assert run.said == "Background Straße.jpg (2 of 3)"
    run.window.tell("It cannot be.")
    run.go(1)
    assert run.said == "It cannot be."


def test_statistics_come_while_they_are_wanted() -> None:
    run = SlowRun(1)
    for wanted in (True, False):
        run.window._hear(StatusWanted(wanted))
        time.sleep(preview.LOOK_SECONDS + 0.02)
        run.go(1)
        assert bool(run.window._notes.statistics) is wanted
