"""How much memory this process uses, on systems that tell without a library."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """Memory in RAM, at its peak and now, in bytes; None if the system does not tell."""

    peak_bytes: int | None
    present_bytes: int | None


def memory_of_this_process() -> Memory:
    """The peak so far, and the present use. macOS tells only the peak, Windows neither."""
    system = platform.system()
    if system == "Linux":
        # Not getrusage: its peak includes the copy of the parent process before `exec`.
        status = Path("/proc/self/status").read_text("ascii", errors="replace")
        return Memory(_kibibytes("VmHWM", status), _kibibytes("VmRSS", status))
    if system == "Darwin":
        import resource

        return Memory(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, None)
    return Memory(None, None)


def _kibibytes(name: str, status: str) -> int | None:
    """The bytes in a line like "VmRSS:   1234 kB" of /proc/self/status."""
    line = re.search(rf"^{name}:\s*(\d+) kB$", status, re.MULTILINE)
    return None if line is None else 1024 * int(line[1])
