"""Unfinished recordings, left when a process was killed or the power failed."""

from __future__ import annotations

from collections.abc import Iterator

from livematte.doctor.finding import Finding, note, ok


def check() -> Iterator[Finding]:
    from livematte.sinks.video.leftovers import find_leftovers
    from livematte.text.counted import counted

    left = find_leftovers()
    which = "it" if len(left) == 1 else f"all {counted(len(left), 'recording')}"
    for each in left:
        yield note(
            f"{each.path} was not finished; its pictures are in {each.unfinished}.",
            f"To finish {which}:",
            "livematte recover",
        )
    if not left:
        yield ok("no unfinished recordings")
