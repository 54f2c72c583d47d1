"""What a check is, and what it finds."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

_PLAIN: Final = re.compile(r"[\w:.,=/\\-]+")


class Status(Enum):
    """note: neither good nor bad, such as an optional device that is missing."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    text: what was found, as a sentence or a clause.
    fix: what to do about it, in words; "" if there is nothing to do.
    command: a command to copy that does it; "" if there is none.
    details: more lines to show, such as a camera's modes.
    """

    status: Status
    text: str
    fix: str = ""
    command: str = ""
    details: tuple[str, ...] = ()


def ok(text: str, details: Iterable[str] = ()) -> Finding:
    return Finding(Status.OK, text, details=tuple(details))


def note(text: str, fix: str = "", command: str = "") -> Finding:
    return Finding(Status.NOTE, text, fix, command)


def problem(text: str, fix: str, command: str = "") -> Finding:
    return Finding(Status.PROBLEM, text, fix, command)


class Check(NamedTuple):
    """name: what is checked, as shown to the user.

    find: runs the check, which may take seconds; an exception is reported as a problem.
    essential: livematte cannot work without this.
    in_main_thread: must not be called from another thread.
    """

    name: str
    find: Callable[[], Iterable[Finding]]
    essential: bool = False
    in_main_thread: bool = False


class Report(NamedTuple):
    """What a check found."""

    check: Check
    findings: list[Finding]

    @property
    def stops_livematte(self) -> bool:
        return self.check.essential and any(each.status is Status.PROBLEM for each in self.findings)


def command_line(*words: str, platform: str = sys.platform) -> str:
    """The words as one command line, quoted for the system's shell."""
    if platform != "win32":
        return shlex.join(words)
    # Without quotes, the shell would take the text after a ">" as a file name.
    return " ".join(each if _PLAIN.fullmatch(each) else f'"{each}"' for each in words)


def pip(*words: str) -> str:
    """A pip command for the Python that livematte runs in."""
    return command_line(sys.executable, "-m", "pip", *words)
