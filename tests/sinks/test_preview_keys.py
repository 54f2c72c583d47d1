from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from livematte.errors import UsageError
from livematte.linux.x11_window import character_of
from livematte.options.changes import (
    Change,
    Freeze,
    NextBackground,
    Pause,
    PreviousBackground,
    Quit,
    SetBackground,
    SetBlur,
    SetRefinement,
    StartRecording,
    StopRecording,
)
from livematte.options.refinement import MARGINS
from livematte.options.settings import LiveSettings
from livematte.sinks.preview.keys import change_for, meant

GREEN = LiveSettings(("green", "beach.jpg"))
BLURRED = LiveSettings(("green", "blur"), background_index=1)


def blurred(sigma: float) -> LiveSettings:
    return LiveSettings((f"blur:{sigma:g}",))


@pytest.mark.parametrize(
    ("key", "settings", "change"),
    [
        ("1", GREEN, SetBackground(0)),
        ("2", GREEN, SetBackground(1)),
        ("b", GREEN, NextBackground()),
        ("B", GREEN, PreviousBackground()),
        ("+", GREEN, SetBlur(30)),  # the usual one first
        ("+", BLURRED, SetBlur(35)),
        ("-", BLURRED, SetBlur(25)),
        ("+", blurred(33), SetBlur(35)),
        ("-", blurred(33), SetBlur(30)),
        ("+", blurred(4), SetBlur(5)),
        ("-", blurred(5), SetBlur(4)),
        ("-", blurred(4), SetBlur(4)),
        ("+", blurred(98), SetBlur(100)),
        ("+", blurred(100), SetBlur(100)),
        ("[", GREEN, SetRefinement(edge=-1)),
        ("]", replace(GREEN, edge=-1), SetRefinement(edge=0)),
        ("]", replace(GREEN, edge=MARGINS[-1]), SetRefinement(edge=MARGINS[-1])),
        ("[", replace(GREEN, edge=MARGINS[0]), SetRefinement(edge=MARGINS[0])),
        ("p", GREEN, Pause(True)),
        ("p", replace(GREEN, paused=True), Pause(False)),
        ("z", GREEN, Freeze(True)),
        ("z", replace(GREEN, frozen=True), Freeze(False)),
        ("r", GREEN, StartRecording()),
        ("r", replace(GREEN, recording=Path("r.mp4")), StopRecording()),
        ("q", GREEN, Quit()),
        ("\x1b", GREEN, Quit()),
        *((key, GREEN, None) for key in ("", "x", "0", "²", "m", "F5")),
    ],
)
def test_a_key_asks_for_a_change(key: str, settings: LiveSettings, change: Change | None) -> None:
    assert change_for(key, settings) == change


@pytest.mark.parametrize(
    ("key", "problem"),
    [("3", "There is no background 3. There are 2."), ("-", "Press + to blur the room.")],
)
def test_what_cannot_be_is_refused_in_words(key: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem.replace("+", r"\+")):
        change_for(key, GREEN)


def test_a_picture_whose_name_begins_with_blur_is_not_blur() -> None:
    assert change_for("+", LiveSettings(("blurry.jpg",))) == SetBlur(30)


@pytest.mark.parametrize(
    ("characters", "key"),
    [
        ("b", "b"),
        ("Bb", "B"),
        ("Qq", "q"),  # Shift or Caps Lock
        ("=+", "+"),  # American
        ("=", "+"),  # the same without knowledge of the keyboard
        ("_", "-"),
        ("_8", "8"),  # French: the key of 8
        ("&1", "1"),
        ("-6", "-"),
        ("<>", "["),  # German
        (",;", "["),
        (".:", "]"),
        ("?/", "h"),
        ("\x1b", "\x1b"),
        ("xX", ""),
        ("", ""),
    ],
)
def test_keys_mean_the_same_on_other_keyboards(characters: str, key: str) -> None:
    assert meant([*characters]) == key


def test_function_keys_are_known_by_their_names() -> None:
    assert [meant([each]) for each in ("F1", "F11", "F4")] == ["h", "f", ""]


@pytest.mark.parametrize(
    ("code", "character"),
    [
        (ord("b"), "b"),
        (27, "\x1b"),
        (0xFFAB, "+"),  # of the keypad
        (0xFFAD, "-"),
        (0xFFB1, "1"),
        (0xFFC8, "F11"),
        (0xFF51, ""),  # an arrow, whose last byte is a Q's
        (0xFF53, ""),
        (0xFFE1, ""),  # Shift
        (0, ""),
    ],
)
def test_codes_of_the_toolkit_are_characters_or_nothing(code: int, character: str) -> None:
    assert character_of(code) == character
