from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from livematte.doctor.examination import examine
from livematte.doctor.finding import Check, Finding, Status, command_line, note, ok, problem


def raises() -> Iterator[Finding]:
    yield ok("the first half")
    raise KeyError("what nobody thought of")


@pytest.mark.parametrize("in_main_thread", [False, True])
def test_what_a_check_raises_is_a_problem_and_the_others_go_on(in_main_thread: bool) -> None:
    checks = [Check("a", raises, True, in_main_thread), Check("b", lambda: [ok("fine")])]
    broken, fine = examine(checks)
    assert [each.status for each in broken.findings] == [Status.OK, Status.PROBLEM]
    assert "KeyError" in broken.findings[1].text
    assert "what nobody thought of" in broken.findings[1].text
    assert "test_examination.py, line " in broken.findings[1].text
    assert broken.stops_livematte
    assert fine.findings == [ok("fine")]


def test_a_missing_package_is_named() -> None:
    def check() -> Iterator[Finding]:
        import livematte_has_no_such_module  # type: ignore[import-not-found]

        yield ok(livematte_has_no_such_module.__name__)

    (report,) = examine([Check("a", check)])
    assert "livematte_has_no_such_module" in report.findings[0].text


def test_a_check_that_hangs_is_left_behind() -> None:
    over = threading.Event()

    def hangs() -> Iterator[Finding]:
        yield ok("before")
        over.wait(20)

    started = time.monotonic()
    hung, fine = examine([Check("a", hangs), Check("b", lambda: [ok("fine")])], 0.2)
    over.set()
    assert time.monotonic() - started < 5
    assert [each.status for each in hung.findings] == [Status.OK, Status.PROBLEM]
    assert "0.2 seconds" in hung.findings[1].text
    assert fine.findings == [ok("fine")]


@pytest.mark.parametrize(
    ("essential", "finding", "stops"),
    [
        (True, problem("no", "so"), True),
        (False, problem("no", "so"), False),
        (True, note("hm"), False),
        (True, ok("yes"), False),
    ],
)
def test_only_a_problem_of_what_is_essential_stops(
    essential: bool, finding: Finding, stops: bool
) -> None:
    (report,) = examine([Check("a", lambda: [finding], essential)])
    assert report.stops_livematte == stops


def test_commands_are_quoted_for_the_shell() -> None:
    words = "pip", "install", "numpy>=1.26", "two words"
    assert command_line(*words, platform="linux") == "pip install 'numpy>=1.26' 'two words'"
    # cmd.exe would take what follows an unquoted > for a file.
    assert command_line(*words, platform="win32") == 'pip install "numpy>=1.26" "two words"'
