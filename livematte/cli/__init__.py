"""The command line: arguments to objects. The only place that prints or exits."""

import os
import sys
import threading
from typing import NoReturn

from livematte.cli.library_messages import silence_libraries
from livematte.cli.signals import signals
from livematte.cli.streams import QueuedText, open_missing_streams, take_over_streams

__all__ = ["main"]


def main() -> NoReturn:
    """The `livematte` command."""
    open_missing_streams()
    if getattr(sys, "frozen", False):
        # The window's process starts as this same program; this call turns it into the window.
        # `multiprocessing.freeze_support` does so on Windows only.
        from multiprocessing.spawn import freeze_support

        freeze_support()
    if "--debug" not in sys.argv:
        silence_libraries()
    stderr = take_over_streams()
    signals.catch()
    _end(_run(), stderr)


def _run() -> int:
    """Run the command and return its exit code. Raises nothing, unless a signal comes late."""
    try:
        try:
            from livematte.cli.app import main as run
        except ImportError as error:
            sys.exit(_cannot_start(error))
        run()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as `cli.terminal` has it, which may not be there yet
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _end(code: int, stderr: QueuedText) -> NoReturn:
    code = signals.end(code)
    try:
        sys.stdout.flush()
    except OSError as error:
        # Otherwise Python flushes again at exit, and changes the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if code == 0:
            code = 1
            if not isinstance(error, BrokenPipeError):
                print(f"livematte: {error}", file=sys.stderr)
    stderr.close_within()
    if any(thread.daemon for thread in threading.enumerate()):
        # Skip the interpreter's shutdown, during which a thread in a driver could crash.
        os._exit(code)
    sys.exit(code)


def _cannot_start(error: ImportError) -> str:
    """What to do if not even `livematte doctor` can start."""
    from livematte.doctor.examination import INSTALLATION, examine
    from livematte.doctor.finding import Status

    lines = [f"livematte: It cannot start: {error}."]
    for report in examine(INSTALLATION):
        for each in report.findings:
            if each.status is Status.PROBLEM:
                lines += [each.text, each.fix, f"    {each.command}"]
    return "\n".join(lines)
