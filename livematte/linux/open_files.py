"""Which other programs have a device open, according to /proc. Linux only.

/proc hides the open files of other users' programs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROCESSES = Path("/proc")


class Holder(NamedTuple):
    """A program that has a device open. As text: "zoom (process 1234)".

    openings: how many times it has the device open.
    """

    program: str
    process: int
    openings: int = 1

    def __str__(self) -> str:
        return f"{self.program} (process {self.process})"

    @property
    def is_livematte(self) -> bool:
        """Whether the program is livematte, judged by its command line."""
        with suppress(OSError):
            words = (_PROCESSES / str(self.process) / "cmdline").read_bytes().split(b"\0")
            return any(os.path.basename(each) == b"livematte" for each in words[:3])
        return False


class Holders(NamedTuple):
    """The programs that have a device open, except this one.

    is_all: whether the list is complete, because this process can inspect every program.
    """

    seen: list[Holder]
    is_all: bool


def holders(path: str) -> Holders:
    """The programs that have the device at `path` open."""
    device, own = os.path.realpath(path), str(os.getpid())
    found, is_all = list[Holder](), True
    for process in _PROCESSES.glob("[0-9]*"):
        if process.name == own:
            continue
        try:
            openings = sum(os.path.realpath(each) == device for each in (process / "fd").iterdir())
            if openings:
                program = (process / "comm").read_text(errors="replace").strip()
                found.append(Holder(program, int(process.name), openings))
        except PermissionError:
            is_all = is_all and _is_kernels(process)
        except OSError:
            pass  # it has ended
    return Holders(found, is_all)


def _is_kernels(process: Path) -> bool:
    """Whether it is one of the kernel's own threads, which have no files."""
    with suppress(OSError):
        return not (process / "cmdline").read_bytes()
    return True
