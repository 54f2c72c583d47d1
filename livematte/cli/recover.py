"""`livematte recover`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livematte.cli.options import Debug, switch
from livematte.cli.terminal import EXIT_FAILURE, reported, say
from livematte.errors import UsageError


def recover(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER...]", help="Also look in these folders, such as those of another disk."
        ),
    ] = None,
    only_list: Annotated[
        bool,
        switch("list", "Only list what was found."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Finish recordings that a crash, a kill or a power cut interrupted.

    Each becomes an ordinary file in the folder where it was recorded, such as "talk
    (recovered).mp4". Nothing is encoded again and no file is replaced. Recordings that are
    still running are left alone.
    """
    with reported(debug):
        from livematte.errors import SinkError
        from livematte.sinks.video import leftovers
        from livematte.sinks.video.remains import look_into

        for folder in folders or ():
            if not folder.is_dir():
                raise UsageError(f"{folder} is not a folder.", "Name the folder of the recording.")
        try:
            found = leftovers.find_leftovers(folders or ())
        except OSError as error:
            raise UsageError(f"A folder cannot be read: {error}.", "Name another.") from error
        failed = False
        for entry in found:
            if only_list:
                say(f"{entry.path}: {look_into(entry.unfinished)}, in {entry.unfinished}")
                continue
            try:
                recovered = leftovers.recover(entry)
            except SinkError as error:
                failed = True
                say(f"{error.problem} {error.remedy}")
                continue
            if recovered is None:
                say(f"{entry.path}: nothing was recorded yet")
            else:
                path, remains = recovered
                say(f"{path}: {remains}")
        for entry in leftovers.find_missing():
            say(
                f"{entry.path}: the unfinished recording {entry.unfinished} is not there; "
                "it was moved or removed, or its disk is not connected"
            )
        if not found:
            say("no unfinished recordings")
        if failed:
            raise typer.Exit(EXIT_FAILURE)
