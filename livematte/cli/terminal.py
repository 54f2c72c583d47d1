"""What all commands share: messages, errors, stopping, and parsing of numbers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from livematte.cli.plain import without_controls
from livematte.cli.signals import Stoppable, signals
from livematte.cli.streams import ReaderGoneError
from livematte.errors import LivematteError, NoReaderError, UsageError
from livematte.frame import Size
from livematte.network.size import DEFAULT_SHORT_SIDE, SHORT_SIDES
from livematte.text.addresses import hide_passwords
from livematte.text.near import did_you_mean, near

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""The shells' exit code after Ctrl-C: of jobs that did not do everything."""

AUTOMATIC: Final = "auto"
"""The value of options that livematte decides on, and of --virtual-camera without a device."""

LONGEST_SIDE: Final = 8192
"""In pixels: 8K and a little."""

Kind = TypeVar("Kind", bound=Enum)

console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def parse_size(text: str) -> Size:
    match = re.fullmatch(r"(\d{1,5})[xX*](\d{1,5})", text)
    if match is None or 0 in map(int, match.groups()):
        raise UsageError(f"Size {text!r} is not of the form WIDTHxHEIGHT.", "Try --size 1280x720.")
    size = Size(int(match[1]), int(match[2]))
    if max(size) > LONGEST_SIDE:
        raise UsageError(
            f"Size {text} is too large: no side may be longer than {LONGEST_SIDE}.",
            "Try --size 1280x720.",
        )
    return size


def parse_choice(option: str, text: str, kinds: type[Kind]) -> Kind:
    """The kind whose value is `text`."""
    known = [kind.value for kind in kinds]
    if text not in known:
        hint = did_you_mean(near(text, known))
        raise UsageError(f"{option} {text} is not known.", f"{hint}Choose from {', '.join(known)}.")
    return kinds(text)


def parse_matte_size(text: str) -> int | None:
    """The network's short side in pixels; None for auto."""
    if text == AUTOMATIC:
        return None
    if not re.fullmatch(r"\d{1,4}", text) or int(text) not in SHORT_SIDES:
        raise UsageError(
            f"Matte size {text!r} is neither auto nor a number from {SHORT_SIDES.start} to "
            f"{SHORT_SIDES.stop - 1}.",
            f"Leave it out, or try --matte-size {DEFAULT_SHORT_SIDE}.",
        )
    return int(text)


@contextmanager
def stopped_by_signals(running: Stoppable) -> Iterator[threading.Event]:
    """Ctrl-C, SIGTERM and a closed terminal stop the run cleanly: see `livematte.cli.signals`.

    Yields an event that is set once one of them has come.
    """
    signals.on_wait = lambda: say("Still ending, so that nothing is lost. Once more ends it now.")
    signals.run(running)
    try:
        yield signals.interrupted
    finally:
        signals.has_run()


@contextmanager
def reported(debug: bool = False) -> Iterator[None]:
    """Turn errors into one or two lines and an exit code; with `debug`, a traceback as well."""
    try:
        yield
    except NoReaderError as error:  # silently, as any program in front of `head`
        raise typer.Exit(EXIT_FAILURE) from error
    except LivematteError as error:
        if debug:
            console.print_exception()
        raise typer.Exit(explain(error)) from error
    except (typer.Exit, KeyboardInterrupt, ReaderGoneError):
        raise
    except ImportError as error:
        if debug:
            raise
        console.print(f"[bold red]livematte:[/] It cannot start: {_shown(str(error))}.")
        console.print("See what to do about it: livematte doctor")
        raise typer.Exit(EXIT_FAILURE) from error
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        console.print(f"[bold red]livematte:[/] Unexpected {kind}: {_shown(str(error))}")
        console.print("Run it again with --debug to see where, and please report it.")
        raise typer.Exit(EXIT_FAILURE) from error


def explain(error: LivematteError) -> int:
    """Say what happened and what to do, in two lines; returns the exit code."""
    console.print(f"[bold red]livematte:[/] {_shown(error.problem)}\n{_shown(error.remedy)}")
    return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILURE


def say(text: str) -> None:
    """Print a message on stderr; from any thread, and without waiting for a reader."""
    console.print(f"[bold]livematte:[/] {_shown(text)}")


def _shown(text: str) -> str:
    return escape(without_controls(hide_passwords(text)))
