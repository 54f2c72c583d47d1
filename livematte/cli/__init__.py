"""The command line: arguments to objects. The only place that prints or exits."""

import sys

from livematte.cli.streams import open_missing_streams

__all__ = ["main"]


def main() -> None:
    """The `livematte` command."""
    open_missing_streams()
    if getattr(sys, "frozen", False):
        # The window's process starts as the same program, which this makes into what it is to be.
        # Not `multiprocessing.freeze_support`, which thinks of Windows only.
        from multiprocessing.spawn import freeze_support

        freeze_support()
    try:
        from livematte.cli.app import main as run
    except ImportError as error:
        sys.exit(_cannot_start(error))
    except KeyboardInterrupt:
        sys.exit(130)  # as `cli.terminal` has it, which may not be there yet
    run()


def _cannot_start(error: ImportError) -> str:
    """What to do if there is not even what `livematte doctor` needs to start."""
    from livematte.doctor.examination import INSTALLATION, examine
    from livematte.doctor.finding import Status

    lines = [f"livematte: It cannot start: {error}."]
    for report in examine(INSTALLATION):
        for each in report.findings:
            if each.status is Status.PROBLEM:
                lines += [each.text, each.fix, f"    {each.command}"]
    return "\n".join(lines)
